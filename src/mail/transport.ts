import { createTransport, type SentMessageInfo } from 'nodemailer'
import { sanitizeLine } from '../domain/text'
import type { RenderedEmail } from './messages'

/** An SMTP server that accepts our emails, and how to reach it. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /** `tls`: from the start; `starttls`: required before anything is sent; `opportunistic`: used if the server offers it. */
  readonly security: 'tls' | 'starttls' | 'opportunistic'
  readonly user: string | null
  readonly password: { reveal(): string } | null
  readonly from: { readonly name: string; readonly address: string }
}

/** Why the mail server could not be reached or did not accept an email. The message is for operators and has no secret. */
export class MailFault extends Error {
  override readonly name = 'MailFault'
  /** Whether the server will never accept this email, so that a retry is pointless. */
  readonly isPermanent: boolean
  /** nodemailer's name of the stage that failed, such as EAUTH. */
  readonly code: string

  constructor(reason: string, fault: { isPermanent: boolean; code: string; cause: unknown }) {
    super(reason, { cause: fault.cause })
    this.isPermanent = fault.isPermanent
    this.code = fault.code
  }
}

export interface MailTransport {
  /** Sends an email. Returns the server's reply. `id` is the first part of its Message-ID. Throws MailFault. */
  send(message: RenderedEmail & { to: string; id: string }): Promise<string>
  /** Connects and signs in, and sends nothing. Throws MailFault. */
  check(): Promise<void>
}

/** Milliseconds that a mail server may be silent. nodemailer's default is minutes. */
const defaultTimeout = 10_000

/** Characters that are kept of a server's reply as the reason of a fault. */
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
    // A server may take minutes to check an email after its last line (RFC 5321, 4.5.3.2.6).
    socketTimeout: 30 * timeout,
    // Where unencrypted SMTP is acceptable, TLS without a valid certificate is no worse.
    tls: { rejectUnauthorized: security !== 'opportunistic', minVersion: 'TLSv1.2' },
    // No part of an email may be loaded from a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = from.address.replace(/^.*@/, '')
  return {
    async check() {
      try {
        await transport.verify()
      } catch (cause) {
        throw asMailFault(cause)
      }
    },

    async send({ to, subject, text, html, id }) {
      try {
        const { response }: SentMessageInfo = await transport.sendMail({
          from,
          // As an object, so that nodemailer does not parse it: no address can become two.
          to: { name: '', address: to },
          subject,
          text,
          html,
          messageId: `<${id}@${domain}>`,
          // Prevents automatic replies (RFC 3834).
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        return String(response)
      } catch (cause) {
        throw asMailFault(cause)
      }
    },
  }
}

/** Returns the fault for an error of nodemailer, and a bug as it is. */
function asMailFault(cause: unknown): unknown {
  if (isBug(cause)) return cause
  const { code, responseCode, message } = errorParts(cause)
  // A refused sign-in is not permanent: the operator can fix it, and the email is good afterwards.
  const isMessageRejected = code === 'EENVELOPE' || code === 'EMESSAGE'
  const isPermanent = isMessageRejected && responseCode !== null && responseCode >= 500
  // A spam filter may quote the link that it objects to, and the token in it.
  const redacted = message.replaceAll(/confirm\/\S+/g, 'confirm/…')
  return new MailFault(sanitizeLine(redacted, maxReasonLength), { isPermanent, code, cause })
}

/** Whether the error comes from wrong code and not from a mail server or the network. */
function isBug(error: unknown): boolean {
  return [TypeError, ReferenceError, RangeError].some((type) => error instanceof type)
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
