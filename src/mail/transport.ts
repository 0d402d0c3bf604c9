import { createTransport, type SentMessageInfo } from 'nodemailer'
import { sanitizeLine } from '../domain/text'
import type { RenderedEmail } from './messages'

/** The server that letters are handed to. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /** TLS from the start, TLS that must be agreed on first, or TLS where it can be had. */
  readonly security: 'tls' | 'starttls' | 'opportunistic'
  readonly user: string | null
  readonly password: { reveal(): string } | null
  readonly from: { readonly name: string; readonly address: string }
}

/** What became of an attempt that failed. `reason` is for operators and holds no secret. */
export class MailFault extends Error {
  override readonly name = 'MailFault'
  /** Whether trying again can only end in the same way: the server refuses this very letter for good. */
  readonly isPermanent: boolean
  /** nodemailer's word for the stage that failed, like EAUTH. */
  readonly code: string

  constructor(reason: string, fault: { isPermanent: boolean; code: string; cause: unknown }) {
    super(reason, { cause: fault.cause })
    this.isPermanent = fault.isPermanent
    this.code = fault.code
  }
}

export interface MailTransport {
  /** Hands a letter over, and answers what the server said to it. `id` begins its Message-ID. Throws MailFault. */
  send(message: RenderedEmail & { to: string; id: string }): Promise<string>
  /** Connects and signs in, and sends nothing. Throws MailFault. */
  check(): Promise<void>
}

/** Milliseconds. How long a mail server may be silent, and nodemailer's own is minutes. */
const defaultTimeout = 10_000

/** Longest text of a server that is kept as a reason, in characters. */
const maxReasonLength = 300

export function createMailTransport(
  server: MailServer,
  { timeout = defaultTimeout }: { timeout?: number } = {},
): MailTransport {
  const { host, port, security, user, password, from } = server
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ...(user !== null && { auth: { user, pass: password?.reveal() ?? '' } }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    dnsTimeout: timeout,
    // After its last line a server may look at a letter for minutes (RFC 5321, 4.5.3.2.6).
    socketTimeout: 30 * timeout,
    // Where plain text would do as well, as on this very machine, TLS with whomever is no worse.
    tls: { rejectUnauthorized: security !== 'opportunistic', minVersion: 'TLSv1.2' },
    // Nothing of a letter is read from a file or a URL, whatever it says.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = from.address.replace(/^.*@/, '')
  return {
    async check() {
      try {
        await transport.verify()
      } catch (cause) {
        throw toMailFault(cause)
      }
    },

    async send({ to, subject, text, html, id }) {
      try {
        const { response }: SentMessageInfo = await transport.sendMail({
          from,
          // As an object: nothing in an address can become a second one.
          to: { name: '', address: to },
          subject,
          text,
          html,
          messageId: `<${id}@${domain}>`,
          // So that nobody's holiday answers it (RFC 3834).
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        return String(response)
      } catch (cause) {
        throw toMailFault(cause)
      }
    },
  }
}

function toMailFault(cause: unknown): MailFault {
  const { code, responseCode, message } = errorParts(cause)
  // A login that is refused is the operator's to mend, and the letter good afterwards.
  const isMessageRejected = code === 'EENVELOPE' || code === 'EMESSAGE'
  const isPermanent = isMessageRejected && responseCode !== null && responseCode >= 500
  // A filter may quote the link that it does not like, and the token in it.
  const redacted = message.replaceAll(/confirm\/\S+/g, 'confirm/…')
  return new MailFault(sanitizeLine(redacted, maxReasonLength), { isPermanent, code, cause })
}

function errorParts(cause: unknown): {
  code: string
  responseCode: number | null
  message: string
} {
  if (!(cause instanceof Error)) return { code: '', responseCode: null, message: String(cause) }
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const responseCode =
    'responseCode' in cause && typeof cause.responseCode === 'number' ? cause.responseCode : null
  return { code, responseCode, message: cause.message }
}
