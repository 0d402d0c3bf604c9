import { describe, expect, test } from 'bun:test'
import { engines, type Place } from '../support/archives'
import {
  accept,
  anEvent,
  databaseOf,
  kindsOf,
  notWritten,
  proofOf,
  record,
  seal,
  unknownBegin,
  unknownHead,
  withTrail,
} from '../support/audit'

/** Another row in the place of a row's number, with everything that it has. */
const rest = 'time, kind, actor, user_id, email, address, count, detail, mac'
const copied = (from: number, to: number) =>
  `insert into audit (seq, ${rest}) select ${to}, ${rest} from audit where seq = ${from}`
const moved = (from: number, to: number) => `update audit set seq = ${to} where seq = ${from}`

/** What somebody with write access may do to a trail of nine rows, and what is said of it. */
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
        [notWritten(4)],
      ] as const,
  ),
  [
    'a value moved from one column to the next',
    [`update audit set address = null, email = email || '10.0.0.1' where seq = 4`],
    [notWritten(4)],
  ],
  [
    'another signature',
    [`update audit set mac = 'x' where seq = 4`],
    [notWritten(4), notWritten(5)],
  ],
  ['a row taken away', ['delete from audit where seq = 4'], ['row 4 is missing']],
  ['several taken away', ['delete from audit where seq in (4, 5)'], ['rows 4 to 5 are missing']],
  [
    'a row taken away and the others moved up',
    ['delete from audit where seq = 8', moved(9, 8)],
    [notWritten(8), 'row 9 is missing at the end'],
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
    [unknownBegin],
  ],
  ['the end cut', ['delete from audit where seq > 7'], ['rows 8 to 9 are missing at the end']],
  [
    'the end cut and its mark moved',
    [
      'delete from audit where seq > 7',
      `update audit_marks set number = 7, mac = (select mac from audit where seq = 7) where name = 'head'`,
    ],
    [unknownHead],
  ],
  [
    'a row put behind the end',
    [copied(9, 10)],
    [notWritten(10), 'row 10 is not from snailpass: the trail ends before'],
  ],
  [
    'a row put in between',
    [moved(9, 10), moved(8, 9), copied(4, 8)],
    [
      notWritten(8),
      notWritten(9),
      notWritten(10),
      'row 10 is not from snailpass: the trail ends before',
    ],
  ],
  [
    'two rows changed over',
    [moved(4, 40), moved(5, 4), moved(40, 5)],
    [notWritten(4), notWritten(5), notWritten(6)],
  ],
  [
    'a row written over by another one',
    ['delete from audit where seq = 4', copied(6, 4)],
    [notWritten(4), notWritten(5)],
  ],
  ['the marks taken away', ['delete from audit_marks'], [unknownBegin, unknownHead]],
  [
    'the marks changed over',
    [
      `update audit_marks set name = 'x' where name = 'head'`,
      `update audit_marks set name = 'head' where name = 'begin'`,
      `update audit_marks set name = 'begin' where name = 'x'`,
    ],
    [notWritten(1), unknownBegin, unknownHead],
  ],
  ['every row taken away', ['delete from audit'], ['rows 1 to 9 are missing at the end']],
  [
    'all of it taken away',
    ['delete from audit', 'delete from audit_marks'],
    ['the whole trail is missing'],
  ],
]

describe.each(engines)('the audit trail on $engine', ({ open }) => {
  test('shows every way of tampering with it, and goes on without hiding one', async () => {
    await using place = await open()
    await withTrail(place)
    const whole = await allOf(place)
    for (const [name, statements, problems] of tamperings) {
      for (const statement of statements) await place.sql(statement)
      expect({ name, problems: (await proofOf(place)).problems }).toEqual({
        name,
        problems: [...problems],
      })
      // Whatever it was, an operator can have the trail go on, and nothing is left of it but the word of that.
      expect(await accept(place)).toEqual(problems)
      const { problems: left, broken } = await proofOf(place)
      expect({ name, left, broken, last: (await kindsOf(place)).at(-1) }).toEqual({
        ...{ name, left: [], broken: [], last: 'trail-accepted' },
      })
      await putBack(place, whole)
    }
    expect((await proofOf(place)).problems).toEqual([])
  }, 20_000)

  test('goes on where its end is not what was written, says so, and stays to be found', async () => {
    await using place = await open()
    await withTrail(place)
    const whole = await allOf(place)
    for (const statements of [
      ['delete from audit where seq > 7'],
      ['delete from audit where seq > 7', `delete from audit_marks where name = 'head'`],
      [copied(9, 10), `update audit_marks set number = 10 where name = 'head'`],
      ['delete from audit'],
    ]) {
      for (const statement of statements) await place.sql(statement)
      await databaseOf(place).beside(async (store) => {
        store.signBy(() => seal)
        await record(store, anEvent(20))
        await record(store, anEvent(21))
      })
      expect((await proofOf(place)).problems).not.toEqual([])
      // Once: from then on the end is what was written last.
      expect((await kindsOf(place)).slice(-3)).toEqual(['trail-broken', 'user-added', 'user-added'])
      await putBack(place, whole)
    }
  })
})

type Rows = readonly Record<string, unknown>[]

/** Everything that the trail is made of. */
async function allOf(place: Place): Promise<readonly (readonly [string, Rows])[]> {
  const read = async (table: string) =>
    [table, await place.sql(`select * from ${table} order by seq`)] as const
  return [await read('audit'), await read('audit_marks')]
}

/** Puts it back as it was, whatever was done to it. */
async function putBack(place: Place, whole: Awaited<ReturnType<typeof allOf>>): Promise<void> {
  for (const [table, rows] of whole) {
    const literal = (value: unknown) =>
      value === null ? 'null' : typeof value === 'number' ? String(value) : `'${value}'`
    const values = rows.map((row) => `(${Object.values(row).map(literal)})`)
    await place.sql(`delete from ${table}`)
    await place.sql(`insert into ${table} (${Object.keys(rows[0] ?? {})}) values ${values}`)
  }
}
