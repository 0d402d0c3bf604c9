import type { EmailMessageStatus } from '../../domain/email-message'
import { DomainError } from '../../domain/errors'
import { MailFault, type MailFaultKind } from '../../mail/mail-fault'
import { renderTestEmail } from '../../mail/messages'
import { openMailTransport } from '../mail-transport'
import type { Targets } from '../targets'

export type { EmailMessageStatus }

/** Returns the emails that are queued or that failed. Throws a DomainError. */
export function listEmails({ database }: Targets): Promise<readonly EmailMessageStatus[]> {
  return database.withShared((store) => store.read((tx) => tx.outbox.list()))
}

/**
 * Queues emails again as if they were new: one, those that were given up, or all. A running server sends them at once.
 * Returns how many. Throws `not_found` for an unknown id.
 */
export async function retryEmails(
  { database, runtime }: Targets,
  which: { id: string } | 'dead' | 'all',
): Promise<number> {
  const count = await database.withShared((store) =>
    store.write((tx) => tx.outbox.retry(which, runtime.clock())),
  )
  if (count > 0 || typeof which === 'string') return count
  throw new DomainError('not_found', `there is no email ${which.id} to retry`, {
    hint: '`snailpass mail list` prints the ids',
  })
}

/**
 * Sends a test email at once, not through the queue. Returns the response of the mail server. Throws `unavailable`, with a
 * hint for the usual mistakes.
 */
export async function sendTestEmail(
  { settings, runtime }: Targets,
  address: string,
): Promise<{ server: string; response: string }> {
  const { mail } = settings
  if (mail === null) {
    throw new DomainError('unavailable', 'email is off: no mail server is set', {
      hint: 'set SNAILPASS_MAIL_URL, or MAIL_USERNAME and MAIL_PASSWORD',
    })
  }
  const server = `${mail.host}:${mail.port}`
  const id = `test.${runtime.random(8).toHex()}`
  try {
    const message = { ...renderTestEmail(), to: address, id }
    return { server, response: await openMailTransport(mail).send(message) }
  } catch (error) {
    if (!(error instanceof MailFault)) throw error
    throw new DomainError('unavailable', `can't send email through ${server}: ${error.message}`, {
      hint: mailHints[error.kind],
      cause: error,
    })
  }
}

const portHint =
  'check host and port: smtps:// uses TLS from the start, usually on port 465; smtp:// starts without TLS, usually on port 587'

/** What to do about each kind of fault. */
export const mailHints: Readonly<Record<MailFaultKind, string>> = {
  'unknown-host': "the name of the mail server can't be resolved: check its spelling",
  connection: `${portHint}; a firewall or the provider may block the port`,
  certificate:
    "the certificate has to be valid, for that host, and from a CA that this machine trusts: name the mail server as its certificate does, or set SNAILPASS_MAIL_CA to a file with the CA's certificate",
  session:
    'the mail server accepts nothing from this address: ask its operator, or use another mail server',
  name: 'set SNAILPASS_MAIL_EHLO_NAME to a name that the mail server accepts, such as vault.example.org',
  starttls:
    'the server does not offer STARTTLS; smtps:// uses TLS from the start, usually on port 465',
  'sign-in':
    'check user and password; many providers require an app password instead of the one that you sign in with',
  sender:
    'check SNAILPASS_MAIL_FROM, which usually has to be an address of that user, and whether the mail server requires user and password',
  server:
    'check user and password, SNAILPASS_MAIL_FROM and SNAILPASS_MAIL_EHLO_NAME: the mail server sends only for users, senders and names that it knows',
  recipient: 'check the address of the recipient',
  content: 'see the response of the mail server above',
}
