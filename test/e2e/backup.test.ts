import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Account, createAccount } from '../support/accounts'
import { aField, aNote, aRecord, type Client, signUpAndLogIn } from '../support/client'
import { executable, type RunningServer, run, serve, spawnOnTerminal } from '../support/executable'
import { type Installation, installations } from '../support/installations'
import { startPostgresFirst } from '../support/postgres'
import { queryRows } from '../support/store'
import { until } from '../support/until'

startPostgresFirst('newest')

/** Seconds of writing, and the number of killed restores. `TEST_TORTURE_SECONDS=60` is the long form. */
const seconds = Number(process.env['TEST_TORTURE_SECONDS'] ?? 3)
const kills = seconds > 10 ? 50 : 6

const runOn = (
  installation: Installation,
  args: readonly string[],
  options: Parameters<typeof run>[1] = {},
) =>
  run([...args, '--data-dir', installation.dataDir], {
    environment: installation.environment,
    ...options,
  })

const startServerOn = (installation: Installation) =>
  serve(installation.dataDir, installation.environment)

/** Adds an account with so many records. */
async function fill(installation: Installation, name: string, records: number): Promise<void> {
  await createAccount(installation, name, async (client) => {
    for (let index = 0; index < records; index++) await client.send('POST', '/records', aRecord())
  })
}

const emails = async (installation: Installation) =>
  (await queryRows(installation.url, 'select email from users order by email')).map(
    ({ email }) => email,
  )

describe.each(installations)('snailpass backup on $engine', ({ install }) => {
  test('writes a backup with a running server and without one, and prints its path only', async () => {
    await using installation = await install()
    await fill(installation, 'owner', 2)
    const paths: string[] = []
    for (const isServed of [false, true]) {
      await using _ = isServed ? await startServerOn(installation) : null
      const { code, stdout, stderr } = await runOn(installation, ['backup'])
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: 'Backup written and verified (1 account, 2 records, 0 notes):\n',
      })
      paths.push(stdout.trimEnd())
    }
    expect(
      readdirSync(join(installation.dataDir, 'backups')).filter((name) => name.endsWith('.sqlite')),
    ).toHaveLength(2)
    for (const path of paths) {
      const { code, stdout } = await runOn(installation, ['backup', 'verify', path])
      expect(code).toBe(0)
      expect(stdout).toMatch(
        /^created 20\S+ \S+ UTC by snailpass \S+ from (sqlite|postgres)\nTABLE .*\nusers +1 +[0-9a-f]{64}\n(?:.*\n)*records +2 /,
      )
      expect(stdout).toEndWith('\nverified: 1 account, 2 records, 0 notes\n')
    }
    const listed = JSON.parse((await runOn(installation, ['backup', 'list', '--json'])).stdout)
    expect(listed).toEqual(
      paths.map((file) => ({
        file,
        time: expect.stringMatching(/^20.*Z$/),
        size_bytes: expect.any(Number),
        is_encrypted: false,
        rows: 9,
        is_complete: true,
      })),
    )
    const { stdout: table } = await runOn(installation, ['backup', 'list'])
    expect(table.trimEnd().split('\n')).toHaveLength(3)
    expect(table).toMatch(/^TIME +BYTES +ROWS +STATE +FILE\n20\S+Z +\d+ +9 +plain +\//)
  }, 300_000)
})

describe('snailpass backup', () => {
  test('encrypts to keys and to a passphrase, from options or settings', async () => {
    await using installation = await (installations[0]?.install() ??
      Promise.reject(new Error('no engine')))
    await fill(installation, 'owner', 1)
    const key = join(installation.dataDir, 'key.txt')
    expect(Bun.spawnSync(['age-keygen', '-o', key]).success).toBeTrue()
    const recipient = Bun.spawnSync(['age-keygen', '-y', key]).stdout.toString().trim()
    const phrase = join(installation.dataDir, 'phrase')
    writeFileSync(phrase, 'open sesame\n')
    const keyed = await runOn(installation, ['backup', '--encrypt-to', recipient, '--with-secrets'])
    expect(keyed.stderr).toBe(
      'Backup written and verified (1 account, 1 record, 0 notes, encrypted):\n',
    )
    const set = await runOn(installation, ['backup', '--to', `${installation.dataDir}/set.age`], {
      environment: { SNAILPASS_BACKUP_PASSPHRASE: 'open sesame' },
    })
    expect(set.stdout).toBe(`${installation.dataDir}/set.age\n`)

    const verified = await runOn(installation, [
      'backup',
      'verify',
      keyed.stdout.trim(),
      '--identity',
      key,
    ])
    expect(verified.stdout).toContain(', encrypted, with secrets\n')
    const opened = await runOn(installation, [
      'backup',
      'verify',
      set.stdout.trim(),
      '--passphrase-file',
      phrase,
    ])
    expect({ code: opened.code, end: opened.stdout.split('\n').at(-2) }).toEqual({
      code: 0,
      end: 'verified: 1 account, 1 record, 0 notes',
    })
    const unasked = await runOn(installation, ['backup', 'verify', set.stdout.trim()])
    expect(unasked.code).toBe(2)
    expect(unasked.stderr).toStartWith(
      "error: can't prompt for a passphrase: not a terminal\nhint: use --passphrase-file\n",
    )
    const plain = await runOn(installation, ['backup', '--plain'], {
      environment: { SNAILPASS_BACKUP_ENCRYPT_TO: recipient },
    })
    expect(plain.stderr).toBe('Backup written and verified (1 account, 1 record, 0 notes):\n')
    // The lock, the backup for a key and the unencrypted one.
    expect(readdirSync(join(installation.dataDir, 'backups'))).toHaveLength(3)
  }, 300_000)

  test('asks on a terminal for a passphrase, twice, and shows its progress', async () => {
    await using installation = await (installations[0]?.install() ??
      Promise.reject(new Error('no engine')))
    await fill(installation, 'owner', 1)
    const typing = async (answers: readonly string[]) => {
      let screen = ''
      const left = [...answers]
      const questions = ['Passphrase for the backup: ', 'Repeat passphrase: ']
      const child = spawnOnTerminal(
        ['backup', '--passphrase', '--data-dir', installation.dataDir],
        (text) => {
          screen += text
          if (questions[0] === undefined || !screen.includes(questions[0])) return
          questions.shift()
          child.terminal?.write(`${left.shift()}\r`)
        },
      )
      return { code: await child.exited, screen }
    }
    const mistyped = await typing(['open sesame', 'open seasme'])
    expect(mistyped.code).toBe(2)
    expect(mistyped.screen).toContain(' the passphrases do not match')
    expect(existsSync(join(installation.dataDir, 'backups'))).toBeFalse()
    const done = await typing(['open sesame', 'open sesame'])
    expect(done.code).toBe(0)
    for (const step of ['copying', 'verifying', 'encrypting'])
      expect(done.screen).toMatch(
        new RegExp(`\\r\u001b\\[2K${step}: 0 %.*\\r\u001b\\[2K${step}: 99 %`, 's'),
      )
    expect(done.screen).not.toContain('100 %')
    expect(done.screen).not.toContain('sesame')
    expect(readdirSync(join(installation.dataDir, 'backups'))).toContainEqual(
      expect.stringMatching(/\.sqlite\.age$/),
    )
  }, 300_000)

  test('leaves no unencrypted file when a signal ends it', async () => {
    await using installation = await (installations[0]?.install() ??
      Promise.reject(new Error('no engine')))
    await fill(installation, 'owner', 1)
    const phrase = join(installation.dataDir, 'phrase')
    writeFileSync(phrase, 'open sesame\n')
    const drafts = () =>
      readdirSync(installation.dataDir).filter((name) => name.endsWith('.partial'))
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = Bun.spawn(
        [executable, 'backup', '--passphrase-file', phrase, '--data-dir', installation.dataDir],
        { env: { HOME: '/nonexistent' }, stdout: 'ignore', stderr: 'ignore' },
      )
      await until(
        () => drafts().length > 0 || child.exitCode !== null,
        'the unencrypted draft of the backup',
        { interval: 1 },
      )
      child.kill(signal)
      expect(await child.exited).toBe(signal === 'SIGTERM' ? 143 : 130)
      expect(drafts()).toEqual([])
      expect(readdirSync(join(installation.dataDir, 'backups'))).toEqual(['.snailpass.lock'])
    }
  }, 300_000)
})

describe.each(installations)('snailpass restore on $engine', ({ install }) => {
  test('prints the plan, asks, and replaces everything, but not while a server runs', async () => {
    await using installation = await install()
    await fill(installation, 'first', 1)
    const path = (await runOn(installation, ['backup'])).stdout.trim()
    await fill(installation, 'second', 1)
    const both = ['first@nas.local', 'second@nas.local']
    {
      await using _ = await startServerOn(installation)
      const refused = await runOn(installation, ['restore', path, '--yes'])
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/^error: .+ is in use by another snailpass process$/m)
      const dry = await runOn(installation, ['restore', path, '--dry-run'])
      expect(dry).toMatchObject({ code: 0, stdout: '' })
      expect(dry.stderr).toContain('accounts                2 now, 1 afterwards\n')
      expect(dry.stderr).toEndWith('Nothing was changed. Run it without --dry-run to restore.\n')
    }
    const unasked = await runOn(installation, ['restore', path])
    expect(unasked.code).toBe(2)
    expect(unasked.stderr).toContain('hint: use --yes to skip\n')
    expect(await emails(installation)).toEqual(both)

    const done = await runOn(installation, ['restore', path, '--yes'])
    expect(done.code).toBe(0)
    expect(done.stderr).toContain('; everyone has to sign in again.\n')
    expect(await emails(installation)).toEqual(['first@nas.local'])
    const back = done.stdout.trim()
    expect(back).toMatch(/\/backups\/snailpass-before-restore-\d{8}T\d{6}Z\.sqlite$/)
    expect((await runOn(installation, ['restore', back, '--yes'])).code).toBe(0)
    expect(await emails(installation)).toEqual(both)
    await using server = await startServerOn(installation)
    expect((await signUpAndLogIn(server.url, 'third')).token).not.toBe('')
  }, 300_000)
})

/** Adds records with a field and a note, each acknowledged before the next one. Puts complete records into `written`. */
async function write(
  client: Client,
  isOver: () => boolean,
  written: Map<string, number>,
): Promise<void> {
  while (!isOver()) {
    const record = aRecord()
    const statuses = [
      (await client.send('POST', '/records', record)).status,
      (await client.send('POST', '/additional_fields', aField(record.id))).status,
      (await client.send('POST', '/notes', aNote())).status,
    ]
    expect(statuses).toEqual([201, 201, 201])
    written.set(record.id, performance.now())
  }
}

test.each(installations)(
  'backups on $engine that are written while eight clients write contain all that was acknowledged before',
  async ({ install }) => {
    await using installation = await install()
    const backups: { path: string; before: string[] }[] = []
    {
      const accounts: Account[] = []
      for (let index = 0; index < 8; index++)
        accounts.push(await createAccount(installation, `w${index}`))
      await using server: RunningServer = await startServerOn(installation)
      const written = new Map<string, number>()
      let isOver = false
      const writing = accounts.map((account) =>
        write(account.at(server.url), () => isOver, written),
      )
      const end = performance.now() + (seconds * 1000) / 2
      do {
        const before = [...written.keys()]
        const { code, stdout, stderr } = await runOn(installation, ['backup'])
        expect({ code, stderr }).toMatchObject({ code: 0 })
        backups.push({ path: stdout.trim(), before })
      } while (performance.now() < end)
      isOver = true
      await Promise.all(writing)
      await server.end('SIGTERM')
    }
    expect(backups.length).toBeGreaterThan(0)
    for (const { path, before } of backups) {
      using file = new Database(path, { readonly: true })
      const ids = (text: string) =>
        new Set(
          file
            .query<{ id: string }, []>(text)
            .all()
            .map(({ id }) => id),
        )
      const records = ids('select id from records')
      const fields = ids('select record_id as id from additional_fields')
      expect(before.filter((id) => !records.has(id) || !fields.has(id))).toEqual([])
      // A field without its record would mean that the backup contains two states of the database.
      expect([...fields].filter((id) => !records.has(id))).toEqual([])
      const owners = ids('select id from users')
      expect([...ids('select user_id as id from records')].filter((id) => !owners.has(id))).toEqual(
        [],
      )
    }
    // The newest backup, in the long form all of them, restored into a database.
    for (const { path, before } of [backups.at(-1), ...(seconds > 10 ? backups : [])].filter(
      (found) => found !== undefined,
    )) {
      expect((await runOn(installation, ['restore', path, '--yes'])).code).toBe(0)
      const there = new Set(
        (await queryRows(installation.url, 'select id from records')).map(({ id }) => id),
      )
      expect(before.filter((id) => !there.has(id))).toEqual([])
    }
  },
  300_000 + seconds * 4_000,
)

test.each(installations)(
  'a restore on $engine that is killed leaves either the old or the new data, complete',
  async ({ install }) => {
    await using installation = await install()
    await fill(installation, 'old', 30)
    const old = await stateOf(installation)
    await using other = await (installations[0]?.install() ??
      Promise.reject(new Error('no engine')))
    await fill(other, 'new', 50)
    {
      using file = new Database(join(other.dataDir, 'snailpass.db'))
      // Enough rows that the restore can be killed half-way.
      file.run(`with recursive turns(value) as (select 1 union all select value + 1 from turns where value < 4000)
        insert into notes (id, user_id, name, content, is_favorite, is_deleted, creation_time, update_time)
        select 'n' || value, users.id, 'n:n', 'c:' || hex(zeroblob(500)), 0, 0, 1, 2 from users, turns`)
    }
    const next = await stateOf(other)
    const oldBackup = (await runOn(installation, ['backup'])).stdout.trim()
    const newBackup = (await runOn(other, ['backup'])).stdout.trim()
    const start = performance.now()
    expect((await runOn(installation, ['restore', newBackup, '--yes'])).code).toBe(0)
    const duration = performance.now() - start
    expect(await stateOf(installation)).toEqual(next)
    expect((await runOn(installation, ['restore', oldBackup, '--yes'])).code).toBe(0)

    const outcomes: string[] = []
    for (let attempt = 0; attempt < kills; attempt++) {
      const killAfter = Math.floor(30 + (duration * 1.1 * (attempt + Math.random())) / kills)
      const { code } = await runOn(installation, ['restore', newBackup, '--yes'], {
        environment: installation.environment,
        killAfter,
      })
      const state = await stateOf(installation)
      expect([old, next]).toContainEqual(state)
      const isNew = Bun.deepEquals(state, next)
      if (code === 0) expect(isNew).toBeTrue()
      outcomes.push(isNew ? 'new' : 'old')
      if (isNew) await retryUntilUnlocked(installation, ['restore', oldBackup, '--yes'])
    }
    expect(outcomes).toContain('old')
    // Files that killed restores left are removed and do not disturb.
    await retryUntilUnlocked(installation, ['restore', newBackup, '--yes'])
    expect(await stateOf(installation)).toEqual(next)
    expect(
      readdirSync(join(installation.dataDir, 'backups')).filter((name) =>
        name.endsWith('.partial'),
      ),
    ).toEqual([])
    await using server = await startServerOn(installation)
    expect((await signUpAndLogIn(server.url, 'newcomer')).token).not.toBe('')
  },
  300_000 + kills * 5_000,
)

/** Retries a command until Postgres has noticed that the connection of a killed one is closed. */
async function retryUntilUnlocked(
  installation: Installation,
  args: readonly string[],
): Promise<void> {
  const isDone = async () => {
    const { code, stderr } = await runOn(installation, args)
    if (code !== 0 && !stderr.includes('another snailpass')) throw new Error(stderr)
    return code === 0
  }
  await until(isDone, 'Postgres to unlock the database', { interval: 100 })
}

/** Enough of the database to distinguish the old state, the new state and a mixture of both. */
async function stateOf(installation: Installation): Promise<unknown> {
  const [counts] = await queryRows(
    installation.url,
    'select (select count(*) from users) as users, (select count(*) from records) as records, (select count(*) from notes) as notes',
  )
  const numbers = Object.entries(counts ?? {}).map(([name, count]) => [name, Number(count)])
  const ids = await queryRows(installation.url, 'select id from records order by seq')
  return { numbers, emails: await emails(installation), ids: ids.map(({ id }) => id) }
}
