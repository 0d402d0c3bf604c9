import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { basicAuth } from '../support/client'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import {
  createLegacyPostgres,
  createLegacySqlite,
  household,
  masterPasswordHash,
  type PlainUser,
  readVault,
} from '../support/legacy-database'
import { queryRows } from '../support/store'
import { until } from '../support/until'

const engines = [
  { engine: 'SQLite', open: createLegacySqlite },
  { engine: 'Postgres', open: () => createLegacyPostgres() },
]

function login(origin: URL, user: PlainUser): Promise<Response> {
  return fetch(new URL('/login', origin), {
    headers: { authorization: basicAuth(user.email, masterPasswordHash(user)) },
  })
}

describe.each(engines)('a household of the original server on $engine', ({ engine, open }) => {
  test('is adopted by one command, and every client still reads its vault', async () => {
    await using legacy = await open()
    const dataDir = join(legacy.folder, 'data')
    // The name in the .env file of the original server.
    const environment = { SNAILPASS_DATABASE_URI: legacy.url, SNAILPASS_DATA_DIR: dataDir }

    const refused = await run(['serve', '--listen', '127.0.0.1:0'], { environment })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('is a database of the original SnailPass server\nhint: ')
    expect(existsSync(join(dataDir, 'snailpass.db'))).toBeFalse()

    const planned = await run(['adopt', '--dry-run'], { environment })
    expect(planned).toEqual({
      code: 0,
      stdout: `accounts           3 migrated
records            20 migrated
notes              8 migrated
additional fields  30 migrated
`,
      stderr: 'Nothing was changed. Run it without --dry-run to migrate.\n',
    })
    const adopted = await run(['adopt'], { environment })
    expect(adopted).toMatchObject({ code: 0, stdout: planned.stdout })
    expect(adopted.stderr).toStartWith('The database is migrated: start `snailpass serve`.\n')
    const again = await run(['adopt'], { environment })
    expect(again).toEqual({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(
        /^Nothing to do: .+ is a database of this server, not of the original one\.\n$/,
      ),
    })

    await using server = await serve(dataDir, environment)
    for (const user of household()) {
      // Without mail, no confirmation is required: not of carol either, whose email is unconfirmed in the original.
      const response = await login(server.url, user)
      expect(response.status).toBe(200)
      const { token } = await response.json()
      const vault = await readVault(server.url, token, user)
      expect(vault).toEqual({ records: user.records, notes: user.notes })
      const me = await fetch(new URL('/users', server.url), {
        headers: { 'x-access-token': token },
      })
      expect(await me.json()).toEqual({ id: user.id, email: user.email, hint: user.hint })
    }
    await server.end('SIGTERM')
    const passwordHashes = await queryRows(
      legacy.url,
      "select email from users where master_password_hash not like '$pbkdf2-sha512$i=220000$%'",
    )
    expect(passwordHashes).toEqual([])
  }, 300_000)

  test('is adopted at the first start of a server with --adopt', async () => {
    await using legacy = await open()
    const dataDir = join(legacy.folder, 'data')
    const environment = { SNAILPASS_DATABASE_URL: legacy.url }
    for (const _ of ['the first start', 'any later one']) {
      await using server = await serve(dataDir, environment, ['--adopt'])
      if (engine === 'Postgres') {
        // Also while another server runs: the option stays in a service's command line.
        await using second = await serve(dataDir, environment, ['--adopt'])
        expect(await second.end('SIGTERM')).toBe(0)
      }
      const [alice] = household()
      if (alice === undefined) throw new Error('the household is empty')
      expect((await login(server.url, alice)).status).toBe(200)
      await server.end('SIGTERM')
    }
  }, 300_000)
})

/** What `adopt` answers if there is no database to migrate. */
const noDatabase = (path: string) => ({
  code: 3,
  stdout: '',
  stderr: `error: no database of the original server: ${path} is empty or missing
hint: name its SQLite file: snailpass adopt FILE; or set SNAILPASS_DATABASE_URL to its URL
`,
})

test('snailpass adopt fails if the settings name no database, and creates nothing', async () => {
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  expect(await run(['adopt', '--data-dir', dataDir])).toEqual(
    noDatabase(join(dataDir, 'snailpass.db')),
  )
  expect(existsSync(dataDir)).toBeFalse()
})

describe('snailpass adopt FILE', () => {
  test('migrates the file, and says how to serve it', async () => {
    await using legacy = await createLegacySqlite()
    const path = legacy.url.slice('sqlite:'.length)
    const dataDir = join(legacy.folder, 'data')
    const adopted = await run(['adopt', path, '--data-dir', dataDir])
    expect(adopted).toMatchObject({ code: 0 })
    expect(adopted.stderr).toStartWith(
      `The database is migrated: start \`snailpass serve\` with SNAILPASS_DATABASE_URL=sqlite:${path}.\n`,
    )
    await using server = await serve(dataDir, { SNAILPASS_DATABASE_URL: `sqlite:${path}` })
    const [alice] = household()
    if (alice === undefined) throw new Error('the household is empty')
    expect((await login(server.url, alice)).status).toBe(200)
    await server.end('SIGTERM')
  })

  test('takes a URL as well, and the argument counts before the setting', async () => {
    await using legacy = await createLegacyPostgres()
    using folder = temporaryFolder()
    const adopted = await run(['adopt', legacy.url, '--dry-run', '--data-dir', folder.path], {
      environment: { SNAILPASS_DATABASE_URL: `sqlite:${join(folder.path, 'none.db')}` },
    })
    expect(adopted).toMatchObject({ code: 0 })
    expect(adopted.stdout).toContain('accounts           3 migrated\n')
  })

  test.each<[what: string, create: (path: string) => unknown]>([
    ['a missing file', () => {}],
    ['an empty file', (path) => writeFileSync(path, '')],
  ])('fails for %s, and creates nothing', async (_, create) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'app.db')
    create(path)
    const before = readdirSync(folder.path)
    expect(await run(['adopt', path, '--data-dir', join(folder.path, 'data')])).toEqual(
      noDatabase(path),
    )
    expect(readdirSync(folder.path)).toEqual(before)
  })

  test.each([
    ['a folder', '/etc', 1],
    ['an empty name', '', 2],
    ['a database in memory', 'sqlite:', 2],
  ])('fails for %s', async (_, file, code) => {
    using folder = temporaryFolder()
    const failed = await run(['adopt', file, '--data-dir', folder.path])
    expect({ code: failed.code, stdout: failed.stdout }).toEqual({ code, stdout: '' })
    expect(failed.stderr).toMatch(/^error: .+\nhint: .+\n$/)
  })
})

test('a server with --adopt creates a new database if there is none to adopt', async () => {
  using folder = temporaryFolder()
  await using server = await serve(folder.path, {}, ['--adopt'])
  expect(await server.end('SIGTERM')).toBe(0)
})

describe('kill -9 leaves either the old or the new database, complete', () => {
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0

  test.each<[moment: string, isReached: (path: string, size: number, dataDir: string) => boolean]>([
    [
      'while the backup is written',
      (_path, _size, dataDir) => existsSync(dataDir) && readdirSync(dataDir).length > 0,
    ],
    ['at the start of the transaction', (path) => sizeOf(`${path}-journal`) > 0],
    ['when rows are written', (path, size) => sizeOf(path) > size],
    ['when the old rows are dropped', (path) => sizeOf(`${path}-journal`) > 200_000],
  ])(
    '%s',
    async (_moment, isReached) => {
      for (;;) {
        await using legacy = await createLegacySqlite()
        const dataDir = join(legacy.folder, 'data')
        const environment = { SNAILPASS_DATABASE_URL: legacy.url, SNAILPASS_DATA_DIR: dataDir }
        // More rows, so that the middle takes longer.
        await legacy.run(`
        insert into notes select hex(randomblob(16)), name, content, user_id, 0, 0, creation_time, update_time
        from notes, (with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) select i from n)
      `)
        const path = legacy.url.slice('sqlite:'.length)
        const size = sizeOf(path)
        const child = Bun.spawn([executable, 'adopt'], {
          env: { HOME: '/nonexistent', SNAILPASS_CONFIG: '/dev/null', ...environment },
          stdout: 'ignore',
          stderr: 'ignore',
        })
        await until(
          () => child.exitCode !== null || isReached(path, size, dataDir),
          'the moment of the kill',
          { interval: 1 },
        )
        child.kill('SIGKILL')
        const isKilled = (await child.exited) !== 0
        const { code, stdout } = await run(['adopt'], { environment })
        expect(code).toBe(0)
        if (stdout !== '') expect(stdout).toContain('notes              4008 migrated')
        expect(await queryRows(legacy.url, 'select count(*) as notes from notes')).toEqual([
          { notes: 4008 },
        ])
        // On a busy machine the moment can be missed.
        if (isKilled) return
      }
    },
    300_000,
  )
})
