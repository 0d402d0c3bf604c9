import { expect, test } from 'bun:test'
import { showCommand } from '../support/cli'
import {
  createSqliteTestDatabase,
  createTestBackup,
  fillWithEdgeCases,
  type TestDatabase,
} from '../support/test-database'

/** What a terminal shows of a command, with `PATH` for each path. */
async function show(database: TestDatabase, ...args: string[]): Promise<readonly string[]> {
  const environment = { SNAILPASS_DATABASE_URL: database.url }
  const text = await showCommand([...args, '--data-dir', database.dataDir], environment)
  return text
    .trimEnd()
    .replaceAll(/\/[^\s;:]+/g, 'PATH')
    .split('\n')
}

test('what is printed for people comes before the value that it announces', async () => {
  await using database = await createSqliteTestDatabase()
  await fillWithEdgeCases(database)
  const { path: backup } = await createTestBackup(database)
  const shown = (...args: string[]) => show(database, ...args)

  expect((await shown('user', 'invite', 'new@nas.local'))[0]).toBe('Invited new@nas.local.')
  expect(await shown('user', 'delete', 'u2', '--yes')).toEqual([
    'email              two@nas.local',
    'id                 u2',
    'state              unconfirmed',
    'created            1970-01-01 00:00 UTC',
    'last sign-in       never',
    'records            0',
    'additional fields  0',
    'notes              2',
    'vault size         1.2 MB',
    'history            1 version, 700 bytes',
    'pending emails     1',
    'Account deleted. Backup of the previous data:',
    'PATH',
  ])
  expect((await shown('restore', backup, '--yes')).slice(-3)).toEqual([
    'Restored PATH; everyone has to sign in again.',
    'Backup of the previous data:',
    'PATH',
  ])
  expect(await shown('audit', 'verify')).toEqual([
    expect.stringMatching(/^\d+ rows verified; .* Newest row:$/),
    expect.stringMatching(/^[\w-]+/),
  ])
  expect((await shown('tls', 'renew')).slice(0, 2)).toEqual([
    expect.stringMatching(/^New certificate authority, for devices to install: /),
    expect.stringMatching(/^New certificate, valid until .*, for:$/),
  ])
  expect(await shown('recreate-db', '--yes')).toEqual([
    'All data is deleted. Backup of the previous data:',
    'PATH',
  ])
})
