import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { temporaryFolder } from './executable'
import { createPostgresDatabase, queryPostgres } from './postgres'

/** A data folder and a database of the test's own, for the executable and for servers in this process. */
export interface Installation extends AsyncDisposable {
  readonly dataDir: string
  /** Environment variables that name the database. */
  readonly environment: Record<string, string>
  /** URL of the database, to read its rows directly. */
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

/** One installation per engine, for tests that run on each of them. */
export const installations: readonly { engine: string; install: () => Promise<Installation> }[] = [
  { engine: 'SQLite', install: createSqliteInstallation },
  { engine: 'Postgres', install: createPostgresInstallation },
]

/** Changes the database of an installation without the program. */
export async function changeDatabase({ url }: Installation, text: string): Promise<void> {
  if (url.startsWith('postgres')) {
    await queryPostgres(url, text)
    return
  }
  using file = new Database(url.slice('sqlite:'.length))
  file.run(text)
}
