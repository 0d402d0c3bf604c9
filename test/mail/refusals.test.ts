import { describe, expect, test } from 'bun:test'
import { refusalSubject } from '../../src/mail/refusals'

describe('a refusal of the recipient is about the recipient', () => {
  test.each([
    '550 No such user here',
    '550 5.1.1 <sender@relay.example>: Recipient address rejected: User unknown',
    '550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in relay recipient table',
    '550 <a@b.example>: User unknown in relay recipient table',
    '550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 Try again',
    '550 5.1.2 Bad destination system address',
    '501 5.1.3 Bad recipient address syntax',
    '501 Invalid address',
    '556 5.1.10 Recipient address has null MX',
    '550 5.2.1 Mailbox disabled',
    '552 5.2.2 Mailbox full',
    '550 5.4.1 Recipient address rejected: Access denied',
    '550 5.6.7 Non-ASCII addresses not permitted',
    '551 User not local',
    '553 Mailbox name not allowed: login@authenticate.example',
    '550 5.7.17 Mailbox owner has changed',
    '450 4.2.0 greylisted',
    '550 5.0.0 unknown',
    '550 5.1.0 Address rejected',
    '550 5.2.0 Mailbox unavailable',
    '550 5.4.4 Unable to route: invalid domain',
    '550 5.1.1 No such user: sending@daily.example is unknown per day',
    '550 Mailbox is over its quota',
  ])('%s', (reply) => {
    expect(refusalSubject('recipient', reply)).toBe('recipient')
  })
})

describe('a refusal of the recipient is about this server', () => {
  test.each([
    '530 Authentication required',
    '530 5.7.0 Must issue a STARTTLS command first',
    '535 5.7.8 Error: authentication failed',
    '538 Encryption required',
    '503 5.5.1 Error: need AUTH command',
    '504 5.5.2 <pi>: Helo command rejected: need fully-qualified hostname',
    '555 5.5.2 Syntax error',
    '554 5.7.1 <a@b.example>: Relay access denied',
    '550 5.7.1 Unable to relay',
    '550 relay not permitted',
    '550 Relaying denied',
    '550-Please turn on SMTP Authentication\n550 in your mail client',
    '553 5.7.1 <me@b.example>: Sender address rejected: not owned by user you',
    '553 5.1.8 Domain of sender address does not exist',
    '550 5.1.7 The address of the sender is invalid',
    '550 Sender verify failed',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example',
    '550 5.7.25 Reverse DNS does not resolve',
    '550 5.7.26 Unauthenticated email is not accepted',
    '554 5.3.2 System not accepting network messages',
    '550 You must log in first',
    '550 5.0.0 Access denied by DNSBL',
    '454 4.7.1 Relay access denied',
    '550 5.1.0 <me@b.example> Sender rejected',
    '550-5.4.5 Daily user sending limit exceeded. For more information\n550 5.4.5 see x - gsmtp',
    '550 5.4.3 Directory server failure',
    '550 You have exceeded the hourly limit of messages',
    '550 Domain b.example has exceeded the max emails per hour (100/100 (100%)) allowed',
    '550 Outgoing mail from "me" has been suspended',
    '554 Your IP (192.0.2.1) is not welcome here',
    '550 Your host 192.0.2.1 is block-listed',
    '550 No reverse DNS (PTR) for 192.0.2.1',
    '550 rate-limited',
  ])('%s', (reply) => {
    expect(refusalSubject('recipient', reply)).toBe('server')
  })
})

test.each([
  ['554 Message rejected as spam', 'content'],
  ['554 5.6.0 Message contains a virus', 'content'],
  ['554 5.6.3 Conversion required', 'content'],
  ['550 5.1.1 No such user', 'recipient'],
  ['552 5.2.3 Message exceeds the quota of the mailbox', 'recipient'],
  ['554 5.7.1 Rejected by policy', 'server'],
  ['550 5.7.60 Client does not have permissions to send as this sender', 'server'],
  ['550 DMARC check failed', 'server'],
  ['550 5.4.5 Daily sending quota exceeded - gsmtp', 'server'],
  ['554 5.2.252 SendAsDenied; you@b.example not allowed to send as me@b.example', 'server'],
  [
    '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message',
    'server',
  ],
  ['554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; suspended', 'server'],
  ['554 5.6.0 Corrupt message content', 'content'],
  ['530 Authentication required', 'server'],
] as const)('a refusal after the content, %s, is about: %s', (reply, subject) => {
  expect(refusalSubject('data', reply)).toBe(subject)
})

test.each(['session', 'name', 'starttls', 'sign-in', 'sender'] as const)(
  'a refusal at the step %s is about that, unless the mail server closes',
  (step) => {
    for (const reply of ['550 5.1.1 no', '553 who', '530 5.7.0 no', '450 4.2.0 later']) {
      expect(refusalSubject(step, reply)).toBe(step)
    }
    expect(refusalSubject(step, '421 4.3.2 shutting down')).toBe('session')
  },
)

test('reply codes about this server are no refusal of the recipient, and those beside them are', () => {
  const codes = Array.from({ length: 60 }, (_, at) => 500 + at)
  const ofServer = codes.filter((code) => refusalSubject('recipient', `${code} no`) === 'server')
  expect(ofServer).toEqual([500, 502, 503, 504, 521, 523, 524, 525, 530, 534, 535, 538, 555])
  expect(codes.filter((code) => refusalSubject('data', `${code} no`) === 'server')).toEqual(
    ofServer,
  )
})
