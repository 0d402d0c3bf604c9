import { describe, expect, spyOn, test } from 'bun:test'
import * as nodemailer from 'nodemailer'
import { renderConfirmationEmail, renderInvitationEmail } from '../../src/mail/messages'
import { createMailTransport, MailFault, type MailServer } from '../../src/mail/transport'
import { captureError } from '../support/capture-error'
import { startMailServer } from '../support/mail'

const server: MailServer = {
  host: '127.0.0.1',
  port: 25,
  security: 'opportunistic',
  user: null,
  password: null,
  from: { name: 'SnailPass', address: 'vault@nas.local' },
}
const message = { subject: 's', text: 't', html: 'h', to: 'owner@nas.local', id: 'id.1' }

/** Replaces nodemailer by what returns or throws these. Returns the options that it was created with, and its emails. */
function interceptMail(outcome: () => Promise<{ response: string }>) {
  const options: unknown[] = []
  const emails: unknown[] = []
  const fake = (given: unknown) => {
    options.push(given)
    return {
      sendMail(email: unknown) {
        emails.push(email)
        return outcome()
      },
      verify: outcome,
    }
  }
  const spy = spyOn(nodemailer, 'createTransport').mockImplementation(fake as never)
  return { options, emails, [Symbol.dispose]: () => spy.mockRestore() }
}

const accept = async () => ({ response: '250 queued as 7' })

describe('a connection to a mail server', () => {
  test.each([
    ['tls', { secure: true, requireTLS: false, tls: { rejectUnauthorized: true } }],
    ['starttls', { secure: false, requireTLS: true, tls: { rejectUnauthorized: true } }],
    ['opportunistic', { secure: false, requireTLS: false, tls: { rejectUnauthorized: false } }],
  ] as const)('with the security %s has these options', (security, { tls, ...expected }) => {
    using mail = interceptMail(accept)
    createMailTransport({ ...server, host: 'mail.example.org', port: 587, security })
    expect(mail.options).toEqual([
      {
        host: 'mail.example.org',
        port: 587,
        ...expected,
        connectionTimeout: 10_000,
        greetingTimeout: 10_000,
        dnsTimeout: 10_000,
        socketTimeout: 300_000,
        tls: { ...tls, minVersion: 'TLSv1.2' },
        disableFileAccess: true,
        disableUrlAccess: true,
      },
    ])
  })

  test.each([
    ['the password', { reveal: () => 'the password' }],
    ['', null],
  ])('signs in if there is a user: with the password "%s"', (pass, password) => {
    using mail = interceptMail(accept)
    createMailTransport({ ...server, user: 'me', password })
    expect(mail.options).toMatchObject([{ auth: { user: 'me', pass } }])
  })

  test('has its timeouts in milliseconds', () => {
    using mail = interceptMail(accept)
    createMailTransport(server, { timeout: 7 })
    expect(mail.options).toMatchObject([
      { connectionTimeout: 7, greetingTimeout: 7, dnsTimeout: 7, socketTimeout: 210 },
    ])
  })
})

test('an email is handed over as it is, to one address that is not parsed', async () => {
  using mail = interceptMail(accept)
  const to = '"a, b@evil.example"@nas.local'
  const from = { name: 'SnailPass', address: '"x@y"@nas.local' }
  expect(await createMailTransport({ ...server, from }).send({ ...message, to })).toBe(
    '250 queued as 7',
  )
  expect(mail.emails).toEqual([
    {
      from,
      to: { name: '', address: to },
      subject: 's',
      text: 't',
      html: 'h',
      messageId: '<id.1@nas.local>',
      headers: { 'Auto-Submitted': 'auto-generated' },
    },
  ])
})

describe('a refusal', () => {
  const failing = (error: unknown) => () => Promise.reject(error)
  const refusalOf = (code: string, responseCode?: number) =>
    Object.assign(new Error('refused'), {
      code,
      ...(responseCode !== undefined && { responseCode }),
    })

  test.each([
    ['EENVELOPE', 550, true],
    ['EMESSAGE', 554, true],
    ['EMESSAGE', 500, true],
    ['EMESSAGE', 499, false],
    ['EENVELOPE', 450, false],
    ['EENVELOPE', undefined, false],
    ['EAUTH', 535, false],
    ['ECONNECTION', 554, false],
    ['ETLS', undefined, false],
  ])('with %s and %p is permanent: %p', async (code, responseCode, isPermanent) => {
    const cause = refusalOf(code, responseCode)
    using _ = interceptMail(failing(cause))
    const { send, check } = createMailTransport(server)
    for (const work of [send(message), check()]) {
      const fault = await captureError(work)
      expect(fault).toBeInstanceOf(MailFault)
      expect(fault).toMatchObject({
        message: 'refused',
        name: 'MailFault',
        code,
        isPermanent,
        cause,
      })
    }
  })

  test.each([
    ['one line', 'a\r\nb\u001b[31m', 'a b [31m'],
    ['300 characters', 'x'.repeat(400), 'x'.repeat(300)],
    [
      'no link',
      'spam: http://pi/confirm/e.y.J and <http://pi/confirm/x>',
      'spam: http://pi/confirm/… and <http://pi/confirm/…',
    ],
  ])('is described in %s', async (_, text, reason) => {
    using _mail = interceptMail(failing(new Error(text)))
    expect(await captureError(createMailTransport(server).send(message))).toMatchObject({
      message: reason,
      code: '',
      isPermanent: false,
    })
  })

  test('that is no error is described by its text', async () => {
    using _ = interceptMail(failing('nothing'))
    expect(await captureError(createMailTransport(server).check())).toMatchObject({
      message: 'nothing',
      code: '',
      isPermanent: false,
    })
  })

  test('is ignored where it has codes of another type', async () => {
    using _ = interceptMail(
      failing(Object.assign(new Error('x'), { code: 550, responseCode: '550' })),
    )
    expect(await captureError(createMailTransport(server).send(message))).toMatchObject({
      code: '',
      isPermanent: false,
    })
  })

  test.each([new TypeError('a'), new ReferenceError('b'), new RangeError('c')])(
    'is no %s of wrong code, which passes unchanged',
    async (bug) => {
      using _ = interceptMail(failing(bug))
      const { send, check } = createMailTransport(server)
      expect(await captureError(send(message))).toBe(bug)
      expect(await captureError(check())).toBe(bug)
    },
  )
})

/** Returns a message without what differs each time (its date and the names of its parts), and without soft line breaks. */
const withoutChance = (source: string) =>
  source
    .replaceAll(/--_NmP-[^\r"]+/g, '--_NmP-…')
    .replace(/^Date: \w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r$/m, 'Date: …\r')
    .replaceAll('\r\n', '\n')
    .replaceAll('=\n', '')

describe('a message on its way', () => {
  test.each([
    [
      'to confirm an email',
      'SnailPass',
      renderConfirmationEmail({
        email: 'owner@nas.local',
        link: `http://pi:5000/confirm/${'x'.repeat(100)}`,
        minutes: 60,
      }),
    ],
    [
      'to invite someone, from a name that is not ASCII',
      'Müllers Schnecke "🐌"',
      renderInvitationEmail({ email: 'owner@nas.local', address: 'http://müller.lan/' }),
    ],
  ])('%s is exactly this', async (_, name, rendered) => {
    await using mail = await startMailServer()
    const from = { name, address: 'vault@nas.local' }
    const { send } = createMailTransport({ ...server, port: mail.port, from })
    expect(await send({ ...rendered, to: 'owner@nas.local', id: 'id.1' })).toMatch(/^250 /)
    const [{ source, ...envelope } = { source: '' }] = mail.emails
    expect(envelope).toMatchObject({ from: 'vault@nas.local', to: ['owner@nas.local'] })
    expect(withoutChance(source)).toMatchSnapshot()
  })
})
