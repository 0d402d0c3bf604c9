import { resolve } from 'node:path'
import type { PostgresAddress, PostgresHost } from '../engine/postgres/hosts'
import type { PostgresTls } from '../engine/postgres/tls'
import { requireUsablePath } from './paths'
import { InvalidSetting, percentDecode, redactedText, Secret } from './values'

/** The database that a URL names. */
export type DatabaseLocation = SqliteLocation | PostgresLocation

interface SqliteLocation {
  readonly engine: 'sqlite'
  /** Absolute path. */
  readonly path: string
}

interface PostgresLocation extends PostgresAddress {
  readonly engine: 'postgres'
  readonly password: Secret | null
}

type TlsMode = PostgresTls['mode']
const tlsModes: readonly TlsMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full']

const defaultPort = 5432
const defaultPoolSize = 10

const sqliteHint = 'use sqlite:/path/to/file.db'
const databaseUrlHint = 'use sqlite:/path/to/file.db or postgres://user:password@host/database'

/**
 * Parses a database URL: `sqlite:PATH`, `postgres://…`, and the forms of SQLAlchemy, which the original server uses:
 * `sqlite:///relative`, `sqlite:////absolute`, `postgresql+driver://…`. Parameters are those of libpq, and `pool_size`.
 * Throws InvalidSetting, without any text that could be a password.
 */
export function parseDatabaseUrl(text: string): DatabaseLocation {
  if (sqlitePattern.test(text)) return parseSqlite(text)
  const groups = postgresUrlPattern.exec(text)?.groups
  if (text === '')
    throw new InvalidSetting('it is empty', {
      hint: `${databaseUrlHint}, or remove the setting to use the data folder`,
    })
  if (groups === undefined)
    throw new InvalidSetting('not a database URL', { hint: databaseUrlHint })
  return parsePostgres(groups)
}

/** Returns the paths in a database URL as they are written: of the SQLite file, or of certificates and keys. */
export function listDatabasePaths(text: string): readonly string[] {
  if (sqlitePattern.test(text)) return [sqlitePathOf(text)]
  const { sslrootcert, sslcert, sslkey } = parseParameters(
    postgresUrlPattern.exec(text)?.groups?.['parameters'] ?? '',
  )
  return [sslrootcert, sslcert, sslkey].filter((path) => path !== undefined)
}

const sqlitePattern = /^sqlite(?:\+\w+)?:/

function sqlitePathOf(text: string): string {
  const rest = text.slice(text.indexOf(':') + 1)
  // SQLAlchemy writes an empty host between the second and the third slash.
  return rest.startsWith('//') ? rest.replace(/^\/\/\/?/, '') : rest
}

function parseSqlite(text: string): SqliteLocation {
  const rest = text.slice(text.indexOf(':') + 1)
  const path = sqlitePathOf(text)
  if (rest.startsWith('//') && !rest.startsWith('///')) {
    throw new InvalidSetting('it names no SQLite file', { hint: sqliteHint })
  }
  if (path === '' || path === ':memory:') {
    throw new InvalidSetting('a database in memory would lose everything', { hint: sqliteHint })
  }
  if (path.includes('?')) {
    throw new InvalidSetting('parameters are not supported for SQLite', {
      hint: 'remove everything from the ? on',
    })
  }
  requireUsablePath('SQLite file', path)
  return { engine: 'sqlite', path: resolve(path) }
}

const postgresUrlPattern =
  /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:(?<user>[^:@/?]*)(?::(?<password>[^@]*))?@)?(?<hosts>[^/?@]*)(?:\/(?<database>[^?]*))?(?:\?(?<parameters>.*))?$/s

function parsePostgres(groups: Readonly<Record<string, string | undefined>>): PostgresLocation {
  const parameters = parseParameters(groups['parameters'] ?? '')
  const user = percentDecode(groups['user'] ?? '')
  if (user === '') throw new InvalidSetting('it names no user', { hint: databaseUrlHint })
  const database = percentDecode(groups['database'] ?? '')
  if (database === '') throw new InvalidSetting('it names no database', { hint: databaseUrlHint })
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
  for (const [key, value] of new URLSearchParams(text)) {
    const name = parameterNames.find((known) => known === key)
    if (name === undefined) {
      throw new InvalidSetting('unknown parameter', {
        hint: `supported parameters are ${parameterNames.join(', ')}`,
      })
    }
    // SQLAlchemy names several hosts by repeating the parameter.
    const previous = name === 'host' ? parameters.host : undefined
    parameters[name] = previous === undefined ? value : `${previous},${value}`
  }
  requireOneOf(parameters, 'target_session_attrs', ['any', 'read-write', 'primary'])
  requireOneOf(parameters, 'client_encoding', ['utf8', 'UTF8', 'utf-8', 'UTF-8'])
  return parameters
}

/**
 * Throws InvalidSetting for other values of a parameter that has no effect: writes always need a primary server, and texts are
 * always UTF-8.
 */
function requireOneOf(
  parameters: UrlParameters,
  name: keyof UrlParameters,
  allowed: readonly string[],
): void {
  const value = parameters[name]
  if (value === undefined || allowed.includes(value)) return
  throw new InvalidSetting(`unsupported ${name}`, {
    hint: `remove it, or use ${allowed.join(' or ')}`,
  })
}

/** Returns the hosts before the database, or those of the parameter `host`, whose default port may be before the database. */
function parsePostgresHosts(
  text: string,
  parameter: string | undefined,
): [PostgresHost, ...PostgresHost[]] {
  if (parameter === undefined) return parseHostList(text, defaultPort)
  const port = /^:\d{1,5}$/.test(text) ? Number(text.slice(1)) : defaultPort
  if (text !== '' && port === defaultPort && text !== `:${defaultPort}`) {
    throw new InvalidSetting('it names hosts twice', {
      hint: 'name them before the database or with host=, not both',
    })
  }
  return parseHostList(parameter, port)
}

function parseHostList(text: string, port: number): [PostgresHost, ...PostgresHost[]] {
  const [first = '', ...others] = text.split(',')
  return [parsePostgresHost(first, port), ...others.map((other) => parsePostgresHost(other, port))]
}

const hostPattern =
  /^(?:\[(?<ipv6>[0-9A-Fa-f:.%a-z]+)\]|(?<name>[^\s:[\]]*))(?::(?<port>\d{1,5}))?$/

function parsePostgresHost(text: string, fallbackPort: number): PostgresHost {
  const groups = hostPattern.exec(text)?.groups
  const port = Number(groups?.['port'] ?? fallbackPort)
  if (groups === undefined || port > 65_535) {
    throw new InvalidSetting('its host is invalid', { hint: databaseUrlHint })
  }
  const name = percentDecode(groups['name'] ?? '') || 'localhost'
  if (name.startsWith('/')) requireUsablePath('folder of a socket', name)
  return { host: groups['ipv6'] ?? name, port }
}

function parseTlsMode(text: string | undefined): TlsMode {
  // The default of libpq. `allow` differs only in what is tried first.
  if (text === undefined || text === 'allow') return 'prefer'
  const mode = tlsModes.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new InvalidSetting('unknown sslmode', { hint: `use one of ${tlsModes.join(', ')}` })
}

function parsePoolSize(text: string | undefined): number {
  if (text === undefined) return defaultPoolSize
  const size = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (size >= 1 && size <= 1_000) return size
  throw new InvalidSetting('invalid pool_size', { hint: 'use a whole number from 1 to 1000' })
}

/** Returns the absolute path, null for none. Throws InvalidSetting. */
function pathOf(text: string | undefined): string | null {
  if (text === undefined) return null
  requireUsablePath('file', text)
  return resolve(text)
}

/** Returns whether the connection to the database crosses a network, and does not verify the server's certificate. */
export function canBeIntercepted(location: DatabaseLocation | null): boolean {
  if (location?.engine !== 'postgres' || location.tls.mode.startsWith('verify-')) return false
  return location.hosts.some(({ host }) => !/^(?:\/|localhost$|127\.|::1$)/.test(host))
}

/** Returns a database URL with its password hidden, which `parseDatabaseUrl` can read. */
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

function formatHost({ host, port }: PostgresHost): string {
  // The folder of a Unix socket is a host too.
  const isIPv6 = host.includes(':') && !host.startsWith('/')
  const name = isIPv6 ? `[${host}]` : encodeURIComponent(host)
  return port === defaultPort ? name : `${name}:${port}`
}

/** Returns the name of a database for messages: a path, or a URL without user, password and parameters. */
export function nameOfLocation(location: DatabaseLocation): string {
  if (location.engine === 'sqlite') return location.path
  const hosts = location.hosts.map(({ host, port }) => {
    const name = host.includes(':') ? `[${host}]` : host
    return port === defaultPort ? name : `${name}:${port}`
  })
  return `postgres://${hosts.join(',')}/${location.database}`
}
