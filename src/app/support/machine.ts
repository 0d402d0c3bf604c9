import { arch, availableParallelism, release, type as systemType, totalmem, version } from 'node:os'
import { memoryLimit, type ReadSystemFile } from '../../files/system-files'
import { findFileSystemType } from '../doctor/machine'

/** What a machine is, for a bug report. Every text is that of a product or a constant. */
export interface MachineFacts {
  /** The operating system and its kernel. */
  readonly system: string
  readonly architecture: string
  readonly processors: number
  /** Bytes. */
  readonly memory: number
  /** Bytes that programs can have now; null if unknown. */
  readonly memoryLimit: number | null
  /** The kind of container; null for none that can be told. */
  readonly container: string | null
  /** Whether systemd runs the machine. */
  readonly hasSystemd: boolean
  /** The service that the running server belongs to; null for none. */
  readonly unit: string | null
  /** The file system of the data folder; null if unknown. */
  readonly fileSystem: string | null
}

/** `serverPid` is the process of the running server. Null for what is unknown, or not there. */
export function describeMachine(
  { dataDir, serverPid }: { readonly dataDir: string | null; readonly serverPid: number | null },
  read: ReadSystemFile,
  environment: Readonly<Record<string, string | undefined>>,
): MachineFacts {
  return {
    system: describeSystem(read),
    architecture: arch(),
    processors: availableParallelism(),
    memory: totalmem(),
    memoryLimit: memoryLimit(read),
    container: findContainer(read, environment),
    hasSystemd: read('/proc/1/comm')?.trim() === 'systemd',
    unit: serverPid === null ? null : findUnit(serverPid, read),
    fileSystem: dataDir === null ? null : findFileSystemType(dataDir, read) || null,
  }
}

function describeSystem(read: ReadSystemFile): string {
  // What follows the numbers of a kernel, anyone who builds one can choose.
  const kernel = `${systemType()} ${/^[\d.]*\d/.exec(release())?.[0] ?? ''}`.trim()
  if (process.platform === 'win32') return `${version()}, ${kernel}`
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(
    read('/etc/os-release') ?? read('/usr/lib/os-release') ?? '',
  )?.[1]
  return [name, kernel].filter((part) => part !== undefined).join(', ')
}

/** Names a container as systemd, Docker, Podman and Kubernetes do (systemd-detect-virt(1)). */
function findContainer(
  read: ReadSystemFile,
  environment: Readonly<Record<string, string | undefined>>,
): string | null {
  if (environment['KUBERNETES_SERVICE_HOST'] !== undefined) return 'kubernetes'
  const named = (read('/run/systemd/container') ?? environment['container'] ?? '').trim()
  if (/^[a-z][a-z-]{1,30}$/.test(named)) return named
  if (read('/run/.containerenv') !== null) return 'podman'
  if (read('/.dockerenv') !== null) return 'docker'
  return /microsoft/i.test(read('/proc/version') ?? '') ? 'wsl' : null
}

/** Returns the service of systemd that a process belongs to (proc_pid_cgroup(5)). That of a user's session is none. */
function findUnit(pid: number, read: ReadSystemFile): string | null {
  const units = [...(read(`/proc/${pid}/cgroup`) ?? '').matchAll(/\/([^/\n]+\.service)/g)]
  const unit = units.map(([, name = '']) => name).findLast((name) => !name.startsWith('user@'))
  return unit ?? null
}
