import { emailMessageStates } from '../domain/email-message'
import { rateLimitNames } from '../domain/rate-limits'
import { accountStates } from '../domain/usage'
import type { MetricFamily, Sample } from './exposition'

export interface MetricDescription {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly meaning: string
  /**
   * All values of each label, or what they are where that is no list. The values are a closed set: never a user, an email, an
   * address or a path.
   */
  readonly labels?: Readonly<Record<string, readonly string[] | string>>
}

/** What a sign-in ends with. */
export const loginResults = [
  'success',
  'wrong_credentials',
  'refused',
  'rate_limited',
  'unavailable',
] as const
export type LoginResult = (typeof loginResults)[number]

/** The methods that are told apart. */
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'other'] as const

const databaseScopes = ['read', 'write'] as const

const entryKinds = ['record', 'additional_field', 'note'] as const

const certificateSources = ['local', 'files', 'acme'] as const

const route = 'the pattern of the route, such as `/confirm/:token`; `none` if no route matches'

/** Every metric, in the order of the exposition. docs/metrics.md is generated from it. */
export const metricTable = {
  build: {
    name: 'snailpass_build_info',
    type: 'gauge',
    meaning: 'The running version. Always 1.',
    labels: { version: 'the version', commit: 'the commit that it was built from' },
  },
  requests: {
    name: 'snailpass_http_requests_total',
    type: 'counter',
    meaning: 'Answers to HTTP requests since the start.',
    labels: { route, method: methods, code: 'the status of the answer' },
  },
  requestDuration: {
    name: 'snailpass_http_request_duration_seconds',
    type: 'histogram',
    meaning: 'Seconds from a request to its answer, its body and the time in queues included.',
    labels: { route },
  },
  requestsInFlight: {
    name: 'snailpass_http_requests_in_flight',
    type: 'gauge',
    meaning: 'Requests that wait for their answer now.',
  },
  cutConnections: {
    name: 'snailpass_http_cut_connections_total',
    type: 'counter',
    meaning:
      'Requests for lists whose connection was closed without an answer, because of a fault or a limit. They are in no other metric of requests.',
  },
  logins: {
    name: 'snailpass_logins_total',
    type: 'counter',
    meaning:
      'Checks of credentials: sign-ins, and changes that ask for the master password. refused: right credentials of an account that is disabled or not confirmed. unavailable: not checked, because the queue is full or the database does not answer.',
    labels: { result: loginResults },
  },
  loginQueue: {
    name: 'snailpass_login_queue_length',
    type: 'gauge',
    meaning: 'Password hashes that wait for the processor now. SNAILPASS_LOGIN_QUEUE is the limit.',
  },
  hashDuration: {
    name: 'snailpass_password_hash_duration_seconds',
    type: 'histogram',
    meaning: 'Seconds to compute a password hash, the time in the queue excluded.',
  },
  rateLimited: {
    name: 'snailpass_rate_limited_total',
    type: 'counter',
    meaning: 'Requests refused by a limit of SNAILPASS_RATE_LIMITS.',
    labels: { limit: Object.values(rateLimitNames) },
  },
  databaseDuration: {
    name: 'snailpass_database_operation_duration_seconds',
    type: 'histogram',
    meaning: 'Seconds of a transaction or a single read, its retries included.',
    labels: { scope: databaseScopes },
  },
  databaseRetries: {
    name: 'snailpass_database_retries_total',
    type: 'counter',
    meaning: 'Transactions that were retried because the database was busy or away.',
  },
  databaseSize: {
    name: 'snailpass_database_size_bytes',
    type: 'gauge',
    meaning: 'Size of the SQLite database with its write-ahead log. Not on Postgres.',
  },
  diskFree: {
    name: 'snailpass_disk_free_bytes',
    type: 'gauge',
    meaning: 'Bytes that the server can still write on the disk of its data.',
  },
  diskBound: {
    name: 'snailpass_disk_min_free_bytes',
    type: 'gauge',
    meaning:
      'SNAILPASS_MIN_FREE_SPACE: writes to a SQLite database are rejected while fewer bytes are free.',
  },
  users: {
    name: 'snailpass_users',
    type: 'gauge',
    meaning: 'Accounts. deleted: by its owner, and not removed yet.',
    labels: { state: accountStates },
  },
  entries: {
    name: 'snailpass_entries',
    type: 'gauge',
    meaning: 'Entries of all vaults.',
    labels: { kind: entryKinds },
  },
  emails: {
    name: 'snailpass_outbox_emails',
    type: 'gauge',
    meaning: 'Emails that are not sent yet. dead: no further attempt is scheduled.',
    labels: { state: emailMessageStates },
  },
  backupTime: {
    name: 'snailpass_backup_last_success_timestamp_seconds',
    type: 'gauge',
    meaning: 'When the last verified backup began. 0 before the first.',
  },
  backupSize: {
    name: 'snailpass_backup_last_size_bytes',
    type: 'gauge',
    meaning: 'Size of the last verified backup.',
  },
  backupFailures: {
    name: 'snailpass_backup_failures_total',
    type: 'counter',
    meaning: 'Scheduled backups of this server that failed since its start.',
  },
  certificateExpiry: {
    name: 'snailpass_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    meaning: 'When the certificate of HTTPS expires. Not without HTTPS.',
    labels: { source: certificateSources },
  },
  auditIntact: {
    name: 'snailpass_audit_intact',
    type: 'gauge',
    meaning:
      '0 if this server has found the audit log cut, replaced or tampered with since its start, else 1.',
  },
  residentMemory: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    meaning: 'Resident memory of the server.',
  },
  cpuSeconds: {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    meaning: 'Seconds of processor time that the server has used.',
  },
  startTime: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    meaning: 'When the server was started.',
  },
  openFiles: {
    name: 'process_open_fds',
    type: 'gauge',
    meaning: 'Open files and connections. Only on Linux.',
  },
  maxOpenFiles: {
    name: 'process_max_fds',
    type: 'gauge',
    meaning: 'How many files and connections may be open. Only on Linux.',
  },
} as const satisfies Readonly<Record<string, MetricDescription>>

type MetricKey = keyof typeof metricTable
const metricKeys = Object.keys(metricTable) as MetricKey[]

/** Samples of some of the metrics. */
export type CollectedMetrics = Readonly<Partial<Record<MetricKey, readonly Sample[]>>>

/** Returns metrics as the table describes them, in its order. */
export function familiesOf(collected: CollectedMetrics): readonly MetricFamily[] {
  return metricKeys.map((key) => {
    const { name, type, meaning } = metricTable[key]
    return { name, type, help: meaning, samples: collected[key] ?? [] }
  })
}
