import { describe, expect, test } from 'bun:test'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { basicAuth } from '../support/client'
import { run, serve, temporaryFolder } from '../support/executable'
import { sealAgain } from '../support/forged-backup'
import { changeDatabase, installations } from '../support/installations'
import { startPostgresFirst } from '../support/postgres'

startPostgresFirst('newest')

const written = join(import.meta.dir, '..', 'data', '0.1.0', 'backup.sqlite')

/** Takes an account over at the next sign-in of anyone. */
const takeover: Readonly<Record<string, string>> = {
  SQLite: `create trigger takeover after update of login_time on users begin
    update users set master_password_hash = 'mine' where email = 'owner@nas.local'; end`,
  Postgres: `create function takeover() returns trigger language plpgsql as $$ begin
      new.master_password_hash := 'mine'; return new; end $$;
    create trigger takeover before update on users for each row execute procedure takeover()`,
}

describe.each(installations)(
  'a trigger that someone left in the database on $engine',
  ({ engine, install }) => {
    test('survives in no command: each names it and the statement that removes it', async () => {
      await using installation = await install()
      const { dataDir, environment } = installation
      await createAccount(installation, 'owner')
      const command = (...args: readonly string[]) =>
        run([...args, '--data-dir', dataDir], { environment })
      const backup = (await command('backup')).stdout.trim()
      await changeDatabase(installation, takeover[engine] ?? '')
      const commands = [
        ['serve', '--listen', '127.0.0.1:0'],
        ['user', 'list'],
        ['backup'],
        ['restore', backup, '--yes'],
        ['restore', backup, '--dry-run'],
        ['recreate-db', '--yes'],
        ['key', 'rotate'],
      ]
      const fix = engine === 'SQLite' ? 'drop trigger "takeover"' : 'drop trigger takeover on users'
      for (const args of commands) {
        const { code, stderr } = await command(...args)
        expect({ args, code }).toEqual({ args, code: 1 })
        expect(stderr, args.join(' ')).toContain('error: the trigger takeover on users\n')
        expect(stderr, args.join(' ')).toContain(`hint: ${fix};\n`)
      }
      const doctor = await command('doctor')
      expect(doctor).toMatchObject({ code: 1 })
      expect(doctor.stdout).toContain('the trigger takeover on users')
      await changeDatabase(installation, fix)
      expect((await command('restore', backup, '--yes')).code).toBe(0)
      await using server = await serve(dataDir, environment)
      const headers = { authorization: basicAuth('owner@nas.local', btoa('hash of owner')) }
      for (let time = 0; time < 2; time++)
        expect((await fetch(new URL('/login', server.url), { headers })).status).toBe(200)
    }, 300_000)

    test('is told apart from objects that do nothing, which doctor lists and a restore leaves out', async () => {
      await using installation = await install()
      const { dataDir, environment } = installation
      await createAccount(installation, 'owner')
      await changeDatabase(
        installation,
        'create table other (id integer); create index by_hint on users (hint); analyze',
      )
      const command = (...args: readonly string[]) =>
        run([...args, '--data-dir', dataDir], { environment })
      const line =
        /^ok database +\d+ rows?, integrity check passed; not of SnailPass, and left alone: (.*)$/m
      const listed = async () => line.exec((await command('doctor')).stdout)?.[1]?.split(', ')
      expect(await listed()).toEqual(['the index by_hint on users', 'the table other'])
      const backup = (await command('backup')).stdout.trim()
      expect((await command('restore', backup, '--yes')).code).toBe(0)
      expect(await listed()).toEqual(['the table other'])
      expect((await command('recreate-db', '--yes')).code).toBe(0)
      expect(await listed()).toEqual(['the table other'])
    }, 300_000)
  },
)

test('a forged backup is told by `verify`, and `restore` asks before it uses it', async () => {
  using folder = temporaryFolder()
  const installation = { dataDir: join(folder.path, 'data'), environment: {} }
  const { dataDir, environment } = installation
  await createAccount(installation, 'owner')
  const command = (...args: readonly string[]) =>
    run([...args, '--data-dir', dataDir], { environment })
  const backup = (await command('backup')).stdout.trim()
  expect((await command('backup', 'verify', backup)).stdout).toContain('\nsignature OK')
  const forged = join(dataDir, 'forged.sqlite')
  copyFileSync(backup, forged)
  sealAgain(forged, "update users set email = 'mine@nas.local'")

  expect(await command('backup', 'verify', forged)).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(`error: ${forged} is forged`),
  })
  const emails = async () => (await command('user', 'list')).stdout
  for (const options of [[], ['--yes']]) {
    const { code, stderr } = await command('restore', forged, ...options)
    expect(code).toBe(2)
    expect(stderr).toContain('warning: signature WRONG')
    expect(stderr).toContain('--accept-forged')
  }
  expect((await command('restore', forged, '--accept-forged')).stderr).toContain(
    'use --yes to skip',
  )
  expect(await emails()).toContain('owner@nas.local')
  expect((await command('restore', forged, '--yes', '--accept-forged')).code).toBe(0)
  expect(await emails()).toContain('mine@nas.local')
  expect((await command('audit', '--json')).stdout).toContain(', forged; all sessions ended')

  // One of another server, and one without a signature, are told as that.
  expect((await command('key', 'rotate')).code).toBe(0)
  for (const [file, text] of [
    [backup, 'signature not checked: another server signed it'],
    [written, 'no signature: an older version wrote it'],
  ] as const) {
    expect((await command('backup', 'verify', file)).stdout).toContain(text)
    const restored = await command('restore', file, '--yes')
    expect(restored).toMatchObject({ code: 0, stderr: expect.stringContaining(text) })
  }
}, 300_000)
