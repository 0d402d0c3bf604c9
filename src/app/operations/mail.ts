import type { EmailMessageStatus } from '../../domain/email-message'
import { DomainError } from '../../domain/errors'
import { renderTestEmail } from '../../mail/messages'
import { createMailTransport, MailFault } from '../../mail/transport'
import type { Targets } from '../targets'

export type { EmailMessageStatus }

/** Returns the emails that are queued or that failed. Throws a DomainError. */
export function listEmails({ database }: Targets): Promise<readonly EmailMessageStatus[]> {
  return database.withShared((store) => store.read((tx) => tx.outbox.list()))
}

/**
 * Queues emails again as if they were new: one, or all that failed. Returns how many. Throws `not_found` for an unknown id.
 */
export async function retryEmails(
  { database, runtime }: Targets,
  which: { id: string } | 'dead',
): Promise<number> {
  const count = await database.withShared((store) =>
    store.write((tx) => tx.outbox.retry(which, runtime.clock())),
  )
  if (count > 0 || which === 'dead') return count
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
    return { server, response: await createMailTransport(mail).send(message) }
  } catch (error) {
    if (!(error instanceof MailFault)) throw error
    throw new DomainError('unavailable', `can't send email through ${server}: ${error.message}`, {
      hint: hints[error.code] ?? portHint,
      cause: error,
    })
  }
}

const portHint =
  'check host and port: smtps:// uses TLS from the start, usually on port 465; smtp:// starts without TLS, usually on port 587'

/** What to do about the usual mistakes, by the error codes of nodemailer. */
const hints: Readonly<Record<string, string | undefined>> = {
  EAUTH:
    'check user and password; many providers require an app password instead of the one that you sign in with',
  EENVELOPE:
    'the server refused the sender or the recipient: check SNAILPASS_MAIL_FROM, which usually has to be an address of that user',
  EMESSAGE: 'the server refused the content of the email: see its response above',
  ETLS: 'the server does not offer STARTTLS, or its certificate is not for that host or not from a CA that this machine trusts; smtps:// uses TLS from the start',
  EDNS: "the name of the mail server can't be resolved: check its spelling",
  ETIMEDOUT: `${portHint}; a firewall or the provider may block port 25`,
  ESOCKET: `${portHint}; the certificate has to be for that host and from a CA that this machine trusts`,
}
