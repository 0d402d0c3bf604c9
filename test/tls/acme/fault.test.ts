import { describe, expect, test } from 'bun:test'
import { parseJson } from '../../../src/domain/untrusted'
import {
  AcmeFault,
  faultFromProblem,
  problemType,
  unexpectedResponse,
} from '../../../src/tls/acme/fault'
import { problem } from '../../support/fake-ca'

const reachable =
  'check that the name resolves to this machine, and that port 80 is forwarded to its HTTP listener, from the internet through router and firewall'
const contact = 'set SNAILPASS_ACME_EMAIL to your email address, or leave it unset'
const other =
  'check the status page of the certificate authority, and wait: the request is retried automatically'
const action = 'the order'

test.each([
  [
    'caa',
    'the CAA record of the name forbids this certificate authority: allow it there, or use another one',
  ],
  ['connection', reachable],
  [
    'dns',
    'create an A or AAAA record for the name with the public address of this machine, and wait until it is published',
  ],
  [
    'externalAccountRequired',
    'this certificate authority requires an external account: set SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY to the values from it',
  ],
  ['invalidContact', contact],
  [
    'rateLimited',
    'wait: the certificate authority issues no more for a while; for experiments, set SNAILPASS_ACME_STAGING',
  ],
  [
    'rejectedIdentifier',
    'this certificate authority issues no certificate for that name: check SNAILPASS_ACME_NAMES',
  ],
  ['tls', reachable],
  ['unauthorized', reachable],
  ['unsupportedContact', contact],
  [
    'userActionRequired',
    'the certificate authority requires an action of yours on its website first: see its message',
  ],
  ['serverInternal', other],
  ['badCSR', other],
])('an error of the type %s has its hint', (type, hint) => {
  const fault = faultFromProblem(problem(type, 'why'), { action, retryAfter: 5 })
  expect(fault).toBeInstanceOf(AcmeFault)
  expect({ ...fault, message: fault.message }).toEqual({
    name: 'AcmeFault',
    message: 'the order was rejected: why',
    hint,
    type,
    retryAfter: 5,
  })
})

describe('the reason of a rejection', () => {
  const reasonOf = (document: unknown) => faultFromProblem(document, { action }).message

  test.each([
    [
      'its own and those of its parts',
      problem('compound', 'two', { subproblems: [problem('dns', 'a'), problem('caa', 'b')] }),
      'two; a; b',
    ],
    ['only those of its parts', { subproblems: [{ detail: 'a' }, { detail: 'b' }] }, 'a; b'],
    [
      'no empty ones',
      { detail: '', subproblems: [{ detail: '' }, null, 1, {}, { detail: 'b' }] },
      'b',
    ],
    ['no parts that are no list', { detail: 'a', subproblems: { detail: 'b' } }, 'a'],
    ['one line', { detail: 'a\r\nb\u001b[31m\u2028c' }, 'a b [31m c'],
    ['400 characters', { detail: 'x'.repeat(500) }, 'x'.repeat(400)],
  ])('has %s', (_, document, reason) => {
    expect(reasonOf(document)).toBe(`the order was rejected: ${reason}`)
  })

  test.each(['undefined', 'null', '"text"', '7', '[]', '{}', '{"detail":1}', '{"detail":null}'])(
    'is missing in %s',
    (json) => {
      const document = parseJson(json)
      const fault = faultFromProblem(document, { action })
      expect({ ...fault, message: fault.message }).toEqual({
        name: 'AcmeFault',
        message: 'the order was rejected: the certificate authority gave no reason',
        hint: other,
        type: null,
        retryAfter: null,
      })
    },
  )
})

test.each([
  ['urn:ietf:params:acme:error:dns', 'dns'],
  ['xurn:ietf:params:acme:error:dns', null],
  ['urn:ietf:params:acme:error:', null],
  ['urn:ietf:params:acme:error:a:b', null],
  ['urn:ietf:params:acme:error:dns ', null],
  ['about:blank', null],
  [1, null],
  [undefined, null],
])('the type %p is the word %p', (type, word) => {
  expect(problemType({ type })).toBe(word)
})

test('no type is a hint by the names of JavaScript', () => {
  expect(faultFromProblem(problem('madeUp', 'x'), { action }).hint).toBe(other)
})

test('an unexpected response is described in one line of at most 400 characters', () => {
  const cause = new Error('x')
  const fault = unexpectedResponse(`a\n${'b'.repeat(500)}`, cause)
  expect(fault.message).toBe(
    `unexpected response of the certificate authority: a ${'b'.repeat(398)}`,
  )
  expect(fault.cause).toBe(cause)
  expect(fault).toMatchObject({ type: null, retryAfter: null })
})
