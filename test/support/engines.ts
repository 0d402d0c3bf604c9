import { join } from 'node:path'
import { temporaryFolder } from './executable'
import { aPostgresDatabase } from './postgres'

/** A data folder and a database of its own, for the executable and for servers in this process. */
export interface Installation extends AsyncDisposable {
  readonly dataDir: string
  /** What the environment must say of it. */
  readonly environment: Record<string, string>
  /** For a look at the rows from outside. */
  readonly url: string
}

async function onSqlite(): Promise<Installation> {
  const folder = temporaryFolder()
  return {
    dataDir: folder.path,
    environment: {},
    url: `sqlite:${join(folder.path, 'snailpass.db')}`,
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

async function onPostgres(): Promise<Installation> {
  const [folder, database] = [temporaryFolder(), await aPostgresDatabase()]
  return {
    dataDir: folder.path,
    environment: { SNAILPASS_DATABASE_URL: database.url },
    url: database.url,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

/** Every engine, for tests that hold on each of them. */
export const installations: readonly { engine: string; install: () => Promise<Installation> }[] = [
  { engine: 'SQLite', install: onSqlite },
  { engine: 'Postgres', install: onPostgres },
]
