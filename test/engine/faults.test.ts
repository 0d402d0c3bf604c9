import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { engineFault } from '../../src/engine/faults'
import {
  ConnectionFault,
  describePostgresFault,
  mayBeStarting,
} from '../../src/engine/postgres/faults'
import { postgresError, sqliteError } from '../support/engine-errors'

describe('an error of SQLite', () => {
  test.each([
    [1, null, 'an error in the SQL text'],
    [5, 'busy', 'another process has the lock'],
    [517, 'busy', 'another process has written since the snapshot'],
    [6, 'busy', 'another connection has the table'],
    [7, 'unreachable', 'no memory'],
    [8, 'unreachable', 'the file is read only'],
    [10, 'unreachable', 'an I/O error'],
    [522, 'unreachable', 'a short read'],
    [11, 'damaged', 'a damaged page'],
    [267, 'damaged', 'a damaged virtual table'],
    [13, 'full', 'a full disk'],
    [14, 'unreachable', 'the file can not be opened'],
    [15, 'busy', 'a race for the log'],
    [19, null, 'any constraint'],
    [275, null, 'a check'],
    [787, 'orphan', 'a missing parent row'],
    [2_067, null, 'a unique index'],
    [26, 'damaged', 'no database'],
  ] as const)('with the code %i means %p: %s', (code, fault, _meaning) => {
    expect(engineFault(sqliteError(code))).toBe(fault)
  })

  test('is recognized as the engine throws it', () => {
    using database = new Database(':memory:')
    database.run('pragma foreign_keys = on')
    database.run('create table a (id integer primary key, parent integer references a (id))')
    let error: unknown = null
    try {
      database.run('insert into a values (1, 2)')
    } catch (thrown) {
      error = thrown
    }
    expect(engineFault(error)).toBe('orphan')
  })
})

describe('an error of Postgres', () => {
  test.each([
    ['08006', 'unreachable', 'a connection failure'],
    ['23503', 'orphan', 'a missing parent row'],
    ['23505', null, 'a unique index'],
    ['25006', 'unreachable', 'a server that became a standby'],
    ['25P02', 'unreachable', 'a transaction that has failed'],
    ['25P03', 'unreachable', 'a transaction that was idle'],
    ['26000', 'unreachable', 'a statement that was not prepared'],
    ['42501', 'denied', 'a missing right'],
    ['42P05', 'unreachable', 'a statement that was prepared before'],
    ['40001', 'aborted', 'a conflict'],
    ['40P01', 'aborted', 'a deadlock'],
    ['40002', null, 'a constraint at commit'],
    ['42601', null, 'an error in the SQL text'],
    ['53100', 'full', 'a full disk'],
    ['53200', 'unreachable', 'no memory'],
    ['53300', 'unreachable', 'too many connections'],
    ['55P03', 'busy', 'a lock'],
    ['55006', null, 'an object in use'],
    ['57014', 'unreachable', 'a statement timeout'],
    ['57P01', 'unreachable', 'a shutdown'],
    ['58030', 'unreachable', 'an I/O error'],
    ['58P01', null, 'a missing file'],
    ['XX000', null, 'an internal error'],
    ['XX001', 'damaged', 'damaged data'],
    ['XX002', 'damaged', 'a damaged index'],
  ] as const)('with the code %s means %p: %s', (code, fault, _meaning) => {
    expect(engineFault(postgresError(code))).toBe(fault)
  })

  test('is unreachable if the connection failed, and no other error is one of the engine', () => {
    expect(engineFault(new ConnectionFault('cut'))).toBe('unreachable')
    expect(engineFault(Object.assign(new Error('x'), { code: '40001' }))).toBeNull()
    expect(engineFault(postgresError('40001').message)).toBeNull()
    expect(engineFault(null)).toBeNull()
  })
})

const unreachableHint =
  'check that Postgres is running, accepts writes, and can be reached at the host and port in SNAILPASS_DATABASE_URL; to require or disable TLS, add ?sslmode='

describe('an operator', () => {
  test.each([
    ['28P01', 'check user and password in SNAILPASS_DATABASE_URL'],
    ['28000', 'check user and password in SNAILPASS_DATABASE_URL'],
    ['2BP01', 'another object, such as a view, depends on these tables'],
    ['3D000', 'create the database first'],
    ['42501', 'the user in SNAILPASS_DATABASE_URL must own the existing tables'],
    ['53100', 'free space on the disk of the Postgres server'],
    ['55P03', 'another process is using these tables'],
    ['53300', 'raise max_connections of Postgres, or the connection limit of the role'],
    ['57P03', unreachableHint],
    ['XX001', unreachableHint],
  ])('gets a hint for the code %s', (code, hint) => {
    expect(describePostgresFault(postgresError(code))).toEqual({
      reason: `Postgres error ${code}`,
      hint: expect.stringContaining(hint),
    })
    // Also where the connection failed because of it.
    const cause = new ConnectionFault('no host', { cause: postgresError(code) })
    expect(describePostgresFault(cause)).toEqual({
      reason: `Postgres error ${code}`,
      hint: expect.stringContaining(hint),
    })
  })

  test('gets the reason at the root of a failed connection, or its code', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
      code: 'ECONNREFUSED',
    })
    const fault = (cause?: unknown) => describePostgresFault(new ConnectionFault('cut', { cause }))
    expect(fault()).toEqual({ reason: 'cut', hint: unreachableHint })
    expect(fault(new Error('outer', { cause: refused }))).toEqual({
      reason: 'connect ECONNREFUSED 127.0.0.1:1',
      hint: unreachableHint,
    })
    expect(fault(new AggregateError([refused, new Error('second')], 'all failed'))?.reason).toBe(
      'connect ECONNREFUSED 127.0.0.1:1',
    )
    expect(fault(Object.assign(new Error(''), { code: 'ETIMEDOUT' }))?.reason).toBe('ETIMEDOUT')
    expect(fault(Object.assign(new Error('odd'), { code: 5 }))).toEqual({
      reason: 'odd',
      hint: unreachableHint,
    })
  })

  test('gets none for a bug', () => {
    expect(describePostgresFault(postgresError('42601'))).toBeNull()
    expect(describePostgresFault(postgresError('23503'))).toEqual({
      reason: 'Postgres error 23503',
      hint: unreachableHint,
    })
    expect(describePostgresFault(new TypeError('x'))).toBeNull()
    expect(describePostgresFault(sqliteError(5))).toBeNull()
  })
})

test('a server may still be starting only after errors that a start explains', () => {
  const may = (code: unknown) =>
    mayBeStarting(
      new ConnectionFault('no host', { cause: Object.assign(new Error('x'), { code }) }),
    )
  const starting = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN']
  for (const code of [...starting, 'ENOENT', '57P03']) expect(may(code), code).toBeTrue()
  for (const code of ['28P01', '3D000', '53300', 'ETIMEDOUT', '', 5, undefined])
    expect(may(code), String(code)).toBeFalse()
  expect(mayBeStarting(new ConnectionFault('this server does not accept writes'))).toBeFalse()
  expect(mayBeStarting(postgresError('57P03'))).toBeFalse()
})
