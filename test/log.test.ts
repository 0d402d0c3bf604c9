import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createLineWriter,
  createLog,
  isSystemdJournal,
  type LogFormat,
  limitLog,
  openLog,
  withPriority,
} from '../src/log'
import { temporaryFolder } from './support/executable'
import { until } from './support/until'

function createTestLog(format: LogFormat) {
  const lines: string[] = []
  const log = createLog(
    format,
    () => 0,
    (line) => lines.push(line),
  )
  return { log, lines }
}

describe('a log', () => {
  test('as text has a time, a level, a message and its fields', () => {
    const { log, lines } = createTestLog('text')
    log.info('request', { method: 'GET', route: '/confirm/:token', ms: 1.5 })
    log.warn('careful')
    expect(lines).toEqual([
      '1970-01-01T00:00:00.000Z info  request method=GET route=/confirm/:token ms=1.5',
      '1970-01-01T00:00:00.000Z warn  careful',
    ])
  })

  test.each([
    ['debug', ['debug', 'info', 'warn', 'error', 'warn']],
    ['info', ['info', 'warn', 'error', 'warn']],
    ['warn', ['warn', 'error', 'warn']],
    ['error', ['error', 'warn']],
  ] as const)('at the level %s has these lines: %p', (level, expected) => {
    const { log, lines } = createTestLog('text')
    const limited = limitLog(log, () => level)
    limited.debug?.('x')
    limited.info('x')
    limited.warn('x')
    limited.error('x')
    limited.security('for other programs', {})
    expect(lines.map((line) => line.split(' ')[1])).toEqual([...expected])
    expect(lines.at(-1)).toEndWith('warn  for other programs')
    expect(limited.debug === null).toBe(level !== 'debug')
  })

  test('as JSON has one object a line', () => {
    const { log, lines } = createTestLog('json')
    log.info('request', { status: 200 })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { time: '1970-01-01T00:00:00.000Z', level: 'info', message: 'request', status: 200 },
    ])
  })

  test.each([
    ['a line end', 'x\nforged line'],
    ['an escape sequence', '\u001b[2Jx'],
    ['a C1 control', 'x\u009bx'],
    ['a line separator', 'x\u2028x'],
    ['a direction mark', 'x\u202ex'],
    ['a quote', 'x" status="200'],
  ])('lets no value of a client break out of its field: %s', (_name, user) => {
    const { log, lines } = createTestLog('text')
    log.info('request', { user })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/ user="[ -~]+"$/)
  })

  test.each([
    [
      'a line end',
      'x\n1970-01-01T00:00:00.000Z info  forged',
      'x\\n1970-01-01T00:00:00.000Z info  forged',
    ],
    ['an escape sequence', '\u001b[2Jx', '\\u{1b}[2Jx'],
    ['a C1 control', 'x\u009bx', 'x\\u{9b}x'],
    ['a direction mark', 'x\u202ex', 'x\\u{202e}x'],
  ])('lets no text of others out of a message or a fault: %s', (_name, text, shown) => {
    const { log, lines } = createTestLog('text')
    log.warn(`removed ${text}`)
    log.error('broken', Object.assign(new Error(text), { stack: `Error: ${text}\n    at x` }))
    const [message, fault = ''] = lines
    expect(message).toBe(`1970-01-01T00:00:00.000Z warn  removed ${shown}`)
    const [first, ...indented] = fault.split('\n')
    expect(first).toBe('1970-01-01T00:00:00.000Z error broken')
    expect(indented.length).toBeGreaterThan(1)
    for (const line of indented) expect(line).toMatch(/^ {2}[ -~]+$/)
    const json = createTestLog('json')
    json.log.error(text, text, { text })
    expect(json.lines[0]).toMatch(/^[ -~]+$/)
    expect(JSON.parse(json.lines[0] ?? '')).toMatchObject({ message: text, fault: text, text })
  })

  test('writes a fault with its stack and its causes', () => {
    const { log, lines } = createTestLog('json')
    log.error('broken', new Error('outer', { cause: new TypeError('inner') }))
    const { fault } = JSON.parse(lines[0] ?? '')
    expect(fault).toContain('Error: outer')
    expect(fault).toContain('caused by TypeError: inner')
    expect(fault).toContain('log.test.ts')
  })

  test('writes a fault that is no error as text, and one without a stack by its name', () => {
    const { log, lines } = createTestLog('json')
    const withoutStack = Object.assign(new RangeError('too far'), { stack: undefined })
    log.error('broken', 'a text', { status: 500 })
    log.error('broken', withoutStack)
    log.error('broken', new Error('x', { cause: 7 }))
    log.error('broken')
    const line = { time: '1970-01-01T00:00:00.000Z', level: 'error', message: 'broken' }
    expect(lines.map((text) => JSON.parse(text))).toEqual([
      { ...line, status: 500, fault: 'a text' },
      { ...line, fault: 'RangeError: too far' },
      { ...line, fault: expect.stringMatching(/\ncaused by 7$/) },
      line,
    ])
  })

  test('as text shows a fault below its line, after the other fields', () => {
    const { log, lines } = createTestLog('text')
    log.error('broken', 'first\nsecond', { status: 500 })
    expect(lines).toEqual(['1970-01-01T00:00:00.000Z error broken status=500\n  first\n  second'])
  })

  test.each([
    ['plain', 'ключ-1.2/a:b@c_d+e', 'ключ-1.2/a:b@c_d+e'],
    ['empty', '', '""'],
    ['a space', 'a b', '"a b"'],
    ['a bell', 'a\u0007b', '"a\\u0007b"'],
    ['a C1 control', 'a\u009bb', '"a\\u{9b}b"'],
    ['a line separator', 'a\u2028b', '"a\\u{2028}b"'],
    ['beyond the first plane', 'a\u{e0001}b', '"a\\u{e0001}b"'],
  ])('quotes a value only if it is not one plain word: %s', (_name, value, shown) => {
    const { log, lines } = createTestLog('text')
    log.warn('x', { value })
    expect(lines).toEqual([`1970-01-01T00:00:00.000Z warn  x value=${shown}`])
  })
})

describe('the line writer', () => {
  test('writes complete lines, in order, at the end of the turn', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'log')
    const descriptor = openSync(path, 'w')
    const lines = createLineWriter(descriptor, String)
    lines.write('one')
    lines.write('zwei 🐌')
    expect(readFileSync(path, 'utf8')).toBe('')
    await new Promise((resolve) => setImmediate(resolve))
    expect(readFileSync(path, 'utf8')).toBe('one\nzwei 🐌\n')
    lines.write('three')
    lines.flush()
    closeSync(descriptor)
    expect(readFileSync(path, 'utf8')).toBe('one\nzwei 🐌\nthree\n')
  })

  test('drops lines that nothing reads, and reports later how many', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'log')
    writeFileSync(path, '')
    let descriptor = openSync(path, 'r')
    const lines = createLineWriter(descriptor, (lost) => `${lost} lost`)
    for (let line = 0; line < 10_005; line++) lines.write('x')
    // Writing to a file that is open for reading fails.
    lines.flush()
    for (let line = 0; line < 10_007; line++) lines.write('y')
    closeSync(descriptor)
    descriptor = openSync(path, 'w')
    lines.flush()
    closeSync(descriptor)
    const [xs, ys] = ['x\n'.repeat(10_000), 'y\n'.repeat(10_000)]
    expect(readFileSync(path, 'utf8')).toBe(`${xs}5 lost\n${ys}7 lost\n`)
  })

  test('writes later lines at the end of their turn too, and asks for each turn once', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'log')
    const descriptor = openSync(path, 'w')
    const lines = createLineWriter(descriptor, String)
    using spy = spyOn(globalThis, 'setImmediate')
    lines.write('one')
    lines.write('two')
    expect(spy).toHaveBeenCalledTimes(1)
    await until(() => readFileSync(path, 'utf8') === 'one\ntwo\n', 'the first lines', {
      interval: 1,
    })
    lines.write('three')
    await until(() => readFileSync(path, 'utf8') === 'one\ntwo\nthree\n', 'the third line', {
      interval: 1,
    })
    closeSync(descriptor)
  })

  test('continues a line where a slow reader stopped it, and counts losses once', () => {
    const parts: string[] = []
    // Takes as many bytes of each call, and then refuses as a full pipe does.
    const capacity = [4, 0, 3, 0, 99, 99]
    using _ = spyOn(fs, 'writeSync').mockImplementation((_descriptor, bytes) => {
      const count = capacity.shift() ?? 0
      if (count === 0) throw new Error('EAGAIN')
      const taken = Buffer.from(bytes as Uint8Array).subarray(0, count)
      parts.push(taken.toString())
      return taken.length
    })
    const lines = createLineWriter(1, (lost) => `${lost} lost`)
    lines.write('one')
    lines.write('two')
    lines.flush()
    lines.write('three')
    lines.flush()
    expect(parts).toEqual(['one\n', 'two'])
    lines.flush()
    expect(parts).toEqual(['one\n', 'two', '\n', 'three\n'])
    lines.flush()
    expect(parts).toHaveLength(4)
  })

  test('reports lost lines as a warning of the log', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'log')
    const descriptor = openSync(path, 'w')
    const { log, flush } = openLog({ format: 'text', level: 'info' }, () => 0, descriptor)
    for (let line = 0; line < 10_001; line++) log.info('x')
    flush()
    closeSync(descriptor)
    const [last] = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-1)
    expect(last).toBe(
      '1970-01-01T00:00:00.000Z warn  1 log line lost: nothing read the log in time',
    )
  })
})

describe('an open log', () => {
  /** Opens a log on a file. `stream` makes the file look like the journal of systemd. */
  function openOnFile(format: LogFormat, stream: 'journal' | 'other' | null) {
    const folder = temporaryFolder()
    const path = join(folder.path, 'log')
    const descriptor = openSync(path, 'w')
    const { dev, ino } = fstatSync(descriptor, { bigint: true })
    if (stream !== null)
      process.env['JOURNAL_STREAM'] = `${dev}:${stream === 'journal' ? ino : ino + 1n}`
    const opened = openLog({ format, level: 'info' }, () => 0, descriptor)
    return {
      ...opened,
      isJournal: () => isSystemdJournal(descriptor),
      lines: () => {
        opened.flush()
        return readFileSync(path, 'utf8').trimEnd().split('\n')
      },
      [Symbol.dispose]() {
        delete process.env['JOURNAL_STREAM']
        closeSync(descriptor)
        folder[Symbol.dispose]()
      },
    }
  }

  test('in the journal gives every line its priority, and no time', () => {
    using opened = openOnFile('text', 'journal')
    const { log, configure, lines } = opened
    configure({ format: 'text', level: 'debug' })
    log.debug?.('one')
    log.info('two', { user: 'a\nb' })
    log.warn('three')
    log.security('four', {})
    log.error('five', 'first\nsecond')
    expect(lines()).toEqual([
      '<7>debug one',
      '<6>info  two user="a\\nb"',
      '<4>warn  three',
      '<4>warn  four',
      '<3>error five',
      '<3>  first',
      '<3>  second',
    ])
    configure({ format: 'json', level: 'info' })
    log.info('six', { n: 1 })
    expect(lines().at(-1)).toBe('<6>{"level":"info","message":"six","n":1}')
  })

  test.each([['other'], [null]] as const)(
    'elsewhere has times and no priorities: JOURNAL_STREAM of %p',
    (stream) => {
      using opened = openOnFile('text', stream)
      expect(opened.isJournal()).toBeFalse()
      opened.log.info('one')
      expect(opened.lines()).toEqual(['1970-01-01T00:00:00.000Z info  one'])
    },
  )

  test('changes its level and its format while it is used', () => {
    using opened = openOnFile('text', null)
    const { log, configure, lines } = opened
    expect(log.debug).toBeNull()
    configure({ format: 'json', level: 'error' })
    log.info('one')
    log.error('two')
    configure({ format: 'text', level: 'debug' })
    log.debug?.('three')
    expect(lines()).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"error","message":"two"}',
      '1970-01-01T00:00:00.000Z debug three',
    ])
  })

  test('that is closed is no journal', () => {
    process.env['JOURNAL_STREAM'] = '1:1'
    expect(isSystemdJournal(9_999)).toBeFalse()
    delete process.env['JOURNAL_STREAM']
  })
})

test('only a line end begins a line with a priority', () => {
  expect(withPriority('warn', 'a\rb\u2028c\n\nd')).toBe('<4>a\rb\u2028c\n<4>\n<4>d')
})
