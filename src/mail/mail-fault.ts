import { sanitizeLine } from '../domain/text'
import { type RefusalSubject, refusalSubject, type SmtpStep } from './refusals'

/** What went wrong: what the mail server refused, or why there was no answer. */
export type MailFaultKind =
  | RefusalSubject
  /** The name of the mail server can't be resolved. */
  | 'unknown-host'
  /** The mail server can't be reached, is silent, or breaks off. */
  | 'connection'
  /** The certificate of the mail server is not valid, or not from a CA that this machine trusts. */
  | 'certificate'

/** Why the mail server could not be reached or did not accept an email. The message is for operators and has no secret. */
export class MailFault extends Error {
  override readonly name = 'MailFault'
  readonly kind: MailFaultKind
  /** Whether the server will never accept this email, whatever the operator changes, so that a retry is pointless. */
  readonly isPermanent: boolean

  constructor(
    reason: string,
    fault: { kind: MailFaultKind; isPermanent: boolean; cause?: unknown },
  ) {
    super(reason, fault.cause === undefined ? {} : { cause: fault.cause })
    this.kind = fault.kind
    this.isPermanent = fault.isPermanent
  }
}

/** Characters that are kept of a server's reply as the reason of a fault. */
const maxReasonLength = 300

/** What the mail server refuses, in words. */
const subjects: Readonly<Record<RefusalSubject, string>> = {
  session: 'this server',
  name: 'the name of this server (EHLO)',
  starttls: 'STARTTLS',
  'sign-in': 'the sign-in of this server',
  sender: 'the sender of this server',
  server: 'to send for this server',
  recipient: 'the recipient',
  content: 'the content of the email',
}

/** Returns the fault for an error of nodemailer, and a bug as it is. */
export function asMailFault(cause: unknown): unknown {
  if (isBug(cause)) return cause
  const { code, originalCode, command, reply, message } = errorParts(cause)
  const step = stepOf(code, command)
  if (step === null || reply === null) {
    const kind = kindOf(code, originalCode)
    return new MailFault(redact(message), { kind, isPermanent: false, cause })
  }
  const kind = refusalSubject(step, reply)
  const isFinal = reply.startsWith('5')
  const isPermanent = isFinal && (kind === 'recipient' || kind === 'content')
  const reason = `the mail server refuses ${subjects[kind]}${isFinal ? '' : ' for now'}: ${reply}`
  return new MailFault(redact(reason), { kind, isPermanent, cause })
}

/** Whether the error comes from wrong code and not from a mail server or the network. */
function isBug(error: unknown): boolean {
  return [TypeError, ReferenceError, RangeError].some((type) => error instanceof type)
}

/** Returns a reason in one line. A spam filter may quote the link that it objects to, and the token in it. */
function redact(reason: string): string {
  return sanitizeLine(reason.replaceAll(/confirm\/\S+/g, 'confirm/…'), maxReasonLength)
}

/** Returns the step of an error that nodemailer made of a reply; null for other errors. */
function stepOf(code: string, command: string): SmtpStep | null {
  if (command.startsWith('AUTH')) return 'sign-in'
  switch (command) {
    case 'CONN':
      return code === 'EPROTOCOL' || code === 'ECONNECTION' ? 'session' : null
    case 'EHLO':
    case 'HELO':
      return 'name'
    case 'STARTTLS':
      return 'starttls'
    case 'MAIL FROM':
      return 'sender'
    case 'RCPT TO':
      return 'recipient'
    case 'DATA':
      return 'data'
    default:
      return null
  }
}

function kindOf(code: string, originalCode: string): MailFaultKind {
  if (code === 'EDNS') return 'unknown-host'
  if (code === 'EAUTH') return 'sign-in'
  // OpenSSL's names of what is wrong with a certificate, and Node's for one with other names.
  if (/CERT|SIGNATURE|ISSUER|INVALID_CA|PURPOSE|PATH_LENGTH/.test(originalCode))
    return 'certificate'
  return code === 'ETLS' ? 'starttls' : 'connection'
}

function errorParts(cause: unknown) {
  const text = (name: string): string => {
    const value = cause instanceof Error ? Reflect.get(cause, name) : undefined
    return typeof value === 'string' ? value : ''
  }
  const reply = text('response')
  return {
    /** nodemailer's name of the stage that failed, such as EAUTH. */
    code: text('code'),
    /** The code of the system or of TLS beneath it. */
    originalCode: text('originalCode'),
    command: text('command'),
    reply: /^[45]\d\d/.test(reply) ? reply : null,
    message: cause instanceof Error ? cause.message : String(cause),
  }
}
