import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLog } from '../../src/log'
import { tlsFolder } from '../../src/tls/local/folder'
import { type LocalDeps, startLocalSource, type WantedNames } from '../../src/tls/local/source'
import { createTestAuthority } from './certificates'
import { temporaryFolder } from './executable'
import { virtualTiming } from './store'
import { random } from './timing'

/** Returns a log whose entries a test reads. */
export function createTestLog() {
  const lines: string[] = []
  const log = createLog('json', Date.now, (line) => lines.push(line))
  const listEntries = (level: string) =>
    lines.map((line) => JSON.parse(line)).filter((line) => line.level === level)
  return { log, lines, listEntries }
}

/** Returns a machine called `pi` with a folder of its own. A test can change its names, clock and files. */
export function createTestMachine(change: Partial<WantedNames> = {}) {
  const temporary = temporaryFolder()
  const virtual = virtualTiming()
  let offset = 0
  const timing = { wait: virtual.wait, clock: () => virtual.clock() + offset }
  const log = createTestLog()
  const machine = {
    names: {
      hostname: 'pi',
      own: ['pi', 'pi.local', '192.168.1.5', '::1'],
      requested: [],
      ...change,
    },
  }
  const deps: LocalDeps = {
    folder: tlsFolder(join(temporary.path, 'tls')),
    wanted: () => machine.names,
    random,
    ...timing,
  }
  return {
    ...log,
    deps,
    folder: deps.folder,
    clock: timing.clock,
    /** Moves the clock without any checks in between: months of checks would take minutes. */
    advance: (milliseconds: number) => {
      offset += milliseconds
    },
    rename: (names: Partial<WantedNames>) => {
      machine.names = { ...machine.names, ...names }
    },
    start: () => startLocalSource({ ...deps, monotonicClock: timing.clock, log: log.log }),
    [Symbol.dispose]: temporary[Symbol.dispose],
  }
}

/** Writes a certificate of a test authority and its key to files, for localhost or these names. */
export async function createCertificateFiles(
  subject: { names: readonly string[]; notAfter?: number } = { names: ['localhost', '127.0.0.1'] },
) {
  const folder = temporaryFolder()
  const authority = await createTestAuthority()
  const paths = { cert: join(folder.path, 'fullchain.pem'), key: join(folder.path, 'key.pem') }
  const renew = async () => {
    const { certificate, key } = await authority.issue(subject)
    writeFileSync(paths.cert, certificate + authority.certificate)
    writeFileSync(paths.key, key, { mode: 0o600 })
  }
  await renew()
  return {
    ...paths,
    authority: authority.certificate,
    renew,
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}
