import type { EmailMessageStatus } from '../../domain/email-message'
import { formatCount } from '../../domain/text'
import { MailFault } from '../../mail/mail-fault'
import { openMailTransport } from '../mail-transport'
import { listEmails, mailHints } from '../operations/mail'
import type { Targets } from '../targets'
import type { Finding, Outcome } from './findings'

const why = 'people who sign up or are invited get no email'

/**
 * Signs in at the mail server, and lists why emails are still in the outbox: a mail server may accept the sign-in and refuse
 * the sender.
 */
export async function checkMail(
  targets: Targets,
  { isQueueReadable }: { isQueueReadable: boolean },
): Promise<Outcome> {
  const { mail } = targets.settings
  if (mail === null) return { fact: 'email is off' }
  const server = `${mail.host}:${mail.port}`
  const emails = isQueueReadable ? await listEmails(targets) : []
  const queue = describeQueue(emails)
  const findings = listQueueFindings(emails)
  try {
    await openMailTransport(mail).check()
    return { fact: `${server} accepts the sign-in${queue}`, findings }
  } catch (error) {
    if (!(error instanceof MailFault)) throw error
    const what = `the mail server ${server} can't be used: ${error.message}`
    return {
      fact: `${server} can't be used${queue}`,
      findings: [{ what, why, fix: mailHints[error.kind] }, ...findings],
    }
  }
}

function describeQueue(emails: readonly EmailMessageStatus[]): string {
  const dead = emails.filter(({ state }) => state === 'dead').length
  return dead === 0 ? '' : `; ${formatCount(dead, 'email')} given up (snailpass mail list)`
}

/** Emails whose recipient was refused are given up and no finding: anyone can sign up with a wrong address. */
function listQueueFindings(emails: readonly EmailMessageStatus[]): readonly Finding[] {
  const reasons = emails.flatMap(({ state, reason }) =>
    state === 'dead' || reason === null ? [] : [reason],
  )
  const [reason] = reasons.slice(-1)
  if (reason === undefined) return []
  return [
    {
      what: `${formatCount(reasons.length, 'email')} could not be sent yet: ${reason}`,
      why,
      fix: 'snailpass mail test ADDRESS, and once that works: snailpass mail retry --all',
    },
  ]
}
