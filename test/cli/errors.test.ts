import { describe, expect, spyOn, test } from 'bun:test'
import { formatAdoption, reportAdoption } from '../../cli/adoption-report'
import { readSecretLine } from '../../cli/prompts'
import { createProgressLine, ExitError, exitCodes, outJson, reportError } from '../../cli/terminal'
import { CombinedError, DomainError, type ErrorCode } from '../../src/domain/errors'
import { captureError } from '../support/capture-error'
import { captureOutput, withTerminal } from '../support/cli'

/** Returns the exit code of an error and what is printed for it. */
function report(error: unknown) {
  using output = captureOutput()
  const code = reportError(error)
  return { code, ...output.printed }
}

describe('an error', () => {
  const codes: Readonly<Record<ErrorCode, number>> = {
    invalid: 2,
    unauthenticated: 1,
    forbidden: 1,
    not_found: 3,
    conflict: 1,
    outdated: 1,
    too_large: 1,
    rate_limited: 1,
    unavailable: 1,
    storage_full: 1,
    vault_full: 1,
  }

  test.each(Object.entries(codes))('with the code %s exits with %p', (code, exitCode) => {
    const known = (Object.keys(codes) as ErrorCode[]).find((each) => each === code) ?? 'invalid'
    const error = new DomainError(known, ['one', 'two'], { hint: ['do', 'this'] })
    expect(report(error)).toEqual({
      code: exitCode,
      stdout: '',
      stderr: 'error: one\nerror: two\nhint: do\nhint: this\n',
    })
    expect(report(new DomainError(known, 'one'))).toEqual({
      code: exitCode,
      stdout: '',
      stderr: 'error: one\n',
    })
  })

  test('that combines several prints each with its own hint, also if it is the same', () => {
    const part = (message: string, ...hint: string[]) =>
      new DomainError('invalid', message, hint.length === 0 ? {} : { hint })
    const error = new CombinedError('invalid', [
      part('one', 'do', 'this'),
      part('two'),
      part('three', 'that'),
      part('four', 'that'),
      part('five', 'do', 'this'),
    ])
    expect(report(error)).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: one
hint: do
hint: this
error: two
error: three
hint: that
error: four
hint: that
error: five
hint: do
hint: this
`,
    })
  })

  test('has exit codes that scripts rely on', () => {
    expect(exitCodes).toEqual({
      done: 0,
      failed: 1,
      usage: 2,
      notFound: 3,
      notChecked: 4,
      newerRelease: 5,
    })
  })

  test('that was printed already has only a code', () => {
    expect(report(new ExitError(4))).toEqual({ code: 4, stdout: '', stderr: '' })
    expect(new ExitError(4).message).toBe('exit code 4')
  })

  test('that is a bug is printed whole', () => {
    const bug = new TypeError('x is undefined')
    const hint =
      'hint: this is a bug in snailpass: please report it with the lines above, and with what snailpass doctor --support prints\n'
    const { code, stderr } = report(bug)
    expect(code).toBe(1)
    expect(stderr).toStartWith('error: ')
    expect(stderr).toContain('x is undefined')
    expect(stderr.split('\n').length).toBeGreaterThan(3)
    expect(stderr).toEndWith(hint)
    expect(report('a text')).toEqual({ code: 1, stdout: '', stderr: `error: a text\n${hint}` })
    delete bug.stack
    expect(report(bug).stderr).toBe(`error: x is undefined\n${hint}`)
  })
})

test('JSON is indented by two spaces', () => {
  using output = captureOutput()
  outJson([{ a: null }])
  expect(output.printed).toEqual({ stdout: '[\n  {\n    "a": null\n  }\n]\n', stderr: '' })
})

test('progress is shown on a terminal only, in one line that is empty at the end', () => {
  {
    using _file = withTerminal(process.stderr, false)
    using output = captureOutput()
    const progress = createProgressLine()
    expect(progress.update).toBeNull()
    progress.end()
    expect(output.printed).toEqual({ stdout: '', stderr: '' })
  }
  using _terminal = withTerminal(process.stderr, true)
  using output = captureOutput()
  const progress = createProgressLine()
  progress.update?.('half')
  progress.update?.('whole')
  progress.end()
  expect(output.printed).toEqual({
    stdout: '',
    stderr: '\r\u001b[2Khalf\r\u001b[2Kwhole\r\u001b[2K',
  })
})

describe('a secret on stdin', () => {
  /** Reads a secret from these chunks. */
  async function read(...chunks: (string | Uint8Array)[]) {
    const bytes = chunks.map((chunk) => new TextEncoder().encode(String(chunk)))
    const raw = chunks.map((chunk, index) => (typeof chunk === 'string' ? bytes[index] : chunk))
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        for (const chunk of raw) controller.enqueue(new Uint8Array(chunk ?? []))
        controller.close()
      },
    })
    const spy = spyOn(Bun.stdin, 'stream').mockReturnValue(stream)
    try {
      return await readSecretLine('the secret').catch((error: unknown) => error)
    } finally {
      spy.mockRestore()
    }
  }

  const refusal = (problem: string) => ({
    code: 'invalid',
    message: `stdin ${problem}`,
    hint: 'pass the secret on stdin as a single line',
  })

  test('is one line, in however many parts', async () => {
    expect(await read('open ', 'sesame\n')).toBe('open sesame')
    expect(await read('open sesame\r\n')).toBe('open sesame')
    expect(await read(' ü ')).toBe(' ü ')
    expect(await read(new Uint8Array([0xc3]), new Uint8Array([0xbc]))).toBe('ü')
  })

  test('has at most 64 KiB', async () => {
    const longest = 'x'.repeat(64 * 1024)
    expect(await read(longest)).toBe(longest)
    expect(await read(`${longest}x`)).toMatchObject(refusal('is larger than 64 KiB'))
    expect(await read(longest, 'x')).toMatchObject(refusal('is larger than 64 KiB'))
  })

  test('is refused otherwise', async () => {
    for (const empty of ['', '\n', '\r\n']) {
      expect(await read(empty)).toMatchObject(refusal('is empty'))
    }
    for (const lines of ['a\nb', 'a\n\n', 'a\rb']) {
      expect(await read(lines)).toMatchObject(refusal('contains more than one line'))
    }
    expect(await read(new Uint8Array([0x61, 0xff]))).toMatchObject(refusal('is not UTF-8'))
    expect(await captureError(Promise.resolve())).toBeNull()
  })
})

describe('the report of a migration', () => {
  const report = {
    tables: [
      { table: 'users', adoptedRows: 2, setAside: {}, nullFlags: 0 },
      { table: 'records', adoptedRows: 1, setAside: { 'no user': 3, 'no id': 1 }, nullFlags: 1 },
    ],
    lowerCasedEmails: 0,
    backupPath: null,
  }

  test('has a line for each kind of row, and one for changed emails', () => {
    const lines = [
      'accounts  2 migrated',
      'records   1 migrated; 3 kept aside: no user; 1 kept aside: no id; 1 with empty flags, now "no"',
    ]
    expect(formatAdoption(report)).toEqual(lines)
    expect(formatAdoption({ ...report, lowerCasedEmails: 1 })).toEqual([
      ...lines,
      'emails    1 converted to lower case',
    ])
  })

  test('says whether anything was changed, and where the backup is', () => {
    {
      using output = captureOutput()
      reportAdoption(report, { isDryRun: true, named: null })
      expect(output.printed.stderr).toBe(
        'Nothing was changed. Run it without --dry-run to migrate.\n',
      )
    }
    const files = [
      [null, '`snailpass serve`'],
      [
        { engine: 'sqlite', path: '/srv/app.db' },
        '`snailpass serve` with SNAILPASS_DATABASE_URL=sqlite:/srv/app.db',
      ],
    ] as const
    for (const [named, next] of files) {
      using output = captureOutput()
      reportAdoption({ ...report, backupPath: '/x' }, { isDryRun: false, named })
      expect(output.printed).toEqual({
        stdout: `${formatAdoption(report).join('\n')}\n`,
        stderr: `The database is migrated: start ${next}.\nBackup of the original file: /x\n`,
      })
    }
  })
})
