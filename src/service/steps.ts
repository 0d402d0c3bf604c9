import type { Endpoint, ListenAddress } from '../config/listen-address'
import { DomainError } from '../domain/errors'
import { memberOf } from '../domain/member'
import type { Layout } from './layout'
import { type Account, complaintOf, type Finished, run } from './process'

/** What an installer must know of the settings and the database, seen by the user that the server runs as. */
export interface Outlook {
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
export interface Steps {
  /** Changes nothing. Throws, as the others, the refusal of the executable. */
  outlook(): Promise<Outlook>
  /** Copies the SQLite file of a server that does not run. */
  copy(path: string): Promise<void>
  /** Puts that copy back; what was there is kept as `aside`. */
  putBack(names: { copy: string; aside: string }): Promise<void>
  /** Drops our tables of a Postgres database. With `keep`, answers the path of a copy of what they held. */
  clear(options: { keep: boolean }): Promise<string | null>
  /** Starts a server that no client knows, which migrates, and ends it once it is ready. */
  trial(patience: number): Promise<void>
  /** Writes an archive, and answers its path: to where and as the settings say, or into a file in the plain. */
  archive(file: string | null): Promise<string>
  /** Fills the database from an archive. */
  restore(archive: string): Promise<void>
}

export function stepsOf(executable: string, layout: Layout, account: Account | null): Steps {
  const call = async (args: readonly string[], patience?: number): Promise<string> => {
    const finished = await run(executable, [...args, '--config', layout.settingsFile], {
      account,
      ...(patience !== undefined && { patience }),
    })
    if (finished.code === 0) return finished.stdout
    throw refusalOf(args, finished)
  }
  const step = (...args: readonly string[]) => call(['service', 'step', ...args])
  return {
    outlook: async () => parseOutlook(await step('outlook')),
    copy: async (path) => void (await step('copy', path)),
    putBack: async ({ copy, aside }) => void (await step('put-back', copy, aside)),
    clear: async ({ keep }) => (await step('clear', ...(keep ? ['--keep'] : []))).trim() || null,
    trial: async (patience) => void (await call(['service', 'step', 'trial'], patience)),
    archive: async (file) =>
      (await call(file === null ? ['backup'] : ['backup', '--plain', '--to', file])).trim(),
    restore: async (archive) => void (await call(['restore', archive, '--yes'])),
  }
}

/** Throws `unavailable` for what no version of ours says. */
function parseOutlook(text: string): Outlook {
  const found = JSON.parse(text)
  const endpoints = memberOf(found, 'endpoints')
  const [dataDir, database] = [memberOf(found, 'dataDir'), memberOf(found, 'database')]
  const [engine, content] = [memberOf(found, 'engine'), memberOf(found, 'content')]
  const [pending, folders] = [memberOf(found, 'pending'), memberOf(found, 'folders')]
  const isServed = memberOf(found, 'isServed')
  if (
    Array.isArray(endpoints) &&
    endpoints.every(isEndpoint) &&
    typeof dataDir === 'string' &&
    typeof database === 'string' &&
    (engine === 'sqlite' || engine === 'postgres') &&
    (content === 'nothing' || content === 'ours' || content === 'original') &&
    isTexts(pending) &&
    isTexts(folders) &&
    typeof isServed === 'boolean'
  ) {
    return { dataDir, endpoints, engine, database, content, pending, folders, isServed }
  }
  throw new DomainError('unavailable', `another version says what this one can't read: ${text}`, {
    hint: 'run the installer of the version whose upgrade was interrupted',
  })
}

function isEndpoint(value: unknown): value is Endpoint {
  const address: unknown = memberOf(value, 'address')
  return typeof memberOf(value, 'isTls') === 'boolean' && isListenAddress(address)
}

function isListenAddress(value: unknown): value is ListenAddress {
  if (typeof memberOf(value, 'path') === 'string') return true
  return (
    typeof memberOf(value, 'hostname') === 'string' && typeof memberOf(value, 'port') === 'number'
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

/** The refusal that a program of ours wrote on its stderr, as ours; else the last lines that it said. */
function refusalOf(args: readonly string[], finished: Finished): DomainError {
  const said = (label: string) =>
    finished.stderr
      .split('\n')
      .filter((line) => line.startsWith(`${label}: `))
      .map((line) => line.slice(label.length + 2))
      .join('\n')
  const message = said('error')
  const name = `snailpass ${args.join(' ')}`
  if (message === '' || finished.isLate) {
    return new DomainError('unavailable', complaintOf(name, finished))
  }
  const hint = said('hint')
  return new DomainError('unavailable', message, hint === '' ? {} : { hint })
}
