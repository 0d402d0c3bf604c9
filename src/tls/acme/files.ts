import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { KeyPair } from '../../domain/certificates'
import { writeAtomic, writeGroupAtomic } from '../../files/atomic-file'
import { createFolder, translateFileErrors } from '../../files/data-folder'

/**
 * Where in a folder the key of the account with the authority of a directory, and its certificate with its key, are kept. Each
 * authority has files of its own: who tries staging and comes back finds account and certificate again.
 */
export function acmePaths(folder: string, directory: string) {
  const host = new URL(directory).hostname.replaceAll(/[^\w.-]/g, '_')
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 8)
  const stem = join(folder, `acme-${host}-${digest}`)
  return { account: `${stem}-account.key`, cert: `${stem}.crt`, key: `${stem}.key` }
}

/**
 * A certificate and key as they were kept of an authority; null where one of them is missing. Throws `unavailable` for files
 * that can't be read: to order in their place would be as useless at every start.
 */
export function findSavedCertificate(folder: string, directory: string): KeyPair | null {
  const { cert, key } = acmePaths(folder, directory)
  if (!existsSync(cert) || !existsSync(key)) return null
  return translateFileErrors(folder, () => ({
    cert: stripPreamble(readFileSync(cert, 'utf8')),
    key: stripPreamble(readFileSync(key, 'utf8')),
  }))
}

/**
 * Keeps both together: a full disk leaves the former ones. A crash between the two leaves the key alone, which is as good as
 * nothing: the next start orders anew. Throws what the system says.
 */
export function saveCertificate(folder: string, directory: string, { cert, key }: KeyPair): void {
  const paths = acmePaths(folder, directory)
  createFolder(folder)
  writeGroupAtomic([
    { path: paths.key, text: withPreamble(directory, key) },
    { path: paths.cert, text: withPreamble(directory, cert) },
  ])
}

/** What a certificate with its chain, two keys and the blocks of a file system take at most, in bytes. */
const maxSavedBytes = 64 * 1024

/** Sees that what an order brings could be kept. Throws `unavailable` where it could not. */
export function requireCertificateSpace(folder: string): void {
  const draft = join(folder, `acme.${process.pid}.room`)
  translateFileErrors(folder, () => {
    createFolder(folder)
    rmSync(draft, { force: true })
    try {
      writeFileSync(draft, new Uint8Array(maxSavedBytes), { mode: 0o600, flush: true, flag: 'wx' })
    } finally {
      rmSync(draft, { force: true })
    }
  })
}

/** Puts PEM in the place of whatever is there. Throws what the system says. */
export function writePemFile(path: string, directory: string, pem: string): void {
  createFolder(dirname(path))
  writeAtomic(path, withPreamble(directory, pem))
}

/** What PEM was made for stands before it, where readers skip it (RFC 7468, section 5.2). */
function withPreamble(directory: string, pem: string): string {
  return `ACME directory: ${directory}\n${pem.trimEnd()}\n`
}

/** What a file holds, without what stands before it. */
export function stripPreamble(text: string): string {
  return text.slice(Math.max(0, text.indexOf('-----BEGIN')))
}
