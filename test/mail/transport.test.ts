import { describe, expect, test } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import { MailFault } from '../../src/mail/mail-fault'
import { renderConfirmationEmail, renderInvitationEmail } from '../../src/mail/messages'
import { connectionOptions, createMailTransport, type MailServer } from '../../src/mail/transport'
import { captureError } from '../support/capture-error'
import { createTestAuthority, type IssuedCertificate } from '../support/certificates'
import { type Refusal, startMailServer } from '../support/mail'
import { until } from '../support/until'

const server: MailServer = {
  host: '127.0.0.1',
  port: 25,
  security: 'opportunistic',
  ca: null,
  ehloName: 'vault.example.org',
  user: null,
  password: null,
  from: { name: 'SnailPass', address: 'vault@nas.local' },
}
const message = { subject: 's', text: 't', html: 'h', to: 'owner@nas.local', id: 'id.1' }

describe('a connection to a mail server', () => {
  const secure = { ca: expect.any(Array), allowPartialTrustChain: true }
  test.each([
    ['tls', { secure: true, requireTLS: false, tls: { rejectUnauthorized: true, ...secure } }],
    ['starttls', { secure: false, requireTLS: true, tls: { rejectUnauthorized: true, ...secure } }],
    ['opportunistic', { secure: false, requireTLS: false, tls: { rejectUnauthorized: false } }],
  ] as const)('with the security %s has these options', (security, { tls, ...expected }) => {
    const given = { ...server, host: 'mail.example.org', port: 587, security }
    expect(connectionOptions(given, { timeout: 7 })).toEqual({
      host: 'mail.example.org',
      port: 587,
      name: 'vault.example.org',
      ...expected,
      connectionTimeout: 7,
      greetingTimeout: 7,
      dnsTimeout: 7,
      socketTimeout: 210,
      tls: { ...tls, minVersion: 'TLSv1.2' },
    })
    expect(connectionOptions(given, {})).toMatchObject({ greetingTimeout: 10_000 })
  })

  test.each([
    ['mail.müller.example', 'mail.xn--mller-kva.example'],
    ['fd00::10', 'fd00::10'],
    ['127.0.0.1', '127.0.0.1'],
  ])('goes to the host %s as %s', (host, expected) => {
    expect(connectionOptions({ ...server, host }, {})).toMatchObject({ host: expected })
  })

  test('ends with QUIT', async () => {
    using script = await startScript('220 hello\r\n', [])
    await createMailTransport({ ...server, port: script.port }).check()
    await until(() => script.lines.includes('QUIT'), 'the end of the session')
    expect(script.lines).toEqual(['EHLO vault.example.org', 'QUIT'])
  })

  test('signs in if there is a user, and introduces itself by its name', async () => {
    const logins: unknown[] = []
    await using mail = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth({ username, password }, _session, callback) {
        logins.push([username, password])
        callback(null, { user: 'me' })
      },
    })
    const password = { reveal: () => 'p: ü@' }
    const transport = createMailTransport({ ...server, port: mail.port, user: 'me', password })
    await transport.check()
    expect(await transport.send(message)).toStartWith('250 ')
    expect(logins).toEqual([
      ['me', 'p: ü@'],
      ['me', 'p: ü@'],
    ])
    expect(mail.emails).toMatchObject([{ clientName: 'vault.example.org', isUtf8: false }])
  })

  test('signs in at no server that offers it to nobody', async () => {
    await using mail = await startMailServer({ disabledCommands: ['AUTH', 'STARTTLS'] })
    const password = { reveal: () => 'secret' }
    const { send } = createMailTransport({ ...server, port: mail.port, user: 'me', password })
    expect(await send(message)).toStartWith('250 ')
  })
})

/** Answers each line of the client with the next of these. */
async function startScript(greeting: string, replies: readonly string[]) {
  const sockets: Socket[] = []
  const lines: string[] = []
  const listener = createServer((socket) => {
    sockets.push(socket)
    const left = [...replies]
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      lines.push(bytes.toString().trim())
      socket.write(left.shift() ?? '250 OK\r\n')
    })
    socket.write(greeting)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    lines,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy()
      listener.close()
    },
  }
}

describe('the certificate of a mail server', () => {
  const trustless = { kind: 'certificate', isPermanent: false }
  const cases = async () => {
    const authority = await createTestAuthority()
    const other = await createTestAuthority()
    const issue = async (names: readonly string[], notAfter?: number) =>
      await authority.issue({ names, ...(notAfter !== undefined && { notAfter }) })
    return {
      authority: authority.certificate,
      stranger: other.certificate,
      good: await issue(['localhost']),
      address: await issue(['127.0.0.1']),
      otherName: await issue(['mail.example.org']),
      expired: await issue(['localhost'], Date.now() - 60_000),
    }
  }
  const use = async (
    { certificate, key }: IssuedCertificate,
    options: { ca: string | null; host?: string; security?: 'tls' | 'starttls' },
  ) => {
    const { ca, host = 'localhost', security = 'tls' } = options
    await using mail = await startMailServer({
      cert: certificate,
      key,
      secure: security === 'tls',
    })
    const { send } = createMailTransport({ ...server, host, port: mail.port, security }, { ca })
    return await captureError(send(message).then((reply) => Promise.reject(reply)))
  }

  test.each(['tls', 'starttls'] as const)(
    'is valid with a chain to a trusted certificate, for its name and its time, by %s',
    async (security) => {
      const { authority, stranger, good, address, otherName, expired } = await cases()
      const accepted = expect.stringMatching(/^250 /)
      const ca = authority
      expect(await use(good, { ca, security })).toEqual(accepted)
      expect(await use(good, { ca: `${rootCertificates[0]}\n${ca}`, security })).toEqual(accepted)
      expect(await use(address, { ca, security, host: '127.0.0.1' })).toEqual(accepted)
      // The certificate itself, where there is no CA.
      expect(await use(good, { ca: good.certificate, security })).toEqual(accepted)
      for (const refused of [
        await use(good, { ca: null, security }),
        await use(good, { ca: stranger, security }),
        await use(otherName, { ca, security }),
        await use(otherName, { ca: otherName.certificate, security }),
        await use(address, { ca, security }),
        await use(good, { ca, security, host: '127.0.0.1' }),
        await use(expired, { ca, security }),
      ]) {
        expect(refused).toBeInstanceOf(MailFault)
        expect(refused).toMatchObject(trustless)
      }
    },
  )

  test('is not looked at where unencrypted SMTP is allowed', async () => {
    const { certificate: cert, key } = (await cases()).expired
    await using mail = await startMailServer({ cert, key })
    const { send } = createMailTransport({ ...server, host: 'localhost', port: mail.port })
    expect(await send(message)).toStartWith('250 ')
  })
})

describe('a refusal', () => {
  const refuse = async (refusal: Refusal) => {
    await using mail = await startMailServer()
    mail.refusals.push(refusal)
    const { send } = createMailTransport({ ...server, port: mail.port })
    const fault = await captureError(send(message))
    expect(mail.emails).toEqual([])
    return fault
  }

  test.each([
    ['connection', 554, 'no', 'session', false, 'this server: 554 no'],
    ['connection', 421, 'busy', 'session', false, 'this server for now: 421 busy'],
    ['sender', 530, 'sign in first', 'sender', false, 'the sender of this server: 530 sign in'],
    ['sender', 550, 'not you', 'sender', false, 'the sender of this server: 550 not you'],
    ['sender', 451, 'later', 'sender', false, 'the sender of this server for now: 451 later'],
    ['recipient', 550, '5.1.1 nobody', 'recipient', true, 'the recipient: 550 5.1.1 nobody'],
    ['recipient', 450, 'greylisted', 'recipient', false, 'the recipient for now: 450 greylisted'],
    [
      'recipient',
      554,
      '5.7.1 Relay access denied',
      'server',
      false,
      'to send for this server: 554',
    ],
    [undefined, 554, 'spam', 'content', true, 'the content of the email: 554 spam'],
    [undefined, 451, 'later', 'content', false, 'the content of the email for now: 451 later'],
    [undefined, 550, '5.7.26 no SPF', 'server', false, 'to send for this server: 550 5.7.26'],
  ] as const)(
    'at %p with %p %s is about the %s, and final: %p',
    async (at, code, text, ...rest) => {
      const [kind, isPermanent, reason] = rest
      const fault = await refuse({ code, text, ...(at !== undefined && { at }) })
      expect(fault).toBeInstanceOf(MailFault)
      expect(fault).toMatchObject({ name: 'MailFault', kind, isPermanent })
      expect(fault).toMatchObject({
        message: expect.stringContaining(`the mail server refuses ${reason}`),
        cause: expect.any(Error),
      })
    },
  )

  test('of the password is about the sign-in, and tells no password', async () => {
    await using mail = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_auth, _session, callback) =>
        callback(Object.assign(new Error('5.7.8 bad credentials'), { responseCode: 535 })),
    })
    const password = { reveal: () => 'the password' }
    const transport = createMailTransport({ ...server, port: mail.port, user: 'me', password })
    for (const work of [() => transport.send(message), () => transport.check()]) {
      expect(await captureError(work())).toMatchObject({
        message: 'the mail server refuses the sign-in of this server: 535 5.7.8 bad credentials',
        kind: 'sign-in',
        isPermanent: false,
      })
    }
  })

  test.each([
    ['one line', 'a\u2028b\u001b[31m', '550 a b [31m'],
    ['300 characters', 'x'.repeat(400), 'x'],
    [
      'no link',
      'spam: http://pi/confirm/e.y.J and <http://pi/confirm/x>',
      '550 spam: http://pi/confirm/… and <http://pi/confirm/…',
    ],
  ])('is described in %s', async (_, text, reason) => {
    const fault = await refuse({ code: 550, text })
    const { message: described } = fault instanceof Error ? fault : { message: '' }
    expect(described).toContain(reason)
    expect(described.length).toBeLessThanOrEqual(300)
  })
})

describe('a mail server', () => {
  test.each([
    ['refuses the name', ['502 what\r\n', '550 who is that\r\n'], 'name', '550 who is that'],
    ['closes while it waits', ['421 bye\r\n'], 'session', '421 bye'],
    ['offers no encryption', ['250 hello\r\n', '454 no\r\n'], 'starttls', '454 no'],
  ])('that %s is named, and the email is kept', async (_, replies, kind, reason) => {
    using script = await startScript('220 hello\r\n', replies)
    const security = kind === 'starttls' ? 'starttls' : 'opportunistic'
    const { send } = createMailTransport({ ...server, port: script.port, security })
    expect(await captureError(send(message))).toMatchObject({
      kind,
      isPermanent: false,
      message: expect.stringContaining(reason),
    })
    expect(script.lines[0]).toBe('EHLO vault.example.org')
  })

  test('that is away, silent or unknown is no refusal', async () => {
    using silent = await startScript('', [])
    for (const [change, kind] of [
      [{ port: 1 }, 'connection'],
      [{ port: silent.port }, 'connection'],
      [{ host: 'mail.invalid' }, 'unknown-host'],
    ] as const) {
      const { check } = createMailTransport({ ...server, ...change }, { timeout: 200 })
      const fault = await captureError(check())
      expect(fault).toMatchObject({ kind, isPermanent: false })
      expect(fault).not.toMatchObject({ message: expect.stringContaining('refuses') })
    }
  })

  test('gets no encrypted session to take for an unencrypted one', async () => {
    using script = await startScript('220 hello\r\n', [])
    const { check } = createMailTransport({ ...server, port: script.port, security: 'tls' })
    expect(await captureError(check())).toMatchObject({ kind: 'connection' })
  })
})

describe('an address', () => {
  const deliver = async (to: string, options: { hideSMTPUTF8?: boolean; from?: string } = {}) => {
    const { from = server.from.address, ...mailOptions } = options
    await using mail = await startMailServer(mailOptions)
    const { send } = createMailTransport({
      ...server,
      port: mail.port,
      from: { name: 'Schnecke', address: from },
    })
    const error = await captureError(send({ ...message, to }).then(() => Promise.reject(null)))
    const header = (name: string, source: string) =>
      new RegExp(`^${name}: (.*)\r$`, 'm').exec(source)?.[1]
    return {
      error,
      emails: mail.emails.map(({ source, ...envelope }) => ({
        from: envelope.from,
        to: envelope.to[0],
        isUtf8: envelope.isUtf8,
        header: header('To', source),
        id: header('Message-ID', source)?.replace(/^<id\.1@|>$/g, ''),
      })),
    }
  }
  const plain = { from: 'vault@nas.local', isUtf8: false, id: 'nas.local' }

  test.each([true, false])(
    'with a domain that is not ASCII needs no SMTPUTF8 (hidden: %p)',
    async (hideSMTPUTF8) => {
      for (const [to, ascii] of [
        ['owner@müller.example', 'owner@xn--mller-kva.example'],
        ['owner@例え。テスト', 'owner@xn--r8jz45g.xn--zckzah'],
        ['owner@FAß.example', 'owner@xn--fa-hia.example'],
        ["o'w.n+x@nas.local", "o'w.n+x@nas.local"],
      ] as const) {
        const { error, emails } = await deliver(to, { hideSMTPUTF8 })
        expect(error).toBeNull()
        // The test server writes domains for people; the header shows what was sent.
        expect(emails).toMatchObject([{ ...plain, header: ascii }])
      }
    },
  )

  test('with a name that is not ASCII is sent by SMTPUTF8, in NFC', async () => {
    const { error, emails } = await deliver('mu\u0308ller🐌@mu\u0308ller.example')
    expect(error).toBeNull()
    const to = 'müller🐌@müller.example'
    expect(emails).toEqual([{ ...plain, isUtf8: true, to, header: to }])
  })

  test('with a name that is not ASCII is not sent where the mail server has no SMTPUTF8', async () => {
    const { error, emails } = await deliver('müller@nas.local', { hideSMTPUTF8: true })
    expect(error).toMatchObject({
      kind: 'recipient',
      isPermanent: true,
      message: 'the mail server does not know SMTPUTF8, which the address of the recipient needs',
    })
    expect(emails).toEqual([])
  })

  test('of the sender can have a domain that is not ASCII; its name needs SMTPUTF8', async () => {
    const domain = await deliver('owner@nas.local', {
      from: 'vault@schnecke.müller',
      hideSMTPUTF8: true,
    })
    expect(domain).toMatchObject({ error: null, emails: [{ id: 'schnecke.xn--mller-kva' }] })
    const from = 'tür@nas.local'
    expect(await deliver('owner@nas.local', { from })).toMatchObject({
      error: null,
      emails: [{ from, isUtf8: true }],
    })
    // Every recipient would be refused, so it is about this server.
    for (const to of ['owner@nas.local', 'müller@nas.local']) {
      const { error, emails } = await deliver(to, { from, hideSMTPUTF8: true })
      expect(error).toMatchObject({ kind: 'sender', isPermanent: false })
      expect(emails).toEqual([])
    }
  })

  test('is one recipient, whatever is in it', async () => {
    const to = '"a, b@evil.example"@nas.local'
    using script = await startScript('220 hello\r\n', ['250 OK\r\n', '250 OK\r\n', '550 no\r\n'])
    const from = { name: '', address: '"x@y"@nas.local' }
    const { send } = createMailTransport({ ...server, port: script.port, from })
    expect(await captureError(send({ ...message, to }))).toMatchObject({ kind: 'recipient' })
    const [, sender, recipient] = script.lines
    expect([sender, recipient]).toEqual(['MAIL FROM:<"x@y"@nas.local>', `RCPT TO:<${to}>`])
  })
})

/** Returns the name of a header as its reader sees it (RFC 2047, RFC 5322); each encoded word must be whole characters. */
function decodeName(header: string): string {
  if (header.startsWith('"')) return header.slice(1, -1).replaceAll(/\\(.)/g, '$1')
  return header
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([QB])\?([^?]*)\?=/g, (_, encoding: string, text: string) => {
      const bytes = encoding === 'B' ? Buffer.from(text, 'base64') : decodeQ(text)
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    })
}

function decodeQ(text: string): Buffer {
  const characters = text
    .replaceAll('_', ' ')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number(`0x${hex}`)))
  return Buffer.from(characters, 'latin1')
}

test.each([
  'SnailPass',
  'Snail, Inc.',
  'the "Snail" (at home) <x>; \\',
  'Müller, Schnecke & Söhne',
  '=?UTF-8?Q?not_encoded?=',
  '蝸牛のパスワード管理サーバー'.repeat(6),
  'Улитка и её пароли '.repeat(9).trim(),
  `a ${'👩‍👩‍👧'.repeat(20)}`,
  'x'.repeat(70),
])('the name of the sender arrives as it is: %s', async (name) => {
  await using mail = await startMailServer()
  const from = { name, address: 'vault@nas.local' }
  await createMailTransport({ ...server, port: mail.port, from }).send(message)
  const [{ source } = { source: '' }] = mail.emails
  const header = /^From:((?:.*\r\n )*.*)\r$/m.exec(source)?.[1] ?? ''
  for (const line of header.split('\r\n')) expect(line).toMatch(/^[\x20-\x7e]{0,90}$/)
  const unfolded = header.replaceAll('\r\n', '').trim()
  expect(unfolded).toEndWith(' <vault@nas.local>')
  expect(decodeName(unfolded.replace(/ <vault@nas\.local>$/, ''))).toBe(name)
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
