import { join } from 'node:path'
import { temporaryFolder } from './executable'
import { createPostgresDatabase } from './postgres'

/** A data folder and a database of its own, for the executable and for servers in this process. */
export interface Installation extends AsyncDisposable {
  readonly dataDir: string
  /** What the environment must say of it. */
  readonly environment: Record<string, string>
  /** For a look at the rows from outside. */
  readonly url: string
}

async function createSqliteInstallation(): Promise<Installation> {
  const folder = temporaryFolder()
  return {
    dataDir: folder.path,
    environment: {},
    url: `sqlite:${join(folder.path, 'snailpass.db')}`,
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

async function createPostgresInstallation(): Promise<Installation> {
  const [folder, database] = [temporaryFolder(), await createPostgresDatabase()]
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
  { engine: 'SQLite', install: createSqliteInstallation },
  { engine: 'Postgres', install: createPostgresInstallation },
]
