/** The log: one line for each event, as text or as JSON, written without holding up requests. */
import { fstatSync, writeSync } from 'node:fs'
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
  const render = renderers[format]
  return logOf((level, message, fields) =>
    write(render({ time: timeOf(clock), level, message, fields })),
  )
}

type WriteEvent = (level: LogLevel, message: string, fields: LogFields) => void

function logOf(write: WriteEvent): Log {
  return {
    debug: (message, fields = {}) => write('debug', message, fields),
    info: (message, fields = {}) => write('info', message, fields),
    warn: (message, fields = {}) => write('warn', message, fields),
    error: (message, fault, fields = {}) =>
      write(
        'error',
        message,
        fault === undefined ? fields : { ...fields, fault: formatFault(fault) },
      ),
    security: (message, fields) => write('warn', message, fields),
  }
}

/** Returns a log without the lines below a level, which `level` returns: it may change. */
export function limitLog(log: Log, level: () => LogLevel): Log {
  const isOn = (other: LogLevel) => logLevels.indexOf(other) >= logLevels.indexOf(level())
  return {
    get debug() {
      return isOn('debug') ? log.debug : null
    },
    info(message, fields) {
      if (isOn('info')) log.info(message, fields)
    },
    warn(message, fields) {
      if (isOn('warn')) log.warn(message, fields)
    },
    error: log.error,
    security: log.security,
  }
}

interface LogEvent {
  /** As in ISO 8601. Null if the reader of the log adds the time. */
  readonly time: string | null
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

const timeOf = (clock: Clock) => new Date(clock()).toISOString()

const renderers: Readonly<Record<LogFormat, (event: LogEvent) => string>> = {
  json: renderJson,
  text: renderText,
}

function renderJson({ time, level, message, fields }: LogEvent): string {
  return stringifyPrintable({ ...(time !== null && { time }), level, message, ...fields })
}

function renderText({ time, level, message, fields }: LogEvent): string {
  let line = `${time === null ? '' : `${time} `}${level.padEnd(5)} ${escapeUnprintable(message)}`
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

export interface LogOptions {
  readonly format: LogFormat
  readonly level: LogLevel
}

/**
 * Returns a log on a file descriptor, the function that changes its options, and the one that flushes it before the process
 * ends. Lines to the journal of systemd have their priority, and no time: the journal has its own.
 */
export function openLog(initial: LogOptions, clock: Clock, descriptor: number) {
  let options = initial
  const isJournal = isSystemdJournal(descriptor)
  const render: (...event: Parameters<WriteEvent>) => string = (level, message, fields) => {
    const time = isJournal ? null : timeOf(clock)
    const line = renderers[options.format]({ time, level, message, fields })
    return isJournal ? withPriority(level, line) : line
  }
  const { write, flush } = createLineWriter(descriptor, (lines) =>
    render('warn', `${formatCount(lines, 'log line')} lost: nothing read the log in time`, {}),
  )
  const log = limitLog(
    logOf((...event) => write(render(...event))),
    () => options.level,
  )
  const configure = (next: LogOptions) => {
    options = next
  }
  return { log, configure, flush }
}

/** The levels of syslog (RFC 5424). */
const priorities: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 }

/** Returns a text whose every line tells the journal its priority (sd-daemon(3)). */
export function withPriority(level: LogLevel, text: string): string {
  const prefix = `<${priorities[level]}>`
  return prefix + text.replaceAll('\n', `\n${prefix}`)
}

/** Returns whether a descriptor leads to the journal of systemd, and not to a file or a pipe (systemd.exec(5)). */
export function isSystemdJournal(descriptor: number): boolean {
  const stream = process.env['JOURNAL_STREAM'] ?? ''
  if (stream === '') return false
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true })
    return stream === `${dev}:${ino}`
  } catch {
    // A closed descriptor.
    return false
  }
}
