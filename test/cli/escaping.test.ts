import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import * as readline from 'node:readline/promises'
import { confirm } from '../../cli/prompts'
import { createProgressLine, info, out, outJson, reportError } from '../../cli/terminal'
import { CombinedError, DomainError } from '../../src/domain/errors'
import { captureOutput, runCommand, withTerminal } from '../support/cli'
import {
  createSqliteTestDatabase,
  fillWithEdgeCases,
  type TestDatabase,
} from '../support/test-database'

/** Written in another way than the program does: everything that is not shown, except line ends and joiners. */
const unprintable = /(?![\n\u200c\u200d])\p{C}|\p{Zl}|\p{Zp}/u

/** What others choose, and what is shown. */
const kinds: readonly (readonly [kind: string, text: string, shown: string])[] = [
  ['a line end', 'a\nhint: b', 'a\\nhint: b'],
  ['a carriage return', 'a\rb', 'a\\rb'],
  ['a tab', 'a\tb', 'a\\tb'],
  ['an escape sequence', '\u001b[2Ja', '\\u{1b}[2Ja'],
  ['a bell, a backspace, a NUL', '\u0007\b\0', '\\u{7}\\u{8}\\u{0}'],
  ['delete', 'a\u007f', 'a\\u{7f}'],
  ['a C1 sequence', '\u009b31m', '\\u{9b}31m'],
  ['a next line', 'a\u0085b', 'a\\u{85}b'],
  ['a line and a paragraph separator', '\u2028\u2029', '\\u{2028}\\u{2029}'],
  ['an override of the direction', 'moc.\u202eelpmaxe', 'moc.\\u{202e}elpmaxe'],
  [
    'isolates and marks of the direction',
    '\u2066\u2069\u200f\u061c',
    '\\u{2066}\\u{2069}\\u{200f}\\u{61c}',
  ],
  ['invisible characters', 'a\u200bb\ufeff\u00ad', 'a\\u{200b}b\\u{feff}\\u{ad}'],
  ['invisible characters beyond the first plane', '\u{e0041}', '\\u{e0041}'],
  ['a half of a surrogate pair', 'a\ud83d', 'a\\u{d83d}'],
  [
    'text of any script and emoji',
    'é 漢字 עברית می\u200cخواهم 🐌 👩\u200d👧',
    'é 漢字 עברית می\u200cخواهم 🐌 👩\u200d👧',
  ],
  ['what looks escaped', 'a\\nb', 'a\\nb'],
]

describe.each(kinds)('%s', (_kind, text, shown) => {
  test('is escaped in data, messages and progress', () => {
    using _terminal = withTerminal(process.stderr, true)
    using output = captureOutput()
    out(text)
    info(`x ${text}`)
    createProgressLine().update?.(text)
    expect(output.printed).toEqual({
      stdout: `${shown}\n`,
      stderr: `x ${shown}\n\r\u001b[2K${shown}`,
    })
  })

  test('is escaped in errors and hints, which keep lines of their own', () => {
    using output = captureOutput()
    const one = new DomainError('invalid', ['first', text], { hint: ['do', text] })
    reportError(new CombinedError('invalid', [one, new DomainError('invalid', text)]))
    expect(output.printed.stderr).toBe(
      `error: first\nerror: ${shown}\nhint: do\nhint: ${shown}\nerror: ${shown}\n`,
    )
  })

  test('means the same in JSON, which is printable', () => {
    using output = captureOutput()
    outJson({ [text]: [text] })
    const { stdout } = output.printed
    expect(JSON.parse(stdout)).toEqual({ [text]: [text] })
    expect(stdout).not.toMatch(unprintable)
    expect(stdout.split('\n')).toHaveLength(6)
  })
})

test('a question is escaped, and only "yes" answers it', async () => {
  using _terminal = withTerminal(process.stdin, true)
  const questions: string[] = []
  let answer = ''
  const spy = spyOn(readline, 'createInterface').mockImplementation((() => ({
    once() {},
    close() {},
    async question(text: string) {
      questions.push(text)
      return answer
    },
  })) as never)
  try {
    using output = captureOutput()
    answer = 'yes'
    await confirm('Delete \u001b[2J?')
    expect(questions).toEqual(['Type "yes" to continue: '])
    expect(output.printed.stderr).toBe('Delete \\u{1b}[2J?\n')
    for (answer of ['', 'y', 'no', 'yes please']) {
      expect(await confirm('?').catch((error: unknown) => error), answer).toMatchObject({
        message: 'cancelled: nothing was changed',
      })
    }
  } finally {
    spy.mockRestore()
  }
})

describe('what commands print of others', () => {
  let database: TestDatabase
  const evil = 'a\u001b]0;x\u0007\u202e\u009b1m\n\u2028@nas.local'
  beforeAll(async () => {
    database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    for (const statement of [
      `update users set email = '${evil}' where id = 'u1'`,
      `update outbox set reason = '550 ${evil}'`,
      `update invitations set email = '${evil}'`,
      `update audit set email = '${evil}', detail = '${evil}', address = '${evil}'`,
    ]) {
      await database.sql(statement)
    }
  }, 300_000)
  afterAll(() => database[Symbol.asyncDispose]())

  test.each([
    [['user', 'list']],
    [['user', 'list', '--json']],
    [['user', 'show', 'u1']],
    [['user', 'show', evil]],
    [['user', 'show', `${evil}x`]],
    [['user', 'disable', evil]],
    [['user', 'invitations']],
    [['user', 'uninvite', evil]],
    [['user', 'add', evil, '--password-stdin']],
    [['mail', 'list']],
    [['mail', 'retry', evil]],
    [['audit']],
    [['audit', '--json']],
    [['audit', '--user', `${evil}x`]],
    [['audit', 'verify']],
    [['audit', 'verify', '--expect', evil]],
    [['backup', 'verify', `/nonexistent/${evil}`]],
    [['restore', `/nonexistent/${evil}`]],
    [['copy', evil, evil]],
    [['config', '--listen', evil]],
    [['config', '--json', '--listen', evil]],
    [['doctor', '--json']],
    [['nonsense', evil]],
    [[evil]],
    [[`--${evil}`]],
    [['completion', evil]],
    [['service', 'install', '--wait', evil]],
  ])('is escaped: %j', async (args) => {
    const data = ['--data-dir', database.dataDir]
    const hasFolder = !['nonsense', 'completion', 'service', evil, `--${evil}`].includes(
      args[0] ?? '',
    )
    const { stdout, stderr } = await runCommand([...args, ...(hasFolder ? data : [])], {
      SNAILPASS_DATABASE_URL: database.url,
    })
    expect(`${stdout}${stderr}`).not.toMatch(unprintable)
    expect(`${stdout}${stderr}`).not.toMatch(/^@nas/m)
    if (args.includes('--json')) expect(() => JSON.parse(stdout)).not.toThrow()
  })
})
