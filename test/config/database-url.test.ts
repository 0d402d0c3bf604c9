import { describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { nameOfLocation, parseDatabaseUrl } from '../../src/config/database-url'
import { loadConfig } from '../../src/config/load'

const load = (environment: Record<string, string>) =>
  loadConfig({ environment, flags: {}, file: null }).settings.database

describe('a database URL', () => {
  test.each([
    ['sqlite:/srv/vaults.db', '/srv/vaults.db'],
    ['sqlite:vaults.db', resolve('vaults.db')],
    ['sqlite:///vaults.db', resolve('vaults.db')],
    ['sqlite:////srv/vaults.db', '/srv/vaults.db'],
    ['sqlite+pysqlite:////srv/my vaults.db', '/srv/my vaults.db'],
  ])('%p names a file', (text, path) => {
    expect(parseDatabaseUrl(text)).toEqual({ engine: 'sqlite', path })
  })

  test('of Postgres is parsed completely', () => {
    const text =
      'postgresql+psycopg2://us%40er:p%2Fa:ss%25@a.lan:5433,[fe80::1],%2Frun%2Fpostgresql/va%20ults' +
      '?sslmode=verify-full&sslrootcert=/etc/root.pem&target_session_attrs=read-write&pool_size=7&options=-csearch_path%3Dx'
    const location = parseDatabaseUrl(text)
    if (location.engine !== 'postgres') throw new Error('not Postgres')
    const { password, ...rest } = location
    expect(password?.reveal()).toBe('p/a:ss%')
    expect(rest).toEqual({
      engine: 'postgres',
      hosts: [
        { host: 'a.lan', port: 5433 },
        { host: 'fe80::1', port: 5432 },
        { host: '/run/postgresql', port: 5432 },
      ],
      user: 'us@er',
      database: 'va ults',
      tls: {
        mode: 'verify-full',
        rootCertificate: '/etc/root.pem',
        certificate: null,
        key: null,
      },
      poolSize: 7,
      options: '-csearch_path=x',
    })
    expect(nameOfLocation(location)).toBe('postgres://a.lan:5433,[fe80::1],/run/postgresql/va ults')
  })

  test('of Postgres has defaults, and can name several hosts like SQLAlchemy', () => {
    expect(parseDatabaseUrl('postgres://me@/db?host=a:1&host=b')).toEqual({
      engine: 'postgres',
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 5432 },
      ],
      user: 'me',
      password: null,
      database: 'db',
      tls: { mode: 'prefer', rootCertificate: null, certificate: null, key: null },
      poolSize: 10,
      options: null,
    })
    expect(parseDatabaseUrl('postgres://me@:5433/db?host=/run/postgresql')).toMatchObject({
      hosts: [{ host: '/run/postgresql', port: 5433 }],
    })
    expect(parseDatabaseUrl('postgres://me@/db')).toMatchObject({
      hosts: [{ host: 'localhost', port: 5432 }],
    })
  })

  test.each([
    ['', 'it is empty'],
    ['postgres://me@one/db?host=two', 'it names hosts twice'],
    ['/srv/vaults.db', 'not a database URL'],
    ['mysql://me:secret@host/db', 'not a database URL'],
    ['postgres://me:se@cret@host/db', 'not a database URL'],
    ['sqlite://', 'it names no SQLite file'],
    ['sqlite:', 'a database in memory would lose everything'],
    ['sqlite:///:memory:', 'a database in memory would lose everything'],
    ['sqlite:///a.db?mode=ro', 'parameters are not supported for SQLite'],
    ['postgres://host/db', 'it names no user'],
    ['postgres://me:secret@host', 'it names no database'],
    ['postgres://me:secret@host:99999/db', 'its host is invalid'],
    ['postgres://me:secret@host:x/db', 'its host is invalid'],
    ['postgres://me:secret%@host/db', 'a % is not followed by two hexadecimal digits'],
    ['postgres://me:secret@host/db?sslmode=maybe', 'unknown sslmode'],
    ['postgres://me:secret@host/db?pool_size=0', 'invalid pool_size'],
    ['postgres://me:secret@host/db?colour=red', 'unknown parameter'],
    [
      'postgres://me:secret@host/db?target_session_attrs=standby',
      'unsupported target_session_attrs',
    ],
  ])('%p is refused without any part of it', (text, message) => {
    let error: unknown
    try {
      parseDatabaseUrl(text)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ message, hint: expect.any(String) })
    expect(String(error)).not.toContain('secret')
  })
})

describe('the setting for the database', () => {
  test('is read by both names, ours first', () => {
    expect(load({ SNAILPASS_DATABASE_URI: 'sqlite:////a' })).toMatchObject({ path: '/a' })
    const both = { SNAILPASS_DATABASE_URI: 'sqlite:////a', SNAILPASS_DATABASE_URL: 'sqlite:/b' }
    expect(load(both)).toMatchObject({ path: '/b' })
    expect(load({})).toBeNull()
  })

  test('must not be empty, which could mean another database', () => {
    expect(() => load({ SNAILPASS_DATABASE_URL: '' })).toThrow(
      'invalid SNAILPASS_DATABASE_URL: it is empty',
    )
  })

  test('is refused by the name that was used, without its password', () => {
    const loading = () => load({ SNAILPASS_DATABASE_URI: 'mysql://me:secret@host/db' })
    expect(loading).toThrow('invalid SNAILPASS_DATABASE_URI: not a database URL')
    expect(loading).not.toThrow('secret')
  })

  test('hides its password when it is printed', () => {
    const database = load({ SNAILPASS_DATABASE_URL: 'postgres://me:secret@host/db' })
    expect(Bun.inspect(database)).not.toContain('secret')
    expect(JSON.stringify(database)).not.toContain('secret')
  })
})
