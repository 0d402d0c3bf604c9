import { expect, test } from 'bun:test'
import { asMailFault, MailFault } from '../../src/mail/mail-fault'

/** An error as nodemailer makes it. */
const anError = (members: Readonly<Record<string, unknown>>, message = 'it failed') =>
  Object.assign(new Error(message), members)

function faultOf(error: unknown) {
  const fault = asMailFault(error)
  if (!(fault instanceof MailFault)) throw new Error('it is no fault of a mail server')
  return { kind: fault.kind, isPermanent: fault.isPermanent, message: fault.message }
}

const refusal = (command: string, reply: string, code = 'EENVELOPE') =>
  faultOf(anError({ code, command, response: reply }))

test.each([
  ['CONN', 'session', 'this server'],
  ['EHLO', 'name', 'the name of this server (EHLO)'],
  ['HELO', 'name', 'the name of this server (EHLO)'],
  ['STARTTLS', 'starttls', 'STARTTLS'],
  ['AUTH PLAIN', 'sign-in', 'the sign-in of this server'],
  ['AUTH LOGIN', 'sign-in', 'the sign-in of this server'],
  ['MAIL FROM', 'sender', 'the sender of this server'],
] as const)('a refusal of %s is about this server, and never final', (command, kind, subject) => {
  const code = 'EPROTOCOL'
  expect(refusal(command, '550 no', code)).toEqual({
    ...{ kind, isPermanent: false, message: `the mail server refuses ${subject}: 550 no` },
  })
  expect(refusal(command, '450 no', code)).toEqual({
    ...{ kind, isPermanent: false, message: `the mail server refuses ${subject} for now: 450 no` },
  })
})

test.each([
  ['RCPT TO', '550 5.1.1 unknown', 'recipient', true, 'the recipient'],
  ['RCPT TO', '450 4.2.2 full', 'recipient', false, 'the recipient for now'],
  ['RCPT TO', '550 5.7.1 relaying denied', 'server', false, 'to send for this server'],
  ['DATA', '554 too large', 'content', true, 'the content of the email'],
  ['DATA', '451 later', 'content', false, 'the content of the email for now'],
] as const)(
  'a refusal of %s with %p is about the %s, and final: %p',
  (command, reply, kind, isPermanent, subject) => {
    const message = `the mail server refuses ${subject}: ${reply}`
    expect(refusal(command, reply)).toEqual({ kind, isPermanent, message })
  },
)

test.each([
  ['ECONNECTION', 'session'],
  ['EPROTOCOL', 'session'],
  ['ETIMEDOUT', 'connection'],
] as const)(
  'a reply to a connection is a refusal if nodemailer takes it for one: %s',
  (code, kind) => {
    expect(refusal('CONN', '554 no service', code).kind).toBe(kind)
  },
)

test.each([
  ['EDNS', '', 'unknown-host'],
  ['EAUTH', '', 'sign-in'],
  ['ETLS', '', 'starttls'],
  ['ESOCKET', 'ECONNREFUSED', 'connection'],
  ['ETIMEDOUT', '', 'connection'],
  ['', '', 'connection'],
  ...[
    ...['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'INVALID_CA', 'INVALID_PURPOSE'],
    ...['PATH_LENGTH_EXCEEDED', 'UNABLE_TO_DECRYPT_CERT_SIGNATURE'],
  ].flatMap((code) => [
    ['ESOCKET', code, 'certificate'] as const,
    ['ETLS', code, 'certificate'] as const,
  ]),
] as const)('no answer, %s and %s, is a fault of the kind %s', (code, originalCode, kind) => {
  expect(faultOf(anError({ code, originalCode, command: 'CONN' }))).toEqual({
    ...{ kind, isPermanent: false, message: 'it failed' },
  })
})

test('what is no reply, and a reply to no command, is a fault of the connection', () => {
  for (const members of [
    { command: 'RCPT TO' },
    { command: 'RCPT TO', response: '250 ok' },
    { command: 'RCPT TO', response: '650 5.1.1' },
    { command: 'RCPT TO', response: 550 },
    { command: 'RSET', response: '550 no' },
    { response: '550 no' },
  ])
    expect(faultOf(anError(members))).toEqual({
      ...{ kind: 'connection', isPermanent: false, message: 'it failed' },
    })
  expect(faultOf('broken pipe').message).toBe('broken pipe')
})

test('the reason is one short line without a token, and has its cause', () => {
  const cause = anError({}, `spam:\r\nhttp://pi:5000/confirm/secret.token "${'x'.repeat(400)}"`)
  const fault = asMailFault(cause)
  const { message } = faultOf(cause)
  expect(message).toStartWith('spam: http://pi:5000/confirm/… "xxx')
  expect(message).not.toContain('secret')
  expect(message.length).toBeLessThanOrEqual(301)
  expect(fault).toMatchObject({ name: 'MailFault', cause })
  expect(refusal('DATA', '554 see confirm/secret and confirm/other').message).toEndWith(
    '554 see confirm/… and confirm/…',
  )
})

test('a bug stays what it is', () => {
  for (const bug of [new TypeError('x'), new ReferenceError('x'), new RangeError('x')])
    expect(asMailFault(bug)).toBe(bug)
})
