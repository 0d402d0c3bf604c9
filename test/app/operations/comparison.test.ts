import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { copyDatabase } from '../../../src/app/operations/copy'
import { restoreBackup } from '../../../src/app/operations/restore'
import { parseDatabaseUrl } from '../../../src/config/database-url'
import { captureError } from '../../support/capture-error'
import {
  createSqliteTestDatabase,
  createTestBackup,
  engines,
  fillWithEdgeCases,
  noDecryption,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'

/** Makes a database store another name than the one that is inserted, as a failing disk may. */
async function falsify(database: TestDatabase, table: 'users' | 'notes'): Promise<void> {
  const column = table === 'users' ? 'hint' : 'name'
  if (database.engine === 'SQLite') {
    await database.sql(
      `create trigger falsify after insert on ${table} begin
        update ${table} set ${column} = 'x:x' where id = new.id; end`,
    )
    return
  }
  await database.sql(
    `create function falsify() returns trigger language plpgsql as
      $$ begin new.${column} := 'x:x'; return new; end $$;
    create trigger falsify before insert on ${table} for each row execute procedure falsify()`,
  )
}

const rowsOf = async (database: TestDatabase) => ({
  users: await database.sql('select id, hint, session_epoch from users order by seq'),
  notes: await database.sql('select id, name from notes order by seq'),
  facts: await database.sql('select name, value from facts order by name'),
  audit: await database.sql('select kind, mac from audit order by seq'),
})

describe.each(engines)('rows that $engine does not return as they were written', ({ open }) => {
  test.each(['users', 'notes'] as const)(
    'fail a copy: %s are compared, and the target stays as it was',
    async (table) => {
      await using source = await createSqliteTestDatabase()
      await using target = await open()
      await fillWithEdgeCases(source)
      const { database } = targetsOf(target)
      await database.withExclusive({ create: true }, () => Promise.resolve())
      await falsify(target, table)
      const between = { from: parseDatabaseUrl(source.url), to: parseDatabaseUrl(target.url) }
      const copying = copyDatabase(targetsOf(source), between, () => () => {})
      expect(await captureError(copying)).toMatchObject({
        code: 'unavailable',
        message: `${database.name} returned other rows of ${table} than were written to it; nothing was changed`,
      })
      expect(await rowsOf(target)).toEqual({ users: [], notes: [], facts: [], audit: [] })
    },
  )

  test('fail a restore, which changes nothing and leaves no new backup', async () => {
    await using source = await createSqliteTestDatabase()
    await using target = await open()
    await fillWithEdgeCases(source)
    await fillWithEdgeCases(target)
    const { path } = await createTestBackup(source)
    const before = await rowsOf(target)
    await falsify(target, 'notes')
    const { database, folder } = targetsOf(target)
    const restoring = restoreBackup(targetsOf(target), path, {
      decryption: noDecryption,
      dryRun: false,
      withSecrets: false,
      consent: () => Promise.resolve(),
      onProgress: () => {},
    })
    expect(await captureError(restoring)).toMatchObject({
      code: 'unavailable',
      message: `${database.name} returned other rows of notes than were written to it; nothing was changed`,
    })
    expect(await rowsOf(target)).toEqual(before)
    expect(readdirSync(join(folder.path, 'backups'))).toEqual(['.snailpass.lock'])
  })
})
