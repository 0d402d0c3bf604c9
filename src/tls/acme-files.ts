import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isSystemFault, makeFolder, unusable } from '../store/data-folder'
import { replaceWhole } from '../store/whole-file'
import type { CertifiedKey } from './source'

/** Where in a folder the account's key and the certificate with its key are kept. */
export function acmePaths(folder: string) {
  return {
    account: join(folder, 'acme-account.key'),
    cert: join(folder, 'acme.crt'),
    key: join(folder, 'acme.key'),
  }
}

/**
 * A certificate and key as they were kept, for whichever authority; null where one of them is missing. Throws `unavailable`
 * for files that can't be read: to order in their place would be as useless at every start.
 */
export function findKept(folder: string): (CertifiedKey & { readonly directory: string }) | null {
  const { cert, key } = acmePaths(folder)
  if (!existsSync(cert) || !existsSync(key)) return null
  try {
    const [chain, secret] = [readFileSync(cert, 'utf8'), readFileSync(key, 'utf8')]
    return { cert: pemOf(chain), key: pemOf(secret), directory: writtenFor(chain) ?? '' }
  } catch (error) {
    throw isSystemFault(error) ? unusable(folder, error) : error
  }
}

/**
 * Keeps both, each whole. A crash between the two leaves a key that does not fit, which is as good as nothing: the next
 * start orders anew.
 */
export function keep(folder: string, directory: string, { cert, key }: CertifiedKey): void {
  const paths = acmePaths(folder)
  putFile(paths.key, directory, key)
  putFile(paths.cert, directory, cert)
}

/** What a certificate with its chain, two keys and the blocks of a file system take at most, in bytes. */
const room = 64 * 1024

/** Sees that what an order brings could be kept. Throws `unavailable` where it could not. */
export function requireRoom(folder: string): void {
  const draft = join(folder, `acme.${process.pid}.room`)
  try {
    makeFolder(folder)
    try {
      writeFileSync(draft, new Uint8Array(room), { mode: 0o600, flush: true })
    } finally {
      rmSync(draft, { force: true })
    }
  } catch (error) {
    throw isSystemFault(error) ? unusable(folder, error) : error
  }
}

/**
 * Puts PEM in the place of whatever is there. What it was made for stands before it, where readers of PEM skip it (RFC 7468,
 * section 5.2). Throws what the system says.
 */
export function putFile(path: string, directory: string, pem: string): void {
  makeFolder(dirname(path))
  replaceWhole(path, `ACME directory: ${directory}\n${pem.trimEnd()}\n`)
}

/** The directory of the authority that a file is for; null where it does not say. */
export function writtenFor(text: string): string | null {
  return /^ACME directory: (?<url>\S+)$/m.exec(text)?.groups?.['url'] ?? null
}

function pemOf(text: string): string {
  return text.slice(Math.max(0, text.indexOf('-----BEGIN')))
}
