import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DomainError, errorMessage } from '../domain/errors'
import type { SystemUser } from './process'

/** Makes a folder that everybody may look into, and those above it. */
export function ensurePublicFolder(path: string): void {
  if (existsSync(path)) return
  ensurePublicFolder(dirname(path))
  mkdirSync(path)
  // Whatever the umask of whoever installs.
  chmodSync(path, 0o755)
}

/** Makes a folder for one user alone. One that is there stays as it is. */
export function ensurePrivateFolder(path: string, owner: SystemUser | null): void {
  if (existsSync(path)) return
  ensurePublicFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
  if (owner !== null) chownSync(path, owner.uid, owner.gid)
}

/** Puts a copy of a program where another one may lie and even run: whole, and on the disk before it has the name. */
export function installExecutable(source: string, path: string): void {
  ensurePublicFolder(dirname(path))
  const draft = join(dirname(path), '.snailpass.installing')
  rmSync(draft, { force: true })
  copyFileSync(source, draft)
  chmodSync(draft, 0o755)
  sync(draft)
  renameSync(draft, path)
  sync(dirname(path))
}

/** Puts a text in the place of a file, whole or not at all. */
export function writeTextAtomic(path: string, text: string, mode: number, group?: number): void {
  ensurePublicFolder(dirname(path))
  const draft = `${path}.installing`
  writeFileSync(draft, text, { mode })
  chmodSync(draft, mode)
  if (group !== undefined) chownSync(draft, 0, group)
  sync(draft)
  renameSync(draft, path)
  sync(dirname(path))
}

/** The text of a file, null when there is none. */
export function findFileText(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}

export function haveSameContent(one: string, other: string): boolean {
  return statSync(one).size === statSync(other).size && hashFile(one) === hashFile(other)
}

function hashFile(path: string): string {
  const hash = createHash('sha256')
  const buffer = new Uint8Array(1024 * 1024)
  const descriptor = openSync(path, 'r')
  try {
    for (let length = -1; length !== 0; ) {
      length = readSync(descriptor, buffer)
      hash.update(buffer.subarray(0, length))
    }
  } finally {
    closeSync(descriptor)
  }
  return hash.digest('hex')
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** What the system refuses becomes a refusal that says what to do; bugs stay bugs. */
export async function translateInstallErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'path' in error)) throw error
    throw new DomainError('unavailable', `not installed: ${errorMessage(error)}`, {
      hint: 'see that the disk has space and that you may write there: as root or, below a folder of your own, with --prefix',
      cause: error,
    })
  }
}
