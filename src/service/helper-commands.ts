import type { Endpoint, ListenAddress } from '../config/listen-address'
import { CombinedError, DomainError } from '../domain/errors'
import { ownProperty, parseJson } from '../domain/untrusted'
import { type Layout, serviceEnvironment } from './paths'
import {
  describeFailure,
  type ProcessResult,
  type RunOptions,
  runProgram,
  type SystemUser,
} from './process'

/**
 * What an installer must know of the settings and the database. It is read by the user that the server runs as. The
 * members are fixed: an executable of one version prints them as JSON for the installer of another.
 */
export interface Preflight {
  readonly dataDir: string
  readonly endpoints: readonly Endpoint[]
  readonly engine: 'sqlite' | 'postgres'
  /** The database's name for messages. */
  readonly database: string
  /** `original` is a database of the original SnailPass server. */
  readonly content: 'nothing' | 'ours' | 'original'
  /** The migrations that this version would run on the database. */
  readonly pending: readonly string[]
  /** Folders that the server writes to. */
  readonly folders: readonly string[]
  /** Whether a process has the SQLite file open. Always false for Postgres, which many may use. */
  readonly isServed: boolean
}

/**
 * What a smoke test asks before it migrates the database. It is answered by an installer that lives: one that was killed may be followed
 * by another, which restores the database at the same time.
 */
export const migrationQuestion = 'migrate the database?'

/**
 * Commands of one executable that do the installer's work on the database, as the user that the server runs as. Each
 * throws the error that the executable reports, as `unavailable`.
 */
export interface HelperCommands {
  /** Changes nothing. */
  preflight(): Promise<Preflight>
  /** Creates the database, unless there is one. Refuses in the place of one that was lost. */
  createDatabase(): Promise<void>
  /** Copies the SQLite file. The server must be stopped. */
  copyDatabase(path: string): Promise<void>
  /** Replaces the SQLite file with `copy`. The replaced file is kept as `replacedCopy`. */
  restoreCopy(names: { copy: string; replacedCopy: string }): Promise<void>
  /** Drops our tables of a Postgres database. With `keep`, returns the path of a copy of their content, else null. */
  dropTables(options: { keep: boolean }): Promise<string | null>
  /**
   * Starts a server that clients can't reach, which migrates the database, and stops it once it is ready. `timeout` is
   * in milliseconds.
   */
  smokeTest(timeout: number): Promise<void>
  /** Makes a backup and returns its path: as the settings say or, unencrypted, to `file`. */
  backUp(file: string | null): Promise<string>
  /** Replaces the content of the database with a backup's. */
  restore(backup: string): Promise<void>
}

export function createHelperCommands(
  executable: string,
  layout: Layout,
  {
    systemUser,
    unitVariables,
  }: {
    readonly systemUser: SystemUser | null
    readonly unitVariables: Readonly<Record<string, string>>
  },
): HelperCommands {
  const call = async (
    args: readonly string[],
    options: Pick<RunOptions, 'timeout' | 'question'> = {},
  ): Promise<string> => {
    const result = await runProgram(executable, [...args, '--config', layout.settingsFile], {
      runAs: systemUser,
      environment: {
        // Without it, the default data folder would be another one than that of root, and of the unit.
        ...(systemUser !== null && serviceEnvironment(layout)),
        ...unitVariables,
      },
      ...options,
    })
    if (result.code === 0) return result.stdout
    throw commandError(args, result)
  }
  // The names are fixed: an installer calls executables of other versions.
  const step = (...args: readonly string[]) => call(['service', 'step', ...args])
  return {
    preflight: async () => parsePreflight(await step('outlook')),
    createDatabase: async () => void (await step('create')),
    copyDatabase: async (path) => void (await step('copy', path)),
    restoreCopy: async ({ copy, replacedCopy }) =>
      void (await step('put-back', copy, replacedCopy)),
    dropTables: async ({ keep }) =>
      (await step('clear', ...(keep ? ['--keep'] : []))).trim() || null,
    smokeTest: async (timeout) =>
      void (await call(['service', 'step', 'trial'], { timeout, question: migrationQuestion })),
    backUp: async (file) =>
      (await call(file === null ? ['backup'] : ['backup', '--plain', '--to', file])).trim(),
    restore: async (backup) => void (await call(['restore', backup, '--yes'])),
  }
}

/** Throws `unavailable` if the text is not a preflight that this version understands. */
function parsePreflight(text: string): Preflight {
  const found = parseJson(text)
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
  throw new DomainError(
    'unavailable',
    `another version printed what this one can't read: ${text}`,
    {
      hint: 'run the installer of the version whose upgrade was interrupted',
    },
  )
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

/** Returns the errors with their hints that an executable wrote to stderr; without them, its last lines of output. */
function commandError(args: readonly string[], result: ProcessResult): DomainError {
  const errors = parseReportedErrors(result.stderr)
  const [first] = errors
  if (first === undefined || result.hasTimedOut) {
    const name = `snailpass ${args.join(' ')}`
    return new DomainError('unavailable', describeFailure(name, result))
  }
  return errors.length === 1 ? first : new CombinedError('unavailable', errors)
}

/** Returns each run of `error:` lines with the `hint:` lines behind it. */
export function parseReportedErrors(stderr: string): readonly DomainError[] {
  const reported: { readonly label: string; readonly lines: string[] }[] = []
  for (const line of stderr.split('\n')) {
    const { label, text } = /^(?<label>error|hint): (?<text>.*)$/.exec(line)?.groups ?? {}
    if (label === undefined || text === undefined) continue
    const last = reported.at(-1)
    if (last?.label === label) last.lines.push(text)
    else reported.push({ label, lines: [text] })
  }
  return reported.flatMap(({ label, lines }, index) => {
    if (label !== 'error') return []
    const hint = reported[index + 1]?.lines
    return new DomainError('unavailable', lines, hint === undefined ? {} : { hint })
  })
}
