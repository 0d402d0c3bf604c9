import type { Endpoint, ListenAddress } from '../config/listen-address'
import { DomainError } from '../domain/errors'
import { ownProperty } from '../domain/untrusted'
import type { Layout } from './paths'
import { describeFailure, type ProcessResult, runProgram, type SystemUser } from './process'

/** What an installer must know of the settings and the database, seen by the user that the server runs as. */
export interface Preflight {
  readonly dataDir: string
  readonly endpoints: readonly Endpoint[]
  readonly engine: 'sqlite' | 'postgres'
  /** As messages name it. */
  readonly database: string
  readonly content: 'nothing' | 'ours' | 'original'
  /** The migrations that this version would run on what is there. */
  readonly pending: readonly string[]
  /** Folders that the server writes to. */
  readonly folders: readonly string[]
  /** Whether somebody is at work on a SQLite file; a Postgres database is shared anyway. */
  readonly isServed: boolean
}

/** What one executable does about the database for an installer, as the user that the server runs as. */
export interface HelperCommands {
  /** Changes nothing. Throws, as the others, the refusal of the executable. */
  preflight(): Promise<Preflight>
  /** Copies the SQLite file of a server that does not run. */
  copyDatabase(path: string): Promise<void>
  /** Puts that copy back; what was there is kept as `aside`. */
  restoreCopy(names: { copy: string; replacedCopy: string }): Promise<void>
  /** Drops our tables of a Postgres database. With `keep`, answers the path of a copy of what they held. */
  dropTables(options: { keep: boolean }): Promise<string | null>
  /** Starts a server that no client knows, which migrates, and ends it once it is ready. */
  smokeTest(timeout: number): Promise<void>
  /** Writes an archive, and answers its path: to where and as the settings say, or into a file in the plain. */
  backUp(file: string | null): Promise<string>
  /** Fills the database from an archive. */
  restore(backup: string): Promise<void>
}

export function createHelperCommands(
  executable: string,
  layout: Layout,
  systemUser: SystemUser | null,
): HelperCommands {
  const call = async (args: readonly string[], timeout?: number): Promise<string> => {
    const finished = await runProgram(executable, [...args, '--config', layout.settingsFile], {
      runAs: systemUser,
      ...(timeout !== undefined && { timeout }),
    })
    if (finished.code === 0) return finished.stdout
    throw commandError(args, finished)
  }
  const step = (...args: readonly string[]) => call(['service', 'step', ...args])
  return {
    preflight: async () => parsePreflight(await step('outlook')),
    copyDatabase: async (path) => void (await step('copy', path)),
    restoreCopy: async ({ copy, replacedCopy }) =>
      void (await step('put-back', copy, replacedCopy)),
    dropTables: async ({ keep }) =>
      (await step('clear', ...(keep ? ['--keep'] : []))).trim() || null,
    smokeTest: async (timeout) => void (await call(['service', 'step', 'trial'], timeout)),
    backUp: async (file) =>
      (await call(file === null ? ['backup'] : ['backup', '--plain', '--to', file])).trim(),
    restore: async (backup) => void (await call(['restore', backup, '--yes'])),
  }
}

/** Throws `unavailable` for what no version of ours says. */
function parsePreflight(text: string): Preflight {
  const found = JSON.parse(text)
  const endpoints = ownProperty(found, 'endpoints')
  const [dataDir, database] = [ownProperty(found, 'dataDir'), ownProperty(found, 'database')]
  const [engine, content] = [ownProperty(found, 'engine'), ownProperty(found, 'content')]
  const [pending, folders] = [ownProperty(found, 'pending'), ownProperty(found, 'folders')]
  const isServed = ownProperty(found, 'isServed')
  if (
    Array.isArray(endpoints) &&
    endpoints.every(isEndpoint) &&
    typeof dataDir === 'string' &&
    typeof database === 'string' &&
    (engine === 'sqlite' || engine === 'postgres') &&
    (content === 'nothing' || content === 'ours' || content === 'original') &&
    isStringArray(pending) &&
    isStringArray(folders) &&
    typeof isServed === 'boolean'
  ) {
    return { dataDir, endpoints, engine, database, content, pending, folders, isServed }
  }
  throw new DomainError('unavailable', `another version says what this one can't read: ${text}`, {
    hint: 'run the installer of the version whose upgrade was interrupted',
  })
}

function isEndpoint(value: unknown): value is Endpoint {
  const address: unknown = ownProperty(value, 'address')
  return typeof ownProperty(value, 'isTls') === 'boolean' && isListenAddress(address)
}

function isListenAddress(value: unknown): value is ListenAddress {
  if (typeof ownProperty(value, 'path') === 'string') return true
  return (
    typeof ownProperty(value, 'hostname') === 'string' &&
    typeof ownProperty(value, 'port') === 'number'
  )
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

/** The refusal that a program of ours wrote on its stderr, as ours; else the last lines that it said. */
function commandError(args: readonly string[], finished: ProcessResult): DomainError {
  const linesLabelled = (label: string) =>
    finished.stderr
      .split('\n')
      .filter((line) => line.startsWith(`${label}: `))
      .map((line) => line.slice(label.length + 2))
      .join('\n')
  const message = linesLabelled('error')
  const name = `snailpass ${args.join(' ')}`
  if (message === '' || finished.hasTimedOut) {
    return new DomainError('unavailable', describeFailure(name, finished))
  }
  const hint = linesLabelled('hint')
  return new DomainError('unavailable', message, hint === '' ? {} : { hint })
}
