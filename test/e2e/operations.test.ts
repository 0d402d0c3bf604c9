import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { aRecord } from '../support/client'
import { run, serve, spawnOnTerminal, temporaryFolder } from '../support/executable'
import { createPostgresDatabase, startPostgresFirst } from '../support/postgres'
import { queryRows } from '../support/store'

startPostgresFirst('newest')

/** Creates a data folder with one account and three records. */
async function createVault() {
  const folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  const owner = await createAccount({ dataDir }, 'owner', async (client) => {
    for (let index = 0; index < 3; index++) await client.send('POST', '/records', aRecord())
  })
  return {
    dataDir,
    token: owner.token,
    url: `sqlite:${join(dataDir, 'snailpass.db')}`,
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

describe('snailpass copy', () => {
  test('reads the password as libpq does, and prints the rows and checksum of each table', async () => {
    using vault = await createVault()
    await using database = await createPostgresDatabase()
    const url = new URL(database.url)
    const { password } = url
    url.password = ''
    const copied = await run(['copy', vault.url, url.href, '--data-dir', vault.dataDir], {
      environment: { PGPASSWORD: decodeURIComponent(password) },
    })
    expect(copied.stderr).toBe('Copied and verified: 1 account, 3 records, 0 notes.\n')
    expect(copied.code).toBe(0)
    const lines = copied.stdout.trimEnd().split('\n')
    expect(lines.map((line) => line.split(/\s+/).slice(0, 2))).toEqual([
      ['TABLE', 'ROWS'],
      ['users', '1'],
      ['devices', '1'],
      ['invitations', '0'],
      ['records', '3'],
      ['notes', '0'],
      ['additional_fields', '0'],
      ['history', '0'],
      ['outbox', '0'],
      ['set_aside', '0'],
      ['audit', '3'],
      ['audit_marks', '2'],
    ])
    expect(lines[1]).toMatch(/ {2}[0-9a-f]{64}$/)

    await using server = await serve(vault.dataDir, { SNAILPASS_DATABASE_URL: database.url })
    const headers = { 'x-access-token': vault.token }
    const records = await fetch(new URL('/records', server.url), { headers })
    expect(await records.json()).toHaveLength(3)
  }, 300_000)

  test('shows its progress on a terminal, and clears the line at the end', async () => {
    using vault = await createVault()
    const target = join(vault.dataDir, 'copy.db')
    let screen = ''
    const child = spawnOnTerminal(
      ['copy', vault.url, `sqlite:${target}`, '--data-dir', vault.dataDir],
      (text) => {
        screen += text
      },
    )
    expect(await child.exited).toBe(0)
    expect(screen).toMatch(/copying: 0 %.*verifying: 99 %/s)
    expect(screen).toContain('\r\u001b[2KTABLE')
    expect(await queryRows(`sqlite:${target}`, 'select count(*) as records from records')).toEqual([
      { records: 3 },
    ])
  })

  test.each([
    ['an invalid URL', ['nonsense'], 2, 'error: invalid <from-url>: not a database URL\nhint: '],
    [
      'a missing source',
      ['sqlite:/nonexistent/vaults.db'],
      1,
      'error: there is no SnailPass database at /nonexistent/vaults.db\nhint: ',
    ],
  ])('rejects %s, and creates nothing', async (_name, from, code, message) => {
    using folder = temporaryFolder()
    const target = join(folder.path, 'copy.db')
    const refused = await run(['copy', ...from, `sqlite:${target}`, '--data-dir', folder.path])
    expect(refused.code).toBe(code)
    expect(refused.stderr).toStartWith(message)
    expect(existsSync(target)).toBeFalse()
  })
})

describe('snailpass key rotate', () => {
  test('signs out everyone, and prints where the new key is', async () => {
    using vault = await createVault()
    const rotated = await run(['key', 'rotate', '--data-dir', vault.dataDir])
    expect(rotated).toEqual({
      code: 0,
      stdout: '',
      stderr: `The database now uses the key in ${vault.dataDir}/secret.key; everyone has to sign in again.\nThe audit log was signed again: 3 rows before, verified.\n`,
    })
    await using server = await serve(vault.dataDir)
    const headers = { 'x-access-token': vault.token }
    expect((await fetch(new URL('/users', server.url), { headers })).status).toBe(401)
  })

  test('fails while a server runs', async () => {
    using vault = await createVault()
    await using server = await serve(vault.dataDir)
    const { code, stderr } = await run(['key', 'rotate', '--data-dir', vault.dataDir])
    expect(code).toBe(1)
    expect(stderr).toStartWith(
      `error: ${vault.dataDir}/snailpass.db is in use by another snailpass process\n`,
    )
    const headers = { 'x-access-token': vault.token }
    expect((await fetch(new URL('/users', server.url), { headers })).status).toBe(200)
  })
})

test('an invalid database URL stops the start, and nothing is created instead', async () => {
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  for (const url of ['mysql://me:secret@host/db', 'postgres://me:se cret@[/db', 'snailpass.db']) {
    const { code, stderr } = await run(['serve', '--data-dir', dataDir], {
      environment: { SNAILPASS_DATABASE_URL: url },
    })
    expect(code).toBe(2)
    expect(stderr).toStartWith('error: invalid SNAILPASS_DATABASE_URL: ')
    expect(stderr).not.toContain('secret')
    expect(stderr).not.toContain('se cret')
    expect(existsSync(dataDir)).toBeFalse()
  }
})
