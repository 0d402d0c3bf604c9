import { describe, expect, test } from 'bun:test'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLineWriter, createLog, type LogFormat } from '../src/log'
import { temporaryFolder } from './support/executable'

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

  test('writes a fault with its stack and its causes', () => {
    const { log, lines } = createTestLog('json')
    log.error('broken', new Error('outer', { cause: new TypeError('inner') }))
    const { fault } = JSON.parse(lines[0] ?? '')
    expect(fault).toContain('Error: outer')
    expect(fault).toContain('caused by TypeError: inner')
    expect(fault).toContain('log.test.ts')
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
})
