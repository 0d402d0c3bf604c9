import { describe, expect, test } from 'bun:test'
import {
  acceptLogOf,
  anEvent,
  changedRowProblem,
  checkAuditLog,
  databaseOf,
  fillAuditLog,
  kindsOf,
  recordEvents,
  signer,
  unknownHeadCheckpoint,
  unknownStartCheckpoint,
} from '../../support/audit'
import { startPostgresFirst } from '../../support/postgres'
import { enginesWithTables, type TestDatabase } from '../../support/test-database'

startPostgresFirst('newest')

/** All columns but the number. */
const columns = 'time, kind, actor, user_id, email, address, count, detail, mac'
const copyRow = (from: number, to: number) =>
  `insert into audit (seq, ${columns}) select ${to}, ${columns} from audit where seq = ${from}`
const moveRow = (from: number, to: number) => `update audit set seq = ${to} where seq = ${from}`

/** What an attacker with write access may do to an audit log of nine rows, and the problems that are reported. */
const tamperings: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ...(
    [
      ['time', 'time + 1'],
      ['kind', `'user-deleted'`],
      ['actor', `'user'`],
      ['user_id', 'null'],
      ['email', `'other@nas.local'`],
      ['address', `'10.0.0.2'`],
      ['count', 'count + 1'],
      ['detail', 'null'],
    ] as const
  ).map(
    ([column, value]) =>
      [
        `another ${column} in a row`,
        [`update audit set ${column} = ${value} where seq = 4`],
        [changedRowProblem(4)],
      ] as const,
  ),
  [
    'a value moved from one column to the next',
    [`update audit set address = null, email = email || '10.0.0.1' where seq = 4`],
    [changedRowProblem(4)],
  ],
  [
    'another signature',
    [`update audit set mac = 'x' where seq = 4`],
    [changedRowProblem(4), changedRowProblem(5)],
  ],
  ['a row removed', ['delete from audit where seq = 4'], ['row 4 is missing']],
  ['several rows removed', ['delete from audit where seq in (4, 5)'], ['rows 4 to 5 are missing']],
  [
    'a row removed and the next one moved up',
    ['delete from audit where seq = 8', moveRow(9, 8)],
    [changedRowProblem(8), 'row 9 is missing at the end'],
  ],
  [
    'the beginning cut',
    ['delete from audit where seq <= 3'],
    ['rows 1 to 3 are missing at the beginning, and not by pruning'],
  ],
  [
    'the beginning cut as if it had been pruned',
    [
      `update audit_marks set number = 3, mac = (select mac from audit where seq = 3) where name = 'begin'`,
      'delete from audit where seq <= 3',
    ],
    [unknownStartCheckpoint],
  ],
  ['the end cut', ['delete from audit where seq > 7'], ['rows 8 to 9 are missing at the end']],
  [
    'the end cut and its checkpoint moved',
    [
      'delete from audit where seq > 7',
      `update audit_marks set number = 7, mac = (select mac from audit where seq = 7) where name = 'head'`,
    ],
    [unknownHeadCheckpoint],
  ],
  [
    'a row added at the end',
    [copyRow(9, 10)],
    [changedRowProblem(10), 'row 10 is not from snailpass: the trail ends before'],
  ],
  [
    'a row inserted in the middle',
    [moveRow(9, 10), moveRow(8, 9), copyRow(4, 8)],
    [
      changedRowProblem(8),
      changedRowProblem(9),
      changedRowProblem(10),
      'row 10 is not from snailpass: the trail ends before',
    ],
  ],
  [
    'two rows swapped',
    [moveRow(4, 40), moveRow(5, 4), moveRow(40, 5)],
    [changedRowProblem(4), changedRowProblem(5), changedRowProblem(6)],
  ],
  [
    'a row replaced by a copy of another one',
    ['delete from audit where seq = 4', copyRow(6, 4)],
    [changedRowProblem(4), changedRowProblem(5)],
  ],
  [
    'the checkpoints removed',
    ['delete from audit_marks'],
    [unknownStartCheckpoint, unknownHeadCheckpoint],
  ],
  [
    'the checkpoints swapped',
    [
      `update audit_marks set name = 'x' where name = 'head'`,
      `update audit_marks set name = 'head' where name = 'begin'`,
      `update audit_marks set name = 'begin' where name = 'x'`,
    ],
    [changedRowProblem(1), unknownStartCheckpoint, unknownHeadCheckpoint],
  ],
  ['every row removed', ['delete from audit'], ['rows 1 to 9 are missing at the end']],
  [
    'all rows and checkpoints removed',
    ['delete from audit', 'delete from audit_marks'],
    ['the whole trail is missing'],
  ],
]

describe.each(enginesWithTables)('the audit log on $engine', ({ open }) => {
  test('reports every way of tampering, and records what an operator accepts', async () => {
    await using database = await open()
    await fillAuditLog(database)
    const snapshot = await readAuditTables(database)
    for (const [name, statements, problems] of tamperings) {
      for (const statement of statements) await database.sql(statement)
      expect({ name, problems: (await checkAuditLog(database)).problems }).toEqual({
        name,
        problems: [...problems],
      })
      // After any damage an operator can accept the log as it is. Only the record of that remains.
      expect(await acceptLogOf(database)).toEqual(problems)
      const { problems: remaining, recordedBreaks } = await checkAuditLog(database)
      expect({
        name,
        remaining,
        recordedBreaks,
        last: (await kindsOf(database)).at(-1),
      }).toEqual({
        ...{ name, remaining: [], recordedBreaks: [], last: 'trail-accepted' },
      })
      await restoreRows(database, snapshot)
    }
    expect((await checkAuditLog(database)).problems).toEqual([])
  })

  test('without its checkpoints claims no pruned rows', async () => {
    await using database = await open()
    await fillAuditLog(database)
    await database.sql('delete from audit_marks')
    expect(await checkAuditLog(database)).toMatchObject({ rows: 9, prunedUpTo: 0 })
  })

  test('continues after its end was tampered with, records that, and still reports the damage', async () => {
    await using database = await open()
    await fillAuditLog(database)
    const snapshot = await readAuditTables(database)
    for (const statements of [
      ['delete from audit where seq > 7'],
      ['delete from audit where seq > 7', `delete from audit_marks where name = 'head'`],
      [copyRow(9, 10), `update audit_marks set number = 10 where name = 'head'`],
      ['delete from audit'],
    ]) {
      for (const statement of statements) await database.sql(statement)
      await databaseOf(database).withShared(async (store) => {
        store.setAuditSigner(() => signer)
        await recordEvents(store, anEvent(20))
        await recordEvents(store, anEvent(21))
      })
      expect((await checkAuditLog(database)).problems).not.toEqual([])
      // Recorded once: the row that records it is the new end.
      expect((await kindsOf(database)).slice(-3)).toEqual([
        'trail-broken',
        'user-added',
        'user-added',
      ])
      await restoreRows(database, snapshot)
    }
  })
})

type Rows = readonly Record<string, unknown>[]

/** Reads all rows and checkpoints of the audit log. */
async function readAuditTables(
  database: TestDatabase,
): Promise<readonly (readonly [string, Rows])[]> {
  const read = async (table: string) =>
    [table, await database.sql(`select * from ${table} order by seq`)] as const
  return [await read('audit'), await read('audit_marks')]
}

/** Restores the rows and checkpoints of a snapshot. */
async function restoreRows(
  database: TestDatabase,
  snapshot: Awaited<ReturnType<typeof readAuditTables>>,
): Promise<void> {
  for (const [table, rows] of snapshot) {
    const literal = (value: unknown) =>
      value === null ? 'null' : typeof value === 'number' ? String(value) : `'${value}'`
    const values = rows.map((row) => `(${Object.values(row).map(literal)})`)
    await database.sql(`delete from ${table}`)
    await database.sql(`insert into ${table} (${Object.keys(rows[0] ?? {})}) values ${values}`)
  }
}
