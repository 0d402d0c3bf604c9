import { describe, expect, test } from 'bun:test'
import {
  acceptBrokenAudit,
  pruneAudit,
  readAuditLog,
  verifyAudit,
} from '../../../src/app/operations/audit'
import { auditLogOf, kindsOf } from '../../support/audit'
import { captureError } from '../../support/capture-error'
import { signUpAndLogIn } from '../../support/client'
import {
  createSqliteTestDatabase,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'

const email = 'owner@nas.local'

/** Runs a server on the database, with a sign-up and a login. */
async function fill(database: TestDatabase): Promise<void> {
  await using server = await startServerOn(database)
  await signUpAndLogIn(server.url, 'owner')
}

const initialKinds = ['trail-begun', 'sign-up', 'login']

const verifyLog = (database: TestDatabase, expected: string | null = null) =>
  verifyAudit(targetsOf(database), expected)

describe('reading the audit log', () => {
  /** Returns the numbers of the rows of each page. */
  async function readPages(
    database: TestDatabase,
    filter: Partial<Parameters<typeof readAuditLog>[1]> = {},
  ): Promise<readonly (readonly number[])[]> {
    const pages: (readonly number[])[] = []
    await readAuditLog(targetsOf(database), { user: null, since: null, ...filter }, (rows) =>
      pages.push(rows.map(({ number }) => number)),
    )
    return pages
  }

  test('returns every row once, in order, in pages of 512', async () => {
    await using database = await createSqliteTestDatabase()
    await (await startServerOn(database)).stop()
    await database.sql('delete from audit')
    const rows = [...Array(1_200).keys()].map((row) => `(${row + 1}, 7, 'login', 'user', 1, '')`)
    await database.sql(`insert into audit (seq, time, kind, actor, count, mac) values ${rows}`)
    const pages = await readPages(database)
    expect(pages.map(({ length }) => length)).toEqual([512, 512, 176])
    expect(pages.flat()).toEqual([...rows.keys()].map((row) => row + 1))
    // A full page may be the last one.
    await database.sql('delete from audit where seq > 512')
    expect((await readPages(database)).flat()).toHaveLength(512)
  })

  test('of an account without rows in the time that is asked for is no mistake', async () => {
    await using database = await createSqliteTestDatabase()
    await fill(database)
    const since = Date.now() + 1_000_000
    const [user] = await database.sql('select id from users')
    const names = [email, String(user?.['id'])]
    const expectNoRows = async () => {
      for (const name of names) {
        expect(await readPages(database, { user: name, since })).toEqual([[]])
      }
    }
    await expectNoRows()
    // An account whose rows were pruned, and one that was deleted.
    await database.sql('delete from audit')
    await expectNoRows()
    await database.sql(
      `insert into audit (seq, time, kind, actor, user_id, email, count, mac)
      select 1, 7, 'login', 'user', id, email, 1, '' from users; delete from users`,
    )
    await expectNoRows()
    await database.sql('delete from audit')
    for (const unknown of names) {
      expect(await captureError(readPages(database, { user: unknown, since }))).toMatchObject({
        code: 'not_found',
        message: `there is no account ${unknown}, neither now nor in the audit log`,
      })
    }
  })
})

test('pruning the audit log deletes the rows that are older than the setting, and returns how many', async () => {
  await using database = await createSqliteTestDatabase()
  await fill(database)
  const hour = 3_600_000
  const pruneAfter = (hours: number, days: string) => {
    const clock = () => Date.now() + hours * hour
    return pruneAudit(targetsOf(database, { SNAILPASS_AUDIT_DAYS: days }, { clock }))
  }
  expect(await pruneAfter(23, '1')).toBe(0)
  expect(await pruneAfter(25, '2')).toBe(0)
  // Nothing is old by a clock that can't be right.
  expect(await captureError(pruneAfter(100, '1'))).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^no row was removed: the clock of this machine may be ahead/),
    hint: expect.stringContaining('timedatectl'),
  })
  expect(await kindsOf(database)).toEqual(initialKinds)
  expect(await pruneAfter(25, '1')).toBe(3)
  expect(await kindsOf(database)).toEqual([])
  expect(await verifyLog(database)).toMatchObject({ rows: 0, problems: [] })
})

test('an audit log that was tampered with can be accepted as it is, while no server runs', async () => {
  await using database = await createSqliteTestDatabase()
  await fill(database)
  await database.sql(`update audit set address = '10.0.0.1' where seq = 3`)
  const { problems } = await verifyLog(database)
  expect(problems).toHaveLength(1)
  {
    await using _ = await startServerOn(database)
    expect(await captureError(acceptBrokenAudit(targetsOf(database)))).toMatchObject({
      code: 'conflict',
    })
  }
  const clock = () => Date.UTC(2026, 10, 24)
  expect(await acceptBrokenAudit(targetsOf(database, {}, { clock }))).toEqual(problems)
  expect((await auditLogOf(database)).at(-1)).toMatchObject({
    ...{ kind: 'trail-accepted', time: clock(), detail: problems.join('; ') },
  })
  expect(await verifyLog(database)).toMatchObject({ rows: 4, problems: [] })
})

test('only a value that a server logs can be expected', async () => {
  await using database = await createSqliteTestDatabase()
  await fill(database)
  const { newestValue } = await verifyLog(database)
  for (const wrong of ['', '3', `3:${'f'.repeat(63)}`, `${newestValue}0`, ` ${newestValue}`]) {
    expect(await captureError(verifyLog(database, wrong))).toMatchObject({
      code: 'invalid',
      message: `invalid --expect "${wrong}": use NUMBER:MAC`,
    })
  }
})
