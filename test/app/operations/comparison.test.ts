import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
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

/** Has a database store another text than the one that is inserted, as a failing disk may. */
function falsify(table: 'users' | 'notes'): Disposable {
  const change = (value: unknown) => (value === 'n:n' || value === 'epoch one' ? 'x:x' : value)
  const isInsert = (text: string) => text.startsWith(`insert into "${table}"`)
  const { query } = SqliteFile.prototype
  const falsified = function (this: SqliteFile, text: string) {
    const statement = query.call(this, text)
    // The other files are backups.
    if (!isInsert(text) || !this.filename.endsWith('vaults.db')) return statement
    const run = (...values: unknown[]) =>
      Reflect.apply(statement.run, statement, values.map(change))
    return { columnNames: [], run }
  }
  const onSqlite = spyOn(SqliteFile.prototype, 'query').mockImplementation(
    falsified as unknown as typeof query,
  )
  const { query: send } = Client.prototype
  const onPostgres = spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ) {
    const [statement, ...rest] = args
    const { text = '', values = [] } = Object(statement)
    const changed = isInsert(text)
      ? { ...Object(statement), values: values.map(change) }
      : statement
    return Reflect.apply(send, this, [changed, ...rest])
  })
  return {
    [Symbol.dispose]() {
      onSqlite.mockRestore()
      onPostgres.mockRestore()
    },
  }
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
      using _ = falsify(table)
      const between = { from: parseDatabaseUrl(source.url), to: parseDatabaseUrl(target.url) }
      const copying = copyDatabase(targetsOf(source), between, null)
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
    using _ = falsify('notes')
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
