import { readFileSync } from 'node:fs'
import type { Finding, Outcome } from './findings'

/** What the system tells of itself in files; null for what is not there. Tests bring machines of their own. */
export type ReadSystemFile = (path: string) => string | null

export const readSystemFile: ReadSystemFile = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** One connection for each request that is under way, and the Windows client makes hundreds at once (contract). */
const minOpenFiles = 1_024

/** A server takes 60 MB, and an archive as much again for as long as it is made. */
const minMemory = 160_000_000

/** How many files may be open, and how much memory there is (proc(5), cgroup v2). */
export function checkResourceLimits(read: ReadSystemFile): Outcome {
  const findings: Finding[] = []
  const files = /^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1]
  if (files !== undefined && Number(files) < minOpenFiles) {
    findings.push({
      what: `only ${files} files may be open at the same time`,
      why: 'each connection is one: some of the hundreds that a client opens at once would be refused',
      fix: `ulimit -n ${minOpenFiles} in the shell that starts the server, or LimitNOFILE=65536 in its unit`,
    })
  }
  const memory = findAvailableMemory(read)
  if (memory !== null && memory < minMemory) {
    findings.push({
      what: `only ${megabytes(memory)} MB of memory are left to it`,
      why: 'the system ends what takes more than there is, and requests under way with it',
      fix: 'give the machine or its container more, or stop something else on it',
    })
  }
  const parts = [
    ...(files === undefined ? [] : [`${files} files`]),
    ...(memory === null ? [] : [`${megabytes(memory)} MB of memory`]),
  ]
  return {
    fact: parts.length === 0 ? 'this system tells nothing of limits' : parts.join(', '),
    findings,
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1e6)
}

/** What the machine has left, or less where a control group allows less. Bytes. */
function findAvailableMemory(read: ReadSystemFile): number | null {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '')?.[1]
  const group = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1]
  const limit =
    group === undefined ? null : read(`/sys/fs/cgroup${group.replace(/\/$/, '')}/memory.max`)
  const bounds = [
    ...(available === undefined ? [] : [Number(available) * 1024]),
    ...(limit !== null && /^\d+$/.test(limit.trim()) ? [Number(limit)] : []),
  ]
  return bounds.length === 0 ? null : Math.min(...bounds)
}

/** File systems whose files lie on another machine, by the names that Linux has for them. */
const networkFileSystems =
  /^(?:nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|fuse\.(?:sshfs|rclone|s3fs|glusterfs|davfs\d?))$/

/** Whether a file lies on a file system of another machine (proc(5), mountinfo). */
export function checkFileSystem(path: string, read: ReadSystemFile): Outcome {
  const mountinfo = read('/proc/self/mountinfo')
  if (mountinfo === null) return { fact: 'this system does not tell where the files lie' }
  const type = fileSystemTypeOf(path, mountinfo)
  if (!networkFileSystems.test(type))
    return { fact: `the database lies on ${type || 'an unknown file system'}` }
  return {
    fact: `the database lies on ${type}`,
    findings: [
      {
        what: `${path} lies on a file system of another machine (${type})`,
        why: 'SQLite needs locks and shared memory that such file systems only pretend to have: the database can be damaged',
        fix: 'move the data folder to a disk of this machine, or keep the vaults in Postgres: `snailpass copy`',
      },
    ],
  }
}

function fileSystemTypeOf(path: string, mountinfo: string): string {
  let [mountPoint, type] = ['', '']
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    // Spaces and the like are written in octal there.
    const mount = (before.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const isAbove = mount === '/' || path === mount || path.startsWith(`${mount}/`)
    // Of several at one place the last one counts.
    if (isAbove && mount.length >= mountPoint.length)
      [mountPoint, type] = [mount, after.split(' ')[0] ?? '']
  }
  return type
}
