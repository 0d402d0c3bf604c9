/** The log: one line for each event, as text or as JSON, written without holding up requests. */
import { writeSync } from 'node:fs'
import type { Clock } from './domain/runtime'
import { escapeUnprintable, formatCount, stringifyPrintable } from './domain/text'

/** From the most lines to the fewest. */
const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Named values of a line. Never a token, a hash, a ciphertext or an email address. */
export type LogFields = Readonly<Record<string, string | number>>

/** What the program reports to its operator. */
export interface Log {
  /** Null if these lines are left out, so that nobody collects their fields for nothing. */
  readonly debug: ((message: string, fields?: LogFields) => void) | null
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  /** `fault` is written with its stack and its causes. */
  error(message: string, fault?: unknown, fields?: LogFields): void
  /** A warning that another program acts on, such as fail2ban: it is written at every level. */
  security(message: string, fields: LogFields): void
}

export type LogFormat = 'text' | 'json'

/** Returns a log that passes each line to `write`, without a line end. */
export function createLog(format: LogFormat, clock: Clock, write: (line: string) => void): Log {
  const render = createRenderer(format, clock)
  const writeLine = (level: LogLevel, message: string, fields: LogFields) =>
    write(render(level, message, fields))
  return {
    debug: (message, fields = {}) => writeLine('debug', message, fields),
    info: (message, fields = {}) => writeLine('info', message, fields),
    warn: (message, fields = {}) => writeLine('warn', message, fields),
    error: (message, fault, fields = {}) =>
      writeLine(
        'error',
        message,
        fault === undefined ? fields : { ...fields, fault: formatFault(fault) },
      ),
    security: (message, fields) => writeLine('warn', message, fields),
  }
}

/** Returns a log without the lines below a level. */
export function limitLog(log: Log, level: LogLevel): Log {
  const isOn = (other: LogLevel) => logLevels.indexOf(other) >= logLevels.indexOf(level)
  const skip = () => {}
  return {
    ...log,
    debug: isOn('debug') ? log.debug : null,
    info: isOn('info') ? log.info : skip,
    warn: isOn('warn') ? log.warn : skip,
  }
}

/** Returns a function that renders a line with the current time. */
function createRenderer(
  format: LogFormat,
  clock: Clock,
): (level: LogLevel, message: string, fields: LogFields) => string {
  const render = format === 'json' ? renderJson : renderText
  return (level, message, fields) => render(new Date(clock()).toISOString(), level, message, fields)
}

function renderJson(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return stringifyPrintable({ time, level, message, ...fields })
}

function renderText(time: string, level: LogLevel, message: string, fields: LogFields): string {
  let line = `${time} ${level.padEnd(5)} ${escapeUnprintable(message)}`
  for (const [name, value] of Object.entries(fields)) {
    line +=
      name === 'fault' ? indentFault(String(value)) : ` ${name}=${quoteIfNeeded(String(value))}`
  }
  return line
}

/** Returns a plain word as it is, and anything else in quotes, with control and line characters escaped. */
function quoteIfNeeded(value: string): string {
  if (/^[\p{L}\p{N}./:@_+-]+$/u.test(value)) return value
  return escapeUnprintable(JSON.stringify(value))
}

/**
 * A stack keeps its line ends, for people. Its lines are indented: a client may have chosen a part of the message, and could
 * otherwise write a line of its own.
 */
function indentFault(fault: string): string {
  return fault
    .split('\n')
    .map((line) => `\n  ${escapeUnprintable(line)}`)
    .join('')
}

function formatFault(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault)
  const own = fault.stack ?? `${fault.name}: ${fault.message}`
  return fault.cause === undefined ? own : `${own}\ncaused by ${formatFault(fault.cause)}`
}

/** Lines that are kept while the reader of the log is slow. Further ones are dropped and counted. */
const maxBufferedLines = 10_000

/**
 * Writes lines to a file descriptor in batches, one for each turn of the event loop, so that no request waits for its
 * own line. A reader that is gone or slow costs log lines, never requests or memory. Once it reads again, it gets the
 * line that `formatLossWarning` returns for the number of lost lines.
 */
export function createLineWriter(
  descriptor: number,
  formatLossWarning: (lines: number) => string,
): { write(line: string): void; flush(): void } {
  let queue: string[] = []
  let dropped = 0
  let isScheduled = false
  /** The part of a batch that could not be written yet, so that no line is torn or written twice. */
  let unwritten: Uint8Array = new Uint8Array()

  const writeBatch = () => {
    try {
      while (unwritten.length > 0) {
        unwritten = unwritten.subarray(writeSync(descriptor, unwritten))
      }
    } catch {
      // The reader is not ready. The next line causes the next try.
    }
  }
  const flush = () => {
    isScheduled = false
    writeBatch()
    if (unwritten.length > 0 || queue.length === 0) return
    if (dropped > 0) queue.push(formatLossWarning(dropped))
    unwritten = Buffer.from(`${queue.join('\n')}\n`)
    queue = []
    dropped = 0
    writeBatch()
  }

  return {
    write(line) {
      if (queue.length < maxBufferedLines) queue.push(line)
      else dropped++
      if (isScheduled) return
      isScheduled = true
      setImmediate(flush)
    },
    flush,
  }
}

/** Returns a log on a file descriptor, and the function that flushes it before the process ends. */
export function openLog(format: LogFormat, clock: Clock, descriptor: number) {
  const render = createRenderer(format, clock)
  const { write, flush } = createLineWriter(descriptor, (lines) =>
    render('warn', `${formatCount(lines, 'log line')} lost: nothing read the log in time`, {}),
  )
  return { log: createLog(format, clock, write), flush }
}
