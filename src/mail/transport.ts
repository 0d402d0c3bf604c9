import { getCACertificates } from 'node:tls'
import { domainToASCII } from 'node:url'
import MailComposer from 'nodemailer/lib/mail-composer'
import { asciiDomainOf, needsUtf8 } from './addresses'
import { asMailFault, MailFault } from './mail-fault'
import type { RenderedEmail } from './messages'
import { type SmtpSession, withSmtpSession } from './smtp-session'

/** An SMTP server that accepts our emails, and how to reach it. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /** `tls`: from the start; `starttls`: required before anything is sent; `opportunistic`: used if the server offers it. */
  readonly security: 'tls' | 'starttls' | 'opportunistic'
  /** Absolute path of a PEM file with certificates that are trusted for the mail server besides the system's; null for none. */
  readonly ca: string | null
  /** How this server introduces itself in EHLO: a name, or an address in brackets (RFC 5321, 4.1.3). */
  readonly ehloName: string
  readonly user: string | null
  readonly password: { reveal(): string } | null
  readonly from: { readonly name: string; readonly address: string }
}

export interface MailTransport {
  /** Sends an email. Returns the server's reply. `id` is the first part of its Message-ID. Throws MailFault. */
  send(message: RenderedEmail & { to: string; id: string }): Promise<string>
  /** Connects and signs in, and sends nothing. Throws MailFault. */
  check(): Promise<void>
}

interface TransportOptions {
  /** The content of the file `ca`. */
  readonly ca?: string | null
  /** Milliseconds that a mail server may be silent. */
  readonly timeout?: number
}

/** nodemailer's default is minutes. */
const defaultTimeout = 10_000

export function createMailTransport(
  server: MailServer,
  options: TransportOptions = {},
): MailTransport {
  const { user, password, from } = server
  const pass = password?.reveal() ?? ''
  const auth = user === null ? null : { user, credentials: { user, pass } }
  const run = async <Result>(work: (session: SmtpSession) => Promise<Result>): Promise<Result> => {
    try {
      return await withSmtpSession(connectionOptions(server, options), auth, work)
    } catch (error) {
      throw error instanceof MailFault ? error : asMailFault(error)
    }
  }
  return {
    check: () => run(async () => {}),

    async send(message) {
      const { envelope, bytes } = await compose(message, from)
      return await run(async ({ hasSmtpUtf8, send }) => {
        if (!hasSmtpUtf8) requireAscii(envelope)
        return await send(envelope, bytes)
      })
    },
  }
}

/** Returns nodemailer's options of a connection. The system's CAs are read at the first one. */
export function connectionOptions(
  { host, port, security, ehloName }: MailServer,
  { ca = null, timeout = defaultTimeout }: TransportOptions,
) {
  const isVerified = security !== 'opportunistic'
  return {
    // DNS and certificates have names in ASCII. An IPv6 address is no domain.
    host: domainToASCII(host) || host,
    port,
    name: ehloName,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    dnsTimeout: timeout,
    // A server may take minutes to check an email after its last line (RFC 5321, 4.5.3.2.6).
    socketTimeout: 30 * timeout,
    tls: {
      minVersion: 'TLSv1.2',
      // Where unencrypted SMTP is acceptable, TLS without a valid certificate is no worse.
      rejectUnauthorized: isVerified,
      ...(isVerified && { ca: trustedCertificates(ca), allowPartialTrustChain: true }),
    },
  } as const
}

/**
 * Returns the certificates that are trusted for a mail server: Bun's and NODE_EXTRA_CA_CERTS, the system's, and those of our
 * setting, which need not be CAs: a mail server in a home network often has a self-signed certificate.
 */
function trustedCertificates(own: string | null): string[] {
  const known = [...getCACertificates('default'), ...getCACertificates('system')]
  return [...new Set(known), ...(own === null ? [] : [own])]
}

/** Returns a message as it is sent. Domains are in ASCII in it, unless an address needs SMTPUTF8 anyway. */
async function compose(
  { to, subject, text, html, id }: Parameters<MailTransport['send']>[0],
  from: MailServer['from'],
): Promise<{ envelope: { from: string; to: string }; bytes: Buffer }> {
  const composer = new MailComposer({
    from: { name: from.name, address: from.address.normalize() },
    // As an object, so that nodemailer does not parse it: no address can become two.
    to: { name: '', address: to.normalize() },
    subject,
    text,
    html,
    messageId: `<${id}@${asciiDomainOf(from.address)}>`,
    // Prevents automatic replies (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated' },
    // No part of an email may be loaded from a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const message = composer.compile()
  const envelope = message.getEnvelope()
  const [recipient = ''] = envelope.to
  return { envelope: { from: envelope.from || '', to: recipient }, bytes: await message.build() }
}

/** Throws MailFault if an address can only be sent with SMTPUTF8, which the mail server does not know. */
function requireAscii({ from, to }: { from: string; to: string }): void {
  const reason = 'the mail server does not know SMTPUTF8'
  if (needsUtf8(from)) {
    const fault = { kind: 'sender', isPermanent: false } as const
    throw new MailFault(`${reason}, which the address of the sender needs`, fault)
  }
  if (needsUtf8(to)) {
    const fault = { kind: 'recipient', isPermanent: true } as const
    throw new MailFault(`${reason}, which the address of the recipient needs`, fault)
  }
}
