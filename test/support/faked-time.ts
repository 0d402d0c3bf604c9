import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

/** Where Debian installs the library. */
function findLibrary(): string {
  for (const name of readdirSync('/usr/lib')) {
    const path = join('/usr/lib', name, 'faketime', 'libfaketimeMT.so.1')
    if (existsSync(path)) return path
  }
  throw new Error('libfaketime is missing: run ./scripts/tools.sh')
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
      LD_PRELOAD: findLibrary(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
    now: () => Date.now() + offset * 1000,
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}
