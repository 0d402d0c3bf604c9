import { describe, expect, test } from 'bun:test'
import { DomainError } from '../../src/domain/errors'
import { ConnectionFault } from '../../src/engine/postgres/faults'
import { createWriteState } from '../../src/store/write-state'
import { captureError } from '../support/capture-error'
import { postgresError, sqliteError } from '../support/engine-errors'
import { aUser, openSqliteStore } from '../support/store'

function createTestState() {
  let now = 50_000
  const changes: (string | null)[] = []
  const state = createWriteState(
    () => now,
    (reason) => changes.push(reason === null ? null : reason.message),
  )
  return {
    state,
    changes,
    advance: (milliseconds: number) => {
      now += milliseconds
    },
  }
}

const minute = 60_000

describe('a write to learn how it ends', () => {
  test('is due before any other, and ten minutes after one that succeeded', () => {
    const { state, advance } = createTestState()
    expect(state.claimAttempt()).toBeTrue()
    expect(state.claimAttempt()).toBeFalse()
    state.succeeded()
    advance(10 * minute - 1)
    expect(state.claimAttempt()).toBeFalse()
    advance(1)
    expect(state.claimAttempt()).toBeTrue()
    expect(state.claimAttempt()).toBeFalse()
  })

  test('is put off by the writes of clients', () => {
    const { state, advance } = createTestState()
    for (let writes = 0; writes < 5; writes++) {
      state.succeeded()
      advance(9 * minute)
      expect(state.claimAttempt()).toBeFalse()
    }
  })

  test('is due five seconds after one that failed, and until then the failure counts', () => {
    const { state, advance } = createTestState()
    const error = sqliteError(10)
    state.succeeded()
    state.failed(error)
    const refused = expect.objectContaining({ code: 'unavailable', cause: error })
    expect(state.claimAttempt).toThrow(refused)
    advance(4_999)
    expect(state.claimAttempt).toThrow(refused)
    advance(1)
    expect(state.claimAttempt()).toBeTrue()
    // While it runs, and if nobody learns how it ends.
    expect(state.claimAttempt).toThrow(refused)
    advance(5_000)
    expect(state.claimAttempt()).toBeTrue()
    state.succeeded()
    expect(state.claimAttempt()).toBeFalse()
  })
})

describe('the state of writes', () => {
  test.each([
    ['an I/O error', sqliteError(10)],
    ['a file system that is read-only', sqliteError(8)],
    ['a file that can not be opened', sqliteError(14)],
    ['missing rights', sqliteError(3)],
    ['a damaged file', sqliteError(11)],
    ['a connection that was cut', new ConnectionFault('cut')],
    ['missing privileges in Postgres', postgresError('42501')],
    ['a standby', postgresError('25006')],
    ['a failed transaction that was left behind', postgresError('25P02')],
    ['statements that the session did not prepare', postgresError('26000')],
    ['statements that another session has prepared', postgresError('42P05')],
    ['too many connections', postgresError('53300')],
  ])('changes by %s, and is told once', (_, error) => {
    const { state, changes } = createTestState()
    state.failed(error)
    state.failed(error)
    expect(changes).toEqual([error.message])
    expect(state.wasFull).toBeFalse()
    expect(state.claimAttempt).toThrow('The database is not responding')
    state.succeeded()
    state.succeeded()
    expect(changes).toEqual([error.message, null])
  })

  test.each([
    ['a lock of another process', sqliteError(5)],
    ['a conflict with another transaction', postgresError('40001')],
    ['a missing row', sqliteError(787)],
    ['a rule', new DomainError('conflict', 'taken')],
    ['a bug', new TypeError('x is undefined')],
  ])('is not changed by %s', (_, error) => {
    const { state, changes } = createTestState()
    state.succeeded()
    state.failed(error)
    expect(changes).toEqual([])
    expect(state.claimAttempt()).toBeFalse()
  })

  test('knows a full disk', () => {
    const { state, advance } = createTestState()
    state.failed(sqliteError(13))
    expect(state.wasFull).toBeTrue()
    expect(state.claimAttempt).toThrow(expect.objectContaining({ code: 'storage_full' }))
    advance(5_000)
    expect(state.claimAttempt()).toBeTrue()
    state.succeeded()
    expect(state.wasFull).toBeFalse()
  })
})

describe('the check of a store', () => {
  test('fails from a failed write on, tries again after five seconds, and tells both changes', async () => {
    const changes: unknown[] = []
    let now = 0
    await using store = await openSqliteStore({
      onWriteChange: (reason) => changes.push(reason?.message ?? null),
      monotonicClock: () => now,
    })
    const add = () => store.write((tx) => tx.users.insert(aUser()))
    await store.check()
    await add()
    await store.runOnWriter('pragma query_only = on')
    await store.check()
    expect(await captureError(add())).toMatchObject({ code: 'unavailable' })
    expect(await captureError(store.check())).toMatchObject({ code: 'unavailable' })
    await store.runOnWriter('pragma query_only = off')
    now = 4_999
    expect(await captureError(store.check())).toMatchObject({ code: 'unavailable' })
    now = 5_000
    await store.check()
    expect(changes).toEqual(['attempt to write a readonly database', null])
  })

  test('writes at most once in ten minutes while it succeeds', async () => {
    await using store = await openSqliteStore()
    const facts = () => store.runOnWriter("select value from facts where name = 'write_check'")
    await store.check()
    const first = await facts()
    expect(first).toEqual([{ value: expect.any(String) }])
    for (let polls = 0; polls < 60; polls++) await store.check()
    expect(await facts()).toEqual(first)
  })
})
