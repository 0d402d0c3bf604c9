import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { join } from 'node:path'

const disk = '/dev/shm'
/** Executables are copied to a dozen folders at the same time, and a small computer needs its memory for the tests. */
const minFreeBytes = 6 * 1024 ** 3

/**
 * Keeps the temporary files of this process and its children in memory, if this system has a disk there with enough space.
 * On a real disk the tests mostly wait for fsync. What survives a loss of power is not tested by losing power.
 * A `TMPDIR` of the environment is respected. The files are removed when the process ends, even if it is killed.
 */
export function keepTemporaryFilesInMemory(): void {
  if (process.env['TMPDIR'] !== undefined || !isUsable()) return
  for (const name of readdirSync(disk)) {
    const pid = /^snailpass-tests-(\d+)$/.exec(name)?.[1]
    // A test that takes too long is ended with all processes, also the one that removes the files.
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeOldFolder(join(disk, name))
  }
  const folder = join(disk, `snailpass-tests-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  // Some programs under test run as other users.
  chmodSync(folder, 0o755)
  process.env['TMPDIR'] = folder
  // Postgres removes its own folders once it has stopped.
  const script = `read -r _; tries=0
    while ls "$0" | grep -q '^snailpass-postgres-' && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    rm -rf "$0"`
  Bun.spawn(['sh', '-c', script, folder], { stdin: 'pipe', stdout: 'ignore', stderr: 'ignore' })
}

function isUsable(): boolean {
  if (process.platform !== 'linux') return false
  const mount = /^\S+ \/dev\/shm tmpfs (\S+)/m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
  // Containers often have a small one that executes nothing.
  if (mount === undefined || mount.split(',').includes('noexec')) return false
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
  const { bavail, bsize } = statfsSync(disk)
  return Math.min(bavail * bsize, Number(available) * 1024) >= minFreeBytes
}

function removeOldFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // A process that a killed test left may still write there.
  }
}
