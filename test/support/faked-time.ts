import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

/** Returns where Debian installs the library; null if it is missing. */
export function findFakeTimeLibrary(): string | null {
  for (const name of readdirSync('/usr/lib')) {
    const path = join('/usr/lib', name, 'faketime', 'libfaketimeMT.so.1')
    if (existsSync(path)) return path
  }
  return null
}

export interface FakedTime extends Disposable {
  /** For each process that is to have this clock. */
  readonly environment: Record<string, string>
  /** Sets the clock to so many days from the real time; back, if `days` is negative. Running processes see it at once. */
  set(days: number): void
  /** What the clock shows, in milliseconds since 1970 (UTC). */
  now(): number
}

/** A clock that executables get instead of that of the machine. The monotonic clock stays as it is. */
export function fakeTimeOfProcesses(days = 0): FakedTime {
  const library = findFakeTimeLibrary()
  if (library === null) throw new Error('libfaketime is missing: run ./scripts/tools.sh')
  const folder = temporaryFolder()
  const file = join(folder.path, 'offset')
  let offset = 0
  const set = (days: number) => {
    offset = days * 86_400
    writeFileSync(file, `${offset < 0 ? '-' : '+'}${Math.abs(offset)}\n`)
  }
  set(days)
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
    now: () => Date.now() + offset * 1000,
    [Symbol.dispose]() {
      folder[Symbol.dispose]()
      removeSharedMemory()
    },
  }
}

/** Removes what processes with the library left in memory that were killed. Those of running ones stay. */
function removeSharedMemory(): void {
  for (const name of readdirSync('/dev/shm')) {
    const pid = /^(?:faketime_shm|sem\.faketime_sem)_(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join('/dev/shm', name), { force: true })
  }
}
