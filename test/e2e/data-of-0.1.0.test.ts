import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../src/version'
import { basicAuth } from '../support/client'
import { type RunningServer, run, serve, temporaryFolder } from '../support/executable'
import { copyOfFirstDataFolder, writtenByFirstVersion } from '../support/first-version'
import {
  household,
  masterPasswordHash,
  type PlainUser,
  readVault,
} from '../support/legacy-database'
import { createPostgresDatabase, queryPostgres, startPostgresFirst } from '../support/postgres'
import { queryRows } from '../support/store'

startPostgresFirst('newest')

/** Value of the newest audit row, as 0.1.0 printed it for each database. */
const newestRow = {
  SQLite: '16:78c23cbf317032505dd53d31013e28eca318dfba118586ca7bbcffdb2df7291a',
  Postgres: '18:9616bd3f18705964525cf5f0339639332647078764a19f926dad697ef1d14326',
} as const

const passphrase = 'fixture passphrase'

/** The test's own time passes: nothing may expire, and nothing is written but by the test. */
const timeless = {
  SNAILPASS_AUDIT_DAYS: '0',
  SNAILPASS_UNCONFIRMED_DAYS: '0',
  SNAILPASS_BACKUP_SCHEDULE: 'off',
}

interface Installation extends AsyncDisposable {
  readonly dataDir: string
  readonly url: string
  readonly environment: Record<string, string>
}

async function onSqlite(): Promise<Installation> {
  const folder = copyOfFirstDataFolder()
  return {
    dataDir: folder.path,
    url: `sqlite:${join(folder.path, 'snailpass.db')}`,
    environment: timeless,
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

async function onPostgres(): Promise<Installation> {
  const [folder, database] = [copyOfFirstDataFolder(), await createPostgresDatabase()]
  await queryPostgres(
    database.url,
    readFileSync(join(writtenByFirstVersion, 'postgres.sql'), 'utf8'),
  )
  return {
    dataDir: folder.path,
    url: database.url,
    environment: { ...timeless, SNAILPASS_DATABASE_URL: database.url },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

/** A new, empty place to restore into. */
async function emptyFolder(engine: 'SQLite' | 'Postgres'): Promise<Installation> {
  const folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  const database = engine === 'Postgres' ? await createPostgresDatabase() : null
  return {
    dataDir,
    url: database?.url ?? `sqlite:${join(dataDir, 'snailpass.db')}`,
    environment: {
      ...timeless,
      ...(database !== null && { SNAILPASS_DATABASE_URL: database.url }),
    },
    async [Symbol.asyncDispose]() {
      await database?.[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

function login(server: RunningServer, email: string, hash: string): Promise<Response> {
  return fetch(new URL('/login', server.url), {
    headers: { authorization: basicAuth(email, hash) },
  })
}

async function vaultOf(server: RunningServer, user: PlainUser) {
  const response = await login(server, user.email, masterPasswordHash(user))
  const { token } = await response.json()
  return { status: response.status, ...(await readVault(server.url, token, user)) }
}

/** Everybody reads the vault that they had, and everything else is there as it was. */
async function expectEverything({ dataDir, url, environment }: Installation): Promise<void> {
  {
    await using server = await serve(dataDir, environment)
    for (const user of household()) {
      const { records, notes } = user
      expect(await vaultOf(server, user)).toEqual({ status: 200, records, notes })
    }
    expect((await login(server, 'dora@nas.local', btoa('hash of dora'))).status).toBe(200)
    expect((await login(server, 'dora@nas.local', btoa('wrong'))).status).toBe(401)
    expect((await login(server, 'erik@nas.local', btoa('hash of erik'))).status).toBe(403)
    expect(await server.end('SIGTERM')).toBe(0)
  }
  const erik = `(select id from users where email = 'erik@nas.local')`
  expect({
    records: await queryRows(url, `select id from records where user_id = ${erik} order by seq`),
    outbox: await queryRows(url, 'select kind, state, invitation from outbox order by seq'),
    invitations: await queryRows(url, 'select email from invitations'),
    setAside: await queryRows(url, 'select origin, reason from set_aside'),
  }).toEqual({
    records: [
      { id: 'e0000000-0000-4000-8000-000000000001' },
      { id: 'e0000000-0000-4000-8000-000000000002' },
    ],
    outbox: [
      { kind: 'confirmation', state: 'queued', invitation: null },
      { kind: 'invitation', state: 'queued', invitation: 'fred@nas.local' },
    ],
    invitations: [{ email: 'fred@nas.local' }],
    setAside: [{ origin: 'records', reason: 'no account to belong to' }],
  })
}

/** Runs a command that must succeed. Returns what it printed. */
async function succeed(
  { dataDir, environment }: Installation,
  ...args: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await run([...args, '--data-dir', dataDir], { environment })
  expect({ args, code, stderr }).toMatchObject({ code: 0 })
  return stdout
}

/** Verifies a backup. Returns the version that wrote it. */
async function versionOf(installation: Installation, backup: string): Promise<unknown> {
  return JSON.parse(await succeed(installation, 'backup', 'verify', backup, '--json')).version
}

test('the data of 0.1.0 is data of an older version', () => {
  expect(Bun.semver.order('0.1.0', version)).toBe(-1)
})

describe.each([
  { engine: 'SQLite', open: onSqlite },
  { engine: 'Postgres', open: onPostgres },
] as const)('what 0.1.0 stored on $engine', ({ engine, open }) => {
  test('is opened and upgraded, and everybody reads on', async () => {
    await using installation = await open()
    await expectEverything(installation)
    // The upgraded database is a database of this version for commands as well.
    const users = JSON.parse(await succeed(installation, 'user', 'list', '--json'))
    expect(users).toHaveLength(5)
    // Devices of before are of unknown kind. Alice has signed in since, from where she did before.
    const devices = await succeed(installation, 'user', 'devices', 'alice@gmail.com', '--json')
    expect(JSON.parse(devices)).toEqual([
      { kind: 'other', network: '127.0.0.1', first_seen: null, last_seen: expect.any(String) },
    ])
  }, 300_000)

  test('has an audit log that verifies, before an upgrade and after it', async () => {
    await using installation = await open()
    {
      await using server = await serve(installation.dataDir, installation.environment)
      await server.end('SIGTERM')
    }
    await succeed(installation, 'audit', 'verify', '--expect', newestRow[engine])
    const rows: unknown[] = JSON.parse(await succeed(installation, 'audit', '--json'))
    const rowsThen: { user: string | null }[] = JSON.parse(
      readFileSync(join(writtenByFirstVersion, 'audit.json'), 'utf8'),
    )
    const before = rowsThen.map(({ user, ...row }) => ({ ...row, user_id: user }))
    // The copy to Postgres added rows of its own; what was there before stays in front.
    expect(rows.slice(0, before.length)).toEqual(before)
  }, 300_000)

  test('is backed up, and the backup verifies', async () => {
    await using installation = await open()
    {
      await using server = await serve(installation.dataDir, installation.environment)
      await server.end('SIGTERM')
    }
    const path = (await succeed(installation, 'backup')).trim()
    expect(await versionOf(installation, path)).toBe(version)
  }, 300_000)
})

test('the certificate authority of 0.1.0 goes on, so that no device has to trust a new one', async () => {
  await using installation = await onSqlite()
  await using server = await serve(installation.dataDir, {
    ...timeless,
    SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
  })
  await server.end('SIGTERM')
  const authority = readFileSync(join(writtenByFirstVersion, 'data', 'tls', 'ca.crt'), 'utf8')
  expect(await succeed(installation, 'tls', 'ca')).toBe(authority)
})

describe.each(['SQLite', 'Postgres'] as const)('a backup of 0.1.0, restored into %s', (engine) => {
  test('verifies and gives everything back', async () => {
    await using installation = await emptyFolder(engine)
    const backup = join(writtenByFirstVersion, 'backup.sqlite')
    expect(await versionOf(installation, backup)).toBe('0.1.0')
    await succeed(installation, 'restore', backup, '--yes')
    await expectEverything(installation)
    await succeed(installation, 'audit', 'verify')
  }, 300_000)
})

test('an encrypted backup of 0.1.0 needs its passphrase, and brings key and authority with it', async () => {
  await using installation = await emptyFolder('SQLite')
  const backup = join(writtenByFirstVersion, 'backup.sqlite.age')
  const environment = { ...installation.environment, SNAILPASS_BACKUP_PASSPHRASE: passphrase }
  const opened = { ...installation, environment }
  const wrong = { ...environment, SNAILPASS_BACKUP_PASSPHRASE: 'another passphrase' }
  const args = ['restore', backup, '--yes', '--with-secrets', '--data-dir', opened.dataDir]
  expect((await run(args, { environment: wrong })).code).toBe(1)
  expect(existsSync(join(opened.dataDir, 'secret.key'))).toBeFalse()

  await succeed(opened, 'backup', 'verify', backup)
  await succeed(opened, 'restore', backup, '--yes', '--with-secrets')
  for (const name of ['secret.key', 'tls/ca.key', 'tls/ca.crt']) {
    const before = readFileSync(join(writtenByFirstVersion, 'data', name), 'utf8')
    expect(readFileSync(join(opened.dataDir, name), 'utf8'), name).toBe(before)
  }
  await expectEverything(installation)
  await succeed(installation, 'audit', 'verify')
}, 300_000)
