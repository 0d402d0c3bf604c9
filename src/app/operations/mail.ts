import type { EmailMessageStatus } from '../../domain/email-message'
import { DomainError } from '../../domain/errors'
import { renderTestEmail } from '../../mail/messages'
import { createMailTransport, MailFault } from '../../mail/transport'
import type { Targets } from '../targets'

export type { EmailMessageStatus }

/** Every letter that waits or was given up. Throws a DomainError. */
export function listEmails({ database }: Targets): Promise<readonly EmailMessageStatus[]> {
  return database.withShared((store) => store.read((tx) => tx.outbox.list()))
}

/**
 * Has letters tried again from the beginning: one, or all that are dead. Answers how many. Throws `not_found` for
 * an id that no letter has.
 */
export async function retryEmails(
  { database, runtime }: Targets,
  which: { id: string } | 'dead',
): Promise<number> {
  const count = await database.withShared((store) =>
    store.write((tx) => tx.outbox.retry(which, runtime.clock())),
  )
  if (count > 0 || which === 'dead') return count
  throw new DomainError('not_found', `there is no letter ${which.id} that could be tried again`, {
    hint: 'see their ids with `snailpass mail list`',
  })
}

/**
 * Sends a letter to see whether mail works, by itself and at once. Answers what the mail server said to it. Throws
 * `unavailable` with a hint for the usual mistakes.
 */
export async function sendTestEmail(
  { settings, runtime }: Targets,
  address: string,
): Promise<{ server: string; response: string }> {
  const { mail } = settings
  if (mail === null) {
    throw new DomainError('unavailable', 'mail is not set up', {
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
    throw new DomainError('unavailable', `${server} did not take the letter: ${error.message}`, {
      hint: hints[error.code] ?? portHint,
      cause: error,
    })
  }
}

const portHint =
  'see host and port: smtps:// speaks TLS from the start, mostly on port 465; smtp:// begins without, mostly on port 587'

/** The usual mistakes, by the stage at which nodemailer met them. */
const hints: Readonly<Record<string, string | undefined>> = {
  EAUTH:
    'see user and password; many providers want an app password here instead of the one that you sign in with',
  EENVELOPE:
    'the server refused the sender or the address: see SNAILPASS_MAIL_FROM, which must mostly be an address of the user there',
  EMESSAGE: 'the server refused the letter itself: its words above say why',
  ETLS: 'the server has no STARTTLS, or a certificate that is not for that host or not from an authority that this machine trusts; smtps:// speaks TLS from the start',
  EDNS: 'the host of the mail server has no address: see its name',
  ETIMEDOUT: `${portHint}; a firewall or a provider may also keep port 25 closed`,
  ESOCKET: `${portHint}; a certificate must be for that host, and from an authority that this machine trusts`,
}
