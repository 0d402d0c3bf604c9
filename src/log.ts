import { writeSync } from 'node:fs'
import type { Clock } from './domain/runtime'

export type LogLevel = 'info' | 'warn' | 'error'

/** What a line says besides its message. Never a token, a hash, a ciphertext or an email. */
export type LogFields = Readonly<Record<string, string | number>>

/** What the program tells whoever runs it. */
export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  /** `fault` is written whole, with its stack and its causes. */
  error(message: string, fault?: unknown, fields?: LogFields): void
}

export type LogFormat = 'text' | 'json'

/** A log whose every line goes to `write`, without its line end. */
export function createLog(format: LogFormat, clock: Clock, write: (line: string) => void): Log {
  const render = createRenderer(format, clock)
  const put = (level: LogLevel, message: string, fields: LogFields) =>
    write(render(level, message, fields))
  return {
    info: (message, fields = {}) => put('info', message, fields),
    warn: (message, fields = {}) => put('warn', message, fields),
    error: (message, fault, fields = {}) =>
      put(
        'error',
        message,
        fault === undefined ? fields : { ...fields, fault: formatFault(fault) },
      ),
  }
}

/** Makes a line of the present. */
function createRenderer(
  format: LogFormat,
  clock: Clock,
): (level: LogLevel, message: string, fields: LogFields) => string {
  const render = format === 'json' ? renderJson : renderText
  return (level, message, fields) => render(new Date(clock()).toISOString(), level, message, fields)
}

function renderJson(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ time, level, message, ...fields })
}

function renderText(time: string, level: LogLevel, message: string, fields: LogFields): string {
  let line = `${time} ${level.padEnd(5)} ${message}`
  for (const [name, value] of Object.entries(fields)) {
    // A stack keeps its lines, for people; values that a client chose cannot break out of theirs.
    line += name === 'fault' ? `\n${value}` : ` ${name}=${quoteIfNeeded(String(value))}`
  }
  return line
}

/** Plain words stay as they are; anything else is quoted, with every control and line character escaped. */
function quoteIfNeeded(value: string): string {
  if (/^[\p{L}\p{N}./:@_+-]+$/u.test(value)) return value
  return JSON.stringify(value).replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

function formatFault(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault)
  const own = fault.stack ?? `${fault.name}: ${fault.message}`
  return fault.cause === undefined ? own : `${own}\ncaused by ${formatFault(fault.cause)}`
}

/** Lines kept while whoever reads the log is slow; beyond them, lines are dropped and counted. */
const maxBufferedLines = 10_000

/**
 * Writes lines to a file descriptor in batches, one for each turn of the event loop, so that a request does
 * not pay for its own line. A reader that is gone or slow costs log lines, never requests or memory; once
 * it is back, the line that `tellLoss` makes says how many.
 */
export function createLineWriter(
  descriptor: number,
  formatLossWarning: (lines: number) => string,
): { write(line: string): void; flush(): void } {
  let waiting: string[] = []
  let dropped = 0
  let isScheduled = false
  /** What was begun and could not be finished: no line is torn, and none written twice. */
  let rest: Uint8Array = new Uint8Array()

  const writeRest = () => {
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest))
    } catch {
      // Nobody takes it at present; the next line brings the next try.
    }
  }
  const flush = () => {
    isScheduled = false
    writeRest()
    if (rest.length > 0 || waiting.length === 0) return
    if (dropped > 0) waiting.push(formatLossWarning(dropped))
    rest = Buffer.from(`${waiting.join('\n')}\n`)
    waiting = []
    dropped = 0
    writeRest()
  }

  return {
    write(line) {
      if (waiting.length < maxBufferedLines) waiting.push(line)
      else dropped++
      if (isScheduled) return
      isScheduled = true
      setImmediate(flush)
    },
    flush,
  }
}

/** A log on a file descriptor, to be flushed before the process ends. */
export function openLog(format: LogFormat, clock: Clock, descriptor: number) {
  const render = createRenderer(format, clock)
  const { write, flush } = createLineWriter(descriptor, (lines) =>
    render('warn', `${lines} log lines were lost: they were not read in time`, {}),
  )
  return { log: createLog(format, clock, write), flush }
}
