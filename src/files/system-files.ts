import { readdirSync, readFileSync } from 'node:fs'

/** Returns a file in which the system describes itself; null if it can't be read. Tests pass in the files of other machines. */
export type ReadSystemFile = (path: string) => string | null

export const readSystemFile: ReadSystemFile = (path) => {
  // Elsewhere, anyone could have created it: `/proc` is `C:\proc` on Windows.
  if (process.platform !== 'linux') return null
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Returns how many files this process may have open (proc_pid_limits(5)); null if there is no limit or it is unknown. */
export function openFileLimit(read: ReadSystemFile): number | null {
  const files = /^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1]
  return files === undefined ? null : Number(files)
}

/** Returns how many files this process has open (proc_pid_fd(5)), connections included; null if that is unknown. */
export function countOpenFiles(): number | null {
  if (process.platform !== 'linux') return null
  try {
    return readdirSync('/proc/self/fd').length
  } catch (error) {
    // The list needs one more.
    const isFull = error instanceof Error && 'code' in error && error.code === 'EMFILE'
    return isFull ? openFileLimit(readSystemFile) : null
  }
}

/** With so few files, the limit is the likely reason if SQLite can't open one: it does not tell why. */
const fewOpenFiles = 64

/** Returns what to do about an error with this code if too few files may be open; null for any other error. */
export function openFilesHint(code: unknown, read: ReadSystemFile = readSystemFile): string | null {
  const isLimit =
    code === 'EMFILE' ||
    code === 'ENFILE' ||
    (code === 'SQLITE_CANTOPEN' && (openFileLimit(read) ?? fewOpenFiles) < fewOpenFiles)
  return isLimit ? 'raise the number of files that may be open: ulimit -n 1024' : null
}

/**
 * Returns the bytes of memory that programs here may use together: what the machine has available, or the limit of the
 * control group if that is less (cgroups(7), version 1 and 2). Null if that is unknown.
 */
export function memoryLimit(read: ReadSystemFile): number | null {
  return smallest([...machineMemory(read), ...listGroupMemory(read).map(({ limit }) => limit)])
}

/** Like `memoryLimit`, but without what the processes of the control group use already. */
export function availableMemory(read: ReadSystemFile): number | null {
  const groups = listGroupMemory(read).map(({ limit, used }) => Math.max(0, limit - used))
  return smallest([...machineMemory(read), ...groups])
}

function smallest(bounds: readonly number[]): number | null {
  return bounds.length === 0 ? null : Math.min(...bounds)
}

function machineMemory(read: ReadSystemFile): readonly number[] {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '')?.[1]
  return available === undefined ? [] : [Number(available) * 1024]
}

/** Where a control group describes its memory, and how it names what its processes use, which the kernel can't take back. */
interface MemoryGroup {
  readonly folder: string
  readonly limit: string
  readonly used: RegExp
}

/** Returns the control groups that may limit this process. In a container its own one is the root of what it sees. */
function listControlGroups(read: ReadSystemFile): readonly MemoryGroup[] {
  const text = read('/proc/self/cgroup') ?? ''
  const unified = /^0::(\/.*)$/m.exec(text)?.[1]
  const memory = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(text)?.[1]
  const foldersOf = (root: string, group: string | undefined) =>
    group === undefined ? [] : [...new Set([`${root}${group.replace(/\/$/, '')}`, root])]
  return [
    ...foldersOf('/sys/fs/cgroup', unified).map((folder) => ({
      folder,
      limit: 'memory.max',
      used: /^anon (\d+)$/m,
    })),
    ...foldersOf('/sys/fs/cgroup/memory', memory).map((folder) => ({
      folder,
      limit: 'memory.limit_in_bytes',
      used: /^total_rss (\d+)$/m,
    })),
  ]
}

/** Returns the limit of each control group that has one, and what its processes use of it, in bytes. */
function listGroupMemory(read: ReadSystemFile): readonly { limit: number; used: number }[] {
  return listControlGroups(read).flatMap(({ folder, limit, used }) => {
    const bytes = read(`${folder}/${limit}`)?.trim() ?? ''
    // Without a limit, version 2 says `max`, and version 1 a number beyond every machine.
    if (!/^\d{1,15}$/.test(bytes)) return []
    const usedBytes = used.exec(read(`${folder}/memory.stat`) ?? '')?.[1] ?? 0
    return [{ limit: Number(bytes), used: Number(usedBytes) }]
  })
}
