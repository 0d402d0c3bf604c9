import { Database } from 'bun:sqlite'
import { spyOn } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { type BackupOptions, writeBackup } from '../../src/app/operations/backup'
import type { Decryption } from '../../src/app/operations/restore'
import { type Runtime, systemRuntime } from '../../src/app/runtime'
import { openTargets, type Targets } from '../../src/app/targets'
import { loadConfig } from '../../src/config/load'
import type { Settings } from '../../src/config/settings'
import { temporaryFolder } from './executable'
import {
  connectPostgres,
  createPostgresDatabase,
  type PostgresConnection,
  type PostgresDatabase,
} from './postgres'
import { startTestServer } from './server'
import { createMigratedPostgres } from './store'

/** A database of the test's own. */
export interface TestDatabase extends AsyncDisposable {
  readonly engine: 'SQLite' | 'Postgres'
  readonly url: string
  readonly dataDir: string
  /** Runs SQL on it, beside the program. Returns the rows. */
  sql(text: string): Promise<Record<string, unknown>[]>
}

/**
 * Opens a database that does not exist yet; on Postgres it is empty. `openWithTables` is for tests that do not look at how the
 * tables come about, which takes long on Postgres: there they exist.
 */
export const engines = [
  {
    engine: 'SQLite',
    open: createSqliteTestDatabase,
    openWithTables: createSqliteTestDatabase,
  },
  {
    engine: 'Postgres',
    open: () => createPostgresTestDatabase(),
    openWithTables: async () => createPostgresTestDatabase(await createMigratedPostgres()),
  },
] as const

export const enginesWithTables = engines.map(({ engine, openWithTables }) => ({
  engine,
  open: openWithTables,
}))

export async function createSqliteTestDatabase(): Promise<TestDatabase> {
  const folder = temporaryFolder()
  const path = join(folder.path, 'vaults.db')
  return {
    engine: 'SQLite',
    url: `sqlite:${path}`,
    dataDir: join(folder.path, 'data'),
    async sql(text) {
      using file = new Database(path)
      file.run('pragma busy_timeout = 5000')
      if (/^select/i.test(text)) return file.query<Record<string, unknown>, []>(text).all()
      file.run(text)
      return []
    },
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

export async function createPostgresTestDatabase(
  existing: PostgresDatabase | null = null,
): Promise<TestDatabase> {
  const [folder, database] = [temporaryFolder(), existing ?? (await createPostgresDatabase())]
  // Most tests run many statements, and a connection takes longer than each of them.
  let connecting: Promise<PostgresConnection> | null = null
  return {
    engine: 'Postgres',
    url: database.url,
    dataDir: join(folder.path, 'data'),
    async sql(text) {
      connecting ??= connectPostgres(database.url)
      return await (await connecting).query(text)
    },
    async [Symbol.asyncDispose]() {
      await (await connecting)?.[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

/** Removes all that SnailPass has stored in a database, as if it was lost. */
export async function loseDatabase(database: TestDatabase): Promise<void> {
  if (database.engine === 'Postgres') {
    await database.sql('drop schema public cascade; create schema public')
    return
  }
  const path = database.url.slice('sqlite:'.length)
  for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true })
}

export function settingsOf(database: TestDatabase, more: Record<string, string> = {}): Settings {
  const environment = { SNAILPASS_DATABASE_URL: database.url, ...more }
  return loadConfig({ environment, flags: { dataDir: database.dataDir }, file: null }).settings
}

export function targetsOf(
  database: TestDatabase,
  more: Record<string, string> = {},
  runtime: Partial<Runtime> = {},
): Targets {
  return openTargets(settingsOf(database, more), { ...systemRuntime, ...runtime })
}

/** The targets of a data folder, with settings by their variables. */
export function targetsIn(dataDir: string, environment: Record<string, string> = {}): Targets {
  const { settings } = loadConfig({ environment, flags: { dataDir }, file: null })
  return openTargets(settings, systemRuntime)
}

export function startServerOn(
  database: TestDatabase,
  more: Record<string, string> = {},
  runtime: Partial<Runtime> = {},
) {
  const settings = { SNAILPASS_DATABASE_URL: database.url, ...more }
  return startTestServer({ settings, dataDir: database.dataDir, create: true, runtime })
}

/** Texts that wrong escaping would change: quotes, control characters, Unicode line ends, characters beyond ASCII. */
export const edgeCaseTexts: readonly string[] = [
  `"double" 'single' \\back\\slash\\`,
  'tab\t line\n return\r backspace\b feed\f bell\u0007 escape\u001b unit\u001f',
  'delete\u007f next\u0085 line\u2028 paragraph\u2029 mark\ufeff',
  '🐌 👩‍👩‍👧‍👦 e\u0301 ß ſ 漢字 עברית \u{10ffff}',
  '</script><!-- %s {} $1 :x ?',
  '',
  ' ',
]

/** Creates the database and fills every table, with the texts above and a note of a megabyte. */
export async function fillWithEdgeCases(database: TestDatabase): Promise<void> {
  await (await startServerOn(database)).stop()
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
  const [yes, no] = database.engine === 'SQLite' ? ['1', '0'] : ['true', 'false']
  const statements = [
    `insert into users (id, email, master_password_hash, hint, email_confirmed, session_epoch, creation_time, letter_time, disabled, login_time, deletion_time)
      values ('u1', 'one@nas.local', '$x', ${quoted(edgeCaseTexts[0] ?? '')}, ${yes}, 'epoch one', 1764041702123, null, ${yes}, 1764041702555, 1764041702777),
      ('u2', 'two@nas.local', '$y', null, ${no}, 'epoch two', 0, 1764041702999, ${no}, null, null)`,
    // With gaps in the row numbers, as deleted rows leave them.
    ...edgeCaseTexts.map(
      (
        text,
        index,
      ) => `insert into records (seq, id, user_id, name, login, password, is_favorite, is_deleted, creation_time, update_time)
      values (${index * 3 + 5}, 'r${index}', 'u1', ${quoted(text)}, ${quoted(text)}, 'p:p', ${yes}, ${no}, 1, 2)`,
    ),
    ...edgeCaseTexts.map(
      (text, index) => `insert into additional_fields (id, record_id, name, value)
      values ('f${index}', 'r${index}', ${quoted(text)}, ${quoted(text)})`,
    ),
    `insert into notes (id, user_id, name, content, is_favorite, is_deleted, creation_time, update_time)
      values ('n1', 'u2', 'n:n', '${'x'.repeat(1_200_000)}:iv', ${no}, ${yes}, 1, 2),
      ('n2', 'u2', 'n:n', 'c:c', ${no}, ${no}, 1, 2)`,
    ...edgeCaseTexts.map(
      (
        text,
        index,
      ) => `insert into history (seq, user_id, number, kind, entry_id, entry_seq, reason, time, size, is_favorite, is_deleted, creation_time, update_time, name, login, password, content, fields)
      values (${index * 2 + 3}, 'u1', ${index * 2 + 1}, 'record', 'r${index}', 5, 'replaced', 1764041702123, 600, ${yes}, ${no}, 1, 2, ${quoted(text)}, 'l:l', 'p:p', null, ${quoted(JSON.stringify([[1, 'f', text, text]]))})`,
    ),
    `insert into history (user_id, number, kind, entry_id, entry_seq, reason, time, size, is_favorite, is_deleted, creation_time, update_time, name, content)
      values ('u2', 1, 'note', 'n1', 1, 'deleted', 1764041702123, 700, ${no}, ${yes}, 1, 2, 'n:n', 'c:c')`,
    `insert into devices (user_id, kind, network, first_time, time) values ('u1', 'android', '2001:db8:1:2::/64', 1764041702001, 1764041702123)`,
    `insert into invitations (email, creation_time) values ('three@nas.local', 3)`,
    `insert into outbox (id, invitation, kind, base_url, state, creation_time, next_time, attempts, lease, reason)
      values ('l0', 'three@nas.local', 'invitation', 'http://pi.local/', 'queued', 1, 2, 0, 'lease', null)`,
    `insert into outbox (id, user_id, kind, base_url, state, creation_time, next_time, attempts, lease, reason)
      values ('l1', 'u2', 'confirmation', 'http://pi.local/', 'dead', 1, 2, 7, null, ${quoted(edgeCaseTexts[1] ?? '')})`,
    `insert into set_aside (origin, reason, content) values ('records', 'no user', ${quoted(JSON.stringify(edgeCaseTexts))})`,
  ]
  await database.sql(statements.join(';\n'))
}

export async function createTestBackup(
  database: TestDatabase,
  options: BackupOptions = {},
  more: Record<string, string> = {},
) {
  return await writeBackup(targetsOf(database, more), options)
}

/** Returns a key pair of age, with the private key in a file as `age-keygen` writes it. */
export async function createAgeKeyPair(folder: string) {
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  const file = join(folder, `key-${crypto.randomUUID()}.txt`)
  writeFileSync(file, `# public key: ${recipient}\n${identity}\n`, { mode: 0o600 })
  return { identity, recipient, file }
}

/** Most of the time of a passphrase is its cost, which the test of the tool age looks at. */
export function makePassphrasesCheap(): Disposable {
  const { setPassphrase } = Encrypter.prototype
  return spyOn(Encrypter.prototype, 'setPassphrase').mockImplementation(function (
    this: Encrypter,
    passphrase: string,
  ) {
    setPassphrase.call(this, passphrase)
    this.setScryptWorkFactor(4)
  })
}

/** For tests that expect no encrypted backup. */
export const noDecryption: Decryption = {
  identities: null,
  passphrase: () => Promise.reject(new Error('a passphrase was asked for')),
}
