/**
 * What a running server tells the commands of its machine: where it listens, which only it knows for port 0. The file is believed only
 * while its server runs, so one that was killed misleads nobody.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { ownProperty, parseJson } from '../domain/untrusted'
import { chownToFolderOwner } from './data-folder'
import { removeFile, renameFile } from './open-elsewhere'
import { findOpenFileLock, lockOpenFile } from './open-file-lock'

export interface RunningServer {
  readonly pid: number
  readonly version: string
  /** Milliseconds since 1970 (UTC). */
  readonly startTime: number
  /** Where it listens, with the real ports, plain HTTP first; `unix:` URLs for sockets. */
  readonly urls: readonly URL[]
}

/**
 * Writes the file of this server, mode 0600, in place of that of another one. It exists until it is disposed of, and is believed as long as
 * this process lives. Throws system errors.
 */
export function writeServerFile(path: string, server: RunningServer): Disposable {
  const draft = `${path}.${process.pid}.new`
  removeFile(draft)
  // `wx` never follows a link: the owner of the folder could have placed one that leads anywhere.
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    writeFileSync(descriptor, format(server))
    chownToFolderOwner(draft, descriptor)
    // Before it has its name, so that nobody finds it without a lock.
    lockOpenFile(descriptor)
    renameFile(draft, path)
  } catch (error) {
    closeSync(descriptor)
    removeFile(draft)
    throw error
  }
  return {
    [Symbol.dispose]() {
      const isOwn = fstatSync(descriptor).ino === statSync(path, { throwIfNoEntry: false })?.ino
      if (isOwn) removeFile(path)
      closeSync(descriptor)
    },
  }
}

/**
 * Returns what the file of a running server says. Null if there is none, if its server does not run any more, and if this user may not
 * read it.
 */
export function readServerFile(path: string): RunningServer | null {
  const descriptor = openForReading(path)
  if (descriptor === null) return null
  try {
    if (!fstatSync(descriptor).isFile()) return null
    const server = parse(readFileSync(descriptor, 'utf8'))
    if (server === null) return null
    return (findOpenFileLock(descriptor) ?? isAlive(server.pid)) ? server : null
  } finally {
    closeSync(descriptor)
  }
}

function openForReading(path: string): number | null {
  try {
    // Without waiting for a writer, if somebody has put a pipe there.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return null
  }
}

function format({ pid, version, startTime, urls }: RunningServer): string {
  const content = {
    pid,
    version,
    started: new Date(startTime).toISOString(),
    urls: urls.map(({ href }) => href),
  }
  return `${JSON.stringify(content, null, 2)}\n`
}

/** Returns null for what no server of this version wrote. */
function parse(text: string): RunningServer | null {
  const content = parseJson(text)
  const pid = ownProperty(content, 'pid')
  const version = ownProperty(content, 'version')
  const started = ownProperty(content, 'started')
  const urls = ownProperty(content, 'urls')
  if (typeof pid !== 'number' || typeof version !== 'string' || !Array.isArray(urls)) return null
  const startTime = typeof started === 'string' ? Date.parse(started) : Number.NaN
  const isUrl = (url: unknown): url is string => typeof url === 'string' && URL.canParse(url)
  if (Number.isNaN(startTime) || !urls.every(isUrl)) return null
  return { pid, version, startTime, urls: urls.map((url) => new URL(url)) }
}

/** Returns whether a process with this number runs, which need not be the server: where nothing can be locked, that has to do. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
