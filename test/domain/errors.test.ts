import { expect, test } from 'bun:test'
import { operatorEvent, serverEvent, userEvent } from '../../src/domain/audit'
import {
  DomainError,
  errorMessage,
  errorMessageWithCauses,
  hintField,
} from '../../src/domain/errors'
import { ownershipError } from '../../src/domain/ownership'

test('an expected error has a code, a message, and null for what is not known', () => {
  const cause = new Error('cause')
  const full = new DomainError('rate_limited', 'wait', { hint: 'a hint', cause, retryAfter: 60 })
  expect(full).toMatchObject({
    ...{ name: 'DomainError', code: 'rate_limited', message: 'wait' },
    ...{ hint: 'a hint', cause, retryAfter: 60 },
  })
  expect(new DomainError('invalid', 'no')).toMatchObject({
    ...{ code: 'invalid', message: 'no', hint: null, retryAfter: null, cause: undefined },
  })
})

test('a line of the log has the hint of an error that has one', () => {
  expect(hintField(new DomainError('invalid', 'no', { hint: ['wait', 'look'] }))).toEqual({
    hint: 'wait\nlook',
  })
  expect(hintField(new DomainError('invalid', 'no'))).toEqual({})
})

test('a message names the causes of an error, which may be anything', () => {
  expect([new Error('a'), 'b', 3, null].map(errorMessage)).toEqual(['a', 'b', '3', 'null'])
  const inner = new Error('inner', { cause: new Error('innermost', { cause: 'a text' }) })
  expect(errorMessageWithCauses(new Error('outer', { cause: inner }))).toBe(
    'outer: inner: innermost',
  )
  expect(errorMessageWithCauses(new Error('alone'))).toBe('alone')
})

test('a row that was not changed does not exist or belongs to another user; anything else is a bug', () => {
  const errorOf = (owner: string | null) =>
    ownershipError({ noun: 'Note', id: 'n', owner, currentUser: 'u' })
  expect(errorOf(null)).toMatchObject({
    code: 'not_found',
    message: "Note with id n doesn't exist",
  })
  expect(errorOf('other')).toMatchObject({
    code: 'forbidden',
    message: "Note n doesn't belong to the current user u",
  })
  expect(() => errorOf('u')).toThrow('Note of the current user was not touched')
})

test('an event of the audit log has null for what it is not about', () => {
  const nothing = { userId: null, email: null, address: null, count: 1, detail: null }
  expect(operatorEvent(5, 'invited')).toEqual({
    ...{ time: 5, kind: 'invited', actor: 'operator', ...nothing },
  })
  expect(operatorEvent(5, 'user-added', { userId: 'u', email: 'e', detail: 'd' })).toEqual({
    ...{ time: 5, kind: 'user-added', actor: 'operator', ...nothing },
    ...{ userId: 'u', email: 'e', detail: 'd' },
  })
  expect(serverEvent(5, 'users-expired', { count: 3 })).toEqual({
    ...{ time: 5, kind: 'users-expired', actor: 'server', ...nothing, count: 3 },
  })
  const common = { time: 5, kind: 'login', address: '10.0.0.1' } as const
  const expected = { ...nothing, ...common, actor: 'user' }
  expect<object>(userEvent({ ...common, user: null })).toEqual(expected)
  expect<object>(userEvent({ ...common, user: { id: 'u', email: 'e' } })).toEqual({
    ...expected,
    ...{ userId: 'u', email: 'e' },
  })
})
