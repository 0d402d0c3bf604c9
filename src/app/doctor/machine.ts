import { memoryLimit, openFileLimit, type ReadSystemFile } from '../../files/system-files'
import type { Finding, Outcome } from './findings'

/** Each request in progress has a connection, and the Windows client sends hundreds at once (wire contract). */
const minOpenFiles = 1_024

/** Bytes. A server uses 60 MB, and as much again while it writes a backup. */
const minMemory = 160_000_000

/** Checks how many files may be open, and how much memory is available (proc(5), cgroup v2). */
export function checkResourceLimits(read: ReadSystemFile): Outcome {
  const findings: Finding[] = []
  const files = openFileLimit(read)
  if (files !== null && files < minOpenFiles) {
    findings.push({
      what: `only ${files} files may be open at the same time`,
      why: 'each connection counts as one, and a client opens hundreds at once: some would be refused',
      fix: `run ulimit -n ${minOpenFiles} in the shell that starts the server, or set LimitNOFILE=65536 in its unit`,
    })
  }
  const memory = memoryLimit(read)
  if (memory !== null && memory < minMemory) {
    findings.push({
      what: `only ${megabytes(memory)} MB of memory are available`,
      why: 'the system kills a server that needs more, with all requests in progress',
      fix: 'give the machine or its container more memory, or stop other programs',
    })
  }
  const parts = [
    ...(files === null ? [] : [`${files} files`]),
    ...(memory === null ? [] : [`${megabytes(memory)} MB of memory`]),
  ]
  return {
    fact: parts.length === 0 ? 'limits unknown' : parts.join(', '),
    findings,
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1e6)
}

/** Types of file systems whose files are on another machine, as Linux names them. */
const networkFileSystems =
  /^(?:share|nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|fuse\.(?:sshfs|rclone|s3fs|glusterfs|davfs\d?))$/

/**
 * Checks whether a file is on a network file system (proc(5), mountinfo). On Windows only paths of the form `\\SERVER\SHARE`
 * show that. Also says what this system can't promise.
 */
export function checkFileSystem(path: string, read: ReadSystemFile): Outcome {
  const type = findFileSystemType(path, read)
  if (!networkFileSystems.test(type ?? '')) {
    const fact =
      type === null
        ? 'file system unknown'
        : `the database is on ${type || 'an unknown file system'}`
    return { fact: [fact, ...durabilityNotes()].join('; ') }
  }
  return {
    fact: `the database is on ${type}`,
    findings: [
      {
        what: `${path} is on a network file system (${type})`,
        why: 'SQLite needs locks and shared memory that do not work reliably there: the database can be damaged',
        fix: 'move the data folder to a disk of this machine, or move the data to Postgres with `snailpass copy`',
      },
    ],
  }
}

/** Returns what this system can't promise, for people. docs/install.md says more. */
function durabilityNotes(): readonly string[] {
  switch (process.platform) {
    case 'win32':
      return ['Windows syncs no folders: a power cut can undo the creation of a file a moment ago']
    case 'darwin':
      // Bun uses Apple's SQLite (https://bonsaidb.io/blog/acid-on-apple/).
      return ['macOS leaves the last writes in the cache of the drive: a power cut can lose them']
    default:
      return []
  }
}

/** Returns the type of the file system that contains a path: `share` for `\\SERVER\SHARE`, null if the system does not tell. */
export function findFileSystemType(path: string, read: ReadSystemFile): string | null {
  if (process.platform === 'win32')
    return /^[\\/]{2}(?:[^?.]|[?.][\\/]UNC[\\/])/i.test(path) ? 'share' : null
  const mountinfo = read('/proc/self/mountinfo')
  return mountinfo === null ? null : fileSystemTypeOf(path, mountinfo)
}

/** Returns the type of the file system that contains a path; empty if unknown. */
function fileSystemTypeOf(path: string, mountinfo: string): string {
  let [mountPoint, type] = ['', '']
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    // Spaces and some other characters are escaped as octal numbers.
    const mounted = (before.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const containsPath = mounted === '/' || path === mounted || path.startsWith(`${mounted}/`)
    // Of several mounts at one path, the last one counts.
    if (containsPath && mounted.length >= mountPoint.length)
      [mountPoint, type] = [mounted, after.split(' ')[0] ?? '']
  }
  return type
}
