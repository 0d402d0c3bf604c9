import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createTablePrinter, printTable } from '../../cli/print-table'
import { captureOutput, runCommand } from '../support/cli'
import {
  createSqliteTestDatabase,
  fillWithEdgeCases,
  type TestDatabase,
} from '../support/test-database'

/** Sets the width of the terminal on stdout until it is disposed. */
function onTerminal(columns: number | undefined): Disposable {
  const before = process.stdout.columns
  const set = (value: number | undefined) => Object.assign(process.stdout, { columns: value })
  set(columns)
  return { [Symbol.dispose]: () => void set(before) }
}

/** A database with 50 accounts with long names, and whatever else tables show, as long as it usually gets. */
let database: TestDatabase
/** About as long as the backup folder of a service. */
const backups = mkdtempSync('/tmp/snailpass-back-')
beforeAll(async () => {
  database = await createSqliteTestDatabase()
  await fillWithEdgeCases(database)
  for (const statement of [
    "update users set email = 'katharina.von-wittgenstein@mail.example.org' where id = 'u1'",
    'update users set deletion_time = null',
    "update outbox set lease = null, id = '0123456789abcdef', reason = 'the mail server refuses the sender of this server: 554 5.7.1 Relay access denied' where id = 'l0'",
    "update devices set network = '2001:db8:1234:5678::/64', kind = 'windows'",
    "update history set entry_id = 'b53b6a4e-6ff1-4d7e-8e5b-1c4d8a2f9e10' where entry_id = 'n1'",
    "update audit set email = 'katharina.von-wittgenstein@mail.example.org', address = '2001:db8:1234:5678:9abc:def0:1234:5678', detail = 'a text that says more about what has happened here'",
    ...Array.from(
      { length: 50 },
      (_, index) =>
        `insert into invitations (email, creation_time) values ('a.new.user.with.a.long.name-${index}@mail.example.org', 3)`,
    ),
  ]) {
    await database.sql(statement)
  }
  const columns = (await database.sql("select name from pragma_table_info('users')"))
    .map(({ name }) => String(name))
    .filter((name) => !['seq', 'id', 'email'].includes(name))
  for (let index = 0; index < 50; index++) {
    const id = crypto.randomUUID()
    const email = `a.rather.long.name-${index}@mail.example.org`
    await database.sql(
      `insert into users (id, email, ${columns.join()}) select '${id}', '${email}', ${columns.join()} from users where id = 'u2'`,
    )
  }
  for (const day of [1, 2, 3])
    writeFileSync(
      `${backups}/snailpass-2020010${day}T000000Z.sqlite.age`,
      'age-encryption.org/v1\n',
    )
}, 300_000)
afterAll(async () => {
  rmSync(backups, { recursive: true })
  await database[Symbol.asyncDispose]()
})

const commands: readonly (readonly [args: readonly string[], leftOut: string | null])[] = [
  [['user', 'list'], 'RECORDS, NOTES, ID'],
  [['user', 'devices', 'u1'], null],
  [['user', 'history', 'u2'], 'ENTRY'],
  [['user', 'invitations'], null],
  [['mail', 'list'], 'ID, ATTEMPTS'],
  [['backup', 'list'], 'TIME, BYTES, ROWS'],
  [['audit'], 'COUNT, BY, ADDRESS, DETAIL'],
]
const run = (args: readonly string[]) =>
  runCommand([...args, '--data-dir', database.dataDir], {
    SNAILPASS_DATABASE_URL: database.url,
    SNAILPASS_BACKUP_DIR: backups,
  })

test.each(commands)(
  '%p fits a terminal of 80 columns, and says what it left out',
  async (args, leftOut) => {
    using _terminal = onTerminal(80)
    const { code, stdout, stderr } = await run(args)
    const note =
      leftOut === null ? '' : `Too narrow for ${leftOut}: use --long to print all columns.\n`
    expect({ code, stderr }).toEqual({ code: 0, stderr: note })
    for (const line of stdout.split('\n'))
      expect(Bun.stringWidth(line), line).toBeLessThanOrEqual(80)
    for (const title of leftOut?.split(', ') ?? [])
      expect(stdout.split('\n')[0]).not.toContain(title)
  },
)

test('of the columns of backups, the time leaves first, then their rows, then their size', async () => {
  const leftOutAt = async (columns: number) => {
    using _terminal = onTerminal(columns)
    return /Too narrow for (.*):/.exec((await run(['backup', 'list'])).stderr)?.[1] ?? ''
  }
  const found = new Set<string>()
  for (let columns = 160; columns >= 60; columns -= 5) found.add(await leftOutAt(columns))
  expect([...found]).toEqual(['', 'TIME', 'TIME, ROWS', 'TIME, BYTES, ROWS'])
})

test.each(commands)('%p prints everything in a pipe, and with --long', async (args) => {
  using _pipe = onTerminal(undefined)
  const whole = await run(args)
  expect(whole).toMatchObject({ code: 0, stderr: '' })
  for (const columns of [0, 30, 1000]) {
    using _terminal = onTerminal(columns)
    expect(await run([...args, '--long'])).toEqual(whole)
  }
  using _serialConsole = onTerminal(0)
  expect(await run(args)).toEqual(whole)
})

test.each(commands)('%p prints JSON whole on any terminal', async (args) => {
  using _terminal = onTerminal(30)
  const narrow = await run([...args, '--json'])
  expect(narrow).toMatchObject({ code: 0, stderr: '' })
  using _pipe = onTerminal(undefined)
  expect(await run([...args, '--json'])).toEqual(narrow)
})

test('a table that is printed part by part has its titles again when its columns change', () => {
  using _terminal = onTerminal(12)
  using output = captureOutput()
  const columns = [
    { title: 'A', cell: ([a = '']: readonly string[]) => a },
    { title: 'B', cell: ([, b = '']: readonly string[]) => b, leaves: 1 },
  ]
  const printer = createTablePrinter(columns, {})
  printer.print([['one', 'two']])
  printer.print([['three', 'four']])
  printer.print([['three', 'a long text']])
  printer.print([['four', 'five']])
  printer.end()
  printTable(columns, [], {})
  expect(output.printed).toEqual({
    stdout: 'A    B\none  two\nthree  four\nA\nthree\nA     B\nfour  five\nA  B\n',
    stderr: 'Too narrow for B: use --long to print all columns.\n',
  })
})
