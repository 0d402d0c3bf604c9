import { resolve } from 'node:path'
import { InvalidSetting, redactedText, Secret } from './values'

/** Where the database lies. */
export type DatabaseLocation = SqliteLocation | PostgresLocation

interface SqliteLocation {
  readonly engine: 'sqlite'
  /** Absolute. */
  readonly path: string
}

interface PostgresLocation {
  readonly engine: 'postgres'
  readonly hosts: readonly [Host, ...Host[]]
  readonly user: string
  readonly password: Secret | null
  readonly database: string
  readonly tls: Tls
  readonly poolSize: number
  readonly options: string | null
}

interface Host {
  readonly host: string
  readonly port: number
}

interface Tls {
  readonly mode: TlsMode
  readonly rootCertificate: string | null
  readonly certificate: string | null
  readonly key: string | null
}

const tlsModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type TlsMode = (typeof tlsModes)[number]

const defaultPort = 5432
const defaultPoolSize = 10

const databaseUrlHint =
  'write it as sqlite:/path/to/file.db or postgres://user:password@host/database'

/**
 * Reads a database URL: `sqlite:PATH`, `postgres://…`, and what SQLAlchemy, the original server's library,
 * takes: `sqlite:///relative`, `sqlite:////absolute`, `postgresql+driver://…`. Parameters are libpq's, and
 * `pool_size`. Throws InvalidSetting, whose message repeats nothing that could be a password.
 */
export function parseDatabaseUrl(text: string): DatabaseLocation {
  if (/^sqlite(?:\+\w+)?:/.test(text)) return parseSqlite(text)
  const groups = postgresUrlPattern.exec(text)?.groups
  if (text === '') throw new InvalidSetting('is empty', `${databaseUrlHint}; or remove it`)
  if (groups === undefined) throw new InvalidSetting('is not a database URL', databaseUrlHint)
  return parsePostgres(groups)
}

function parseSqlite(text: string): SqliteLocation {
  const rest = text.slice(text.indexOf(':') + 1)
  // SQLAlchemy has an empty host between its second slash and its third.
  const path = rest.startsWith('//') ? rest.replace(/^\/\/\/?/, '') : rest
  if (rest.startsWith('//') && !rest.startsWith('///')) {
    throw new InvalidSetting('names no SQLite file', 'write it as sqlite:/path/to/file.db')
  }
  if (path === '' || path === ':memory:') {
    throw new InvalidSetting(
      'names no SQLite file: a database in memory keeps nothing',
      'write it as sqlite:/path/to/file.db',
    )
  }
  if (path.includes('?')) {
    throw new InvalidSetting(
      'has parameters, which a SQLite file does not take',
      'leave everything from the ? on out',
    )
  }
  return { engine: 'sqlite', path: resolve(path) }
}

const postgresUrlPattern =
  /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:(?<user>[^:@/?]*)(?::(?<password>[^@]*))?@)?(?<hosts>[^/?@]*)(?:\/(?<database>[^?]*))?(?:\?(?<parameters>.*))?$/s

function parsePostgres(groups: Readonly<Record<string, string | undefined>>): PostgresLocation {
  const parameters = parseParameters(groups['parameters'] ?? '')
  const user = percentDecode(groups['user'] ?? '')
  if (user === '') throw new InvalidSetting('names no user', databaseUrlHint)
  const database = percentDecode(groups['database'] ?? '')
  if (database === '') throw new InvalidSetting('names no database', databaseUrlHint)
  const password = groups['password']
  return {
    engine: 'postgres',
    hosts: parsePostgresHosts(groups['hosts'] ?? '', parameters.host),
    user,
    password: password === undefined ? null : new Secret(percentDecode(password)),
    database,
    tls: {
      mode: parseTlsMode(parameters.sslmode),
      rootCertificate: pathOf(parameters.sslrootcert),
      certificate: pathOf(parameters.sslcert),
      key: pathOf(parameters.sslkey),
    },
    poolSize: parsePoolSize(parameters.pool_size),
    options: parameters.options ?? null,
  }
}

const parameterNames = [
  'host',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'target_session_attrs',
  'client_encoding',
  'options',
  'pool_size',
] as const
type UrlParameters = Partial<Record<(typeof parameterNames)[number], string>>

function parseParameters(text: string): UrlParameters {
  const parameters: UrlParameters = {}
  for (const [given, value] of new URLSearchParams(text)) {
    const name = parameterNames.find((known) => known === given)
    if (name === undefined) {
      throw new InvalidSetting(
        'has a parameter that is not known here',
        `known are ${parameterNames.join(', ')}`,
      )
    }
    // SQLAlchemy names several hosts by repeating the parameter.
    const previous = name === 'host' ? parameters.host : undefined
    parameters[name] = previous === undefined ? value : `${previous},${value}`
  }
  requireOneOf(parameters, 'target_session_attrs', ['any', 'read-write', 'primary'])
  requireOneOf(parameters, 'client_encoding', ['utf8', 'UTF8', 'utf-8', 'UTF-8'])
  return parameters
}

/** For parameters that ask for what is done anyway: writes need a server that takes them, and texts are UTF-8. */
function requireOneOf(
  parameters: UrlParameters,
  name: keyof UrlParameters,
  allowed: readonly string[],
): void {
  const value = parameters[name]
  if (value === undefined || allowed.includes(value)) return
  throw new InvalidSetting(
    `has a ${name} that this server can't work with`,
    `leave it out, or write ${allowed.join(' or ')}`,
  )
}

/** Hosts stand before the database or in a parameter; of a parameter's, a port before the database is the default. */
function parsePostgresHosts(text: string, parameter: string | undefined): [Host, ...Host[]] {
  if (parameter === undefined) return parseHostList(text, defaultPort)
  const port = /^:\d{1,5}$/.test(text) ? Number(text.slice(1)) : defaultPort
  if (text !== '' && port === defaultPort && text !== `:${defaultPort}`) {
    throw new InvalidSetting('names hosts twice', 'write them before the database, or as host=')
  }
  return parseHostList(parameter, port)
}

function parseHostList(text: string, port: number): [Host, ...Host[]] {
  const [first = '', ...others] = text.split(',')
  return [parsePostgresHost(first, port), ...others.map((other) => parsePostgresHost(other, port))]
}

const hostPattern =
  /^(?:\[(?<ipv6>[0-9A-Fa-f:.%a-z]+)\]|(?<name>[^\s:[\]]*))(?::(?<port>\d{1,5}))?$/

function parsePostgresHost(text: string, fallbackPort: number): Host {
  const groups = hostPattern.exec(text)?.groups
  const port = Number(groups?.['port'] ?? fallbackPort)
  if (groups === undefined || port > 65_535) {
    throw new InvalidSetting('names a host in a way that is not understood', databaseUrlHint)
  }
  return { host: groups['ipv6'] ?? (percentDecode(groups['name'] ?? '') || 'localhost'), port }
}

function parseTlsMode(text: string | undefined): TlsMode {
  // libpq's default, and what it does for `allow` in the end.
  if (text === undefined || text === 'allow') return 'prefer'
  const mode = tlsModes.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new InvalidSetting('has an sslmode that is not known', `choose ${tlsModes.join(', ')}`)
}

function parsePoolSize(text: string | undefined): number {
  if (text === undefined) return defaultPoolSize
  const size = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (size >= 1 && size <= 1_000) return size
  throw new InvalidSetting('has a pool_size that is no number from 1 to 1000', 'write digits alone')
}

function pathOf(text: string | undefined): string | null {
  return text === undefined ? null : resolve(text)
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidSetting('has a % that begins no percent-encoding', 'write % itself as %25')
  }
}

/** Whether what is said to the database crosses a network without proof of who is at its other end. */
export function canBeIntercepted(location: DatabaseLocation | null): boolean {
  if (location?.engine !== 'postgres' || location.tls.mode.startsWith('verify-')) return false
  return location.hosts.some(({ host }) => !/^(?:\/|localhost$|127\.|::1$)/.test(host))
}

/** A database URL that says the same as whichever was read, its password hidden. */
export function formatDatabaseUrl(location: DatabaseLocation): string {
  if (location.engine === 'sqlite') return `sqlite:${location.path}`
  const { user, password, hosts, database, tls, poolSize, options } = location
  const userInfo = `${encodeURIComponent(user)}${password === null ? '' : `:${redactedText}`}`
  const parameters = new URLSearchParams()
  const add = (name: (typeof parameterNames)[number], value: string | null) => {
    if (value !== null) parameters.set(name, value)
  }
  add('sslmode', tls.mode === 'prefer' ? null : tls.mode)
  add('sslrootcert', tls.rootCertificate)
  add('sslcert', tls.certificate)
  add('sslkey', tls.key)
  add('pool_size', poolSize === defaultPoolSize ? null : String(poolSize))
  add('options', options)
  const query = parameters.size === 0 ? '' : `?${parameters}`.replaceAll('%2F', '/')
  return `postgres://${userInfo}@${hosts.map(formatHost).join(',')}/${encodeURIComponent(database)}${query}`
}

function formatHost({ host, port }: Host): string {
  // The folder of a socket is a host as well.
  const isIPv6 = host.includes(':') && !host.startsWith('/')
  const name = isIPv6 ? `[${host}]` : encodeURIComponent(host)
  return port === defaultPort ? name : `${name}:${port}`
}

/** How messages name a location: without its password, and without what else need not be known. */
export function nameOfLocation(location: DatabaseLocation): string {
  if (location.engine === 'sqlite') return location.path
  const hosts = location.hosts.map(({ host, port }) => {
    const name = host.includes(':') ? `[${host}]` : host
    return port === defaultPort ? name : `${name}:${port}`
  })
  return `postgres://${hosts.join(',')}/${location.database}`
}
