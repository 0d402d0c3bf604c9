import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { KeyPair } from '../../domain/certificates'
import { writeAtomic } from '../../files/atomic-file'
import { createFolder, translateFileErrors } from '../../files/data-folder'
import { replaceFiles } from '../../files/file-replacement'
import { tlsFolder, tryWithTlsFolderLock } from '../local/folder'

/**
 * Returns the paths of the account key, the certificate and its key for the CA with this directory. Each CA has its own files:
 * an operator who returns from a staging directory finds account and certificate again.
 */
export function acmePaths(folder: string, directory: string) {
  const host = new URL(directory).hostname.replaceAll(/[^\w.-]/g, '_')
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 8)
  const stem = join(folder, `acme-${host}-${digest}`)
  return { account: `${stem}-account.key`, cert: `${stem}.crt`, key: `${stem}.key` }
}

/**
 * Returns the saved certificate and key of a CA, null if one of them is missing. Throws `unavailable` if a file can't be read:
 * ordering a new certificate could not replace it either.
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
 * Saves a certificate and its key together: after a crash there are the old ones or the new ones, and on a full disk the old
 * ones stay. Throws the error of the system, or an Error if another process works on the folder.
 */
export function saveCertificate(folder: string, directory: string, { cert, key }: KeyPair): void {
  const paths = acmePaths(folder, directory)
  createFolder(folder)
  const isSaved = tryWithTlsFolderLock(tlsFolder(folder), () => {
    replaceFiles(folder, [
      { name: basename(paths.key), text: withPreamble(directory, key) },
      { name: basename(paths.cert), text: withPreamble(directory, cert) },
    ])
    return true
  })
  if (isSaved === null) throw new Error('another snailpass process is working there')
}

/** Upper bound in bytes of a certificate with its chain, two keys, and the rounding to blocks of the file system. */
const maxSavedBytes = 64 * 1024

/** Checks that there is space to save a certificate. Throws `unavailable` if there is not. */
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

/** Writes PEM to a file, atomically and durably, with the directory in its first line. Throws the error of the system. */
export function writePemFile(path: string, directory: string, pem: string): void {
  createFolder(dirname(path))
  writeAtomic(path, withPreamble(directory, pem))
}

/** Puts the directory before the PEM, where parsers ignore it (RFC 7468, section 5.2). */
function withPreamble(directory: string, pem: string): string {
  return `ACME directory: ${directory}\n${pem.trimEnd()}\n`
}

/** Returns the text of a PEM file without the lines before the first block. */
export function stripPreamble(text: string): string {
  return text.slice(Math.max(0, text.indexOf('-----BEGIN')))
}
