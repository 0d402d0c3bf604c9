import { Command } from 'commander'
import {
  type EmailMessageStatus,
  listEmails,
  retryEmails,
  sendTestEmail,
} from '../../src/app/operations/mail'
import { mailKeys } from '../../src/config/settings'
import { DomainError } from '../../src/domain/errors'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { formatCount, formatJsonTime, formatTimestamp } from '../format'
import { longOption, printTable, type TableOptions } from '../print-table'
import type { Column } from '../table'
import { info, out, outJson } from '../terminal'

export function mailCommand(): Command {
  return new Command('mail')
    .description('manage the emails that the server sends')
    .helpCommand(false)
    .addCommand(testCommand())
    .addCommand(listCommand())
    .addCommand(retryCommand())
    .addHelpText(
      'after',
      `
Examples:
  snailpass mail test you@example.org
  snailpass mail list`,
    )
}

function testCommand(): Command {
  const command = new Command('test')
    .description('send a test email')
    .argument('<address>', 'recipient of the email')
  return withConfigOptions(command, mailKeys)
    .addHelpText(
      'after',
      `
Example:
  snailpass mail test you@example.org --config /etc/snailpass/snailpass.env`,
    )
    .action(async (address: string) => {
      const { server, response } = await sendTestEmail(openCommandTargets(command), address)
      info(`${server} accepted the email:`)
      out(response)
    })
}

function listCommand(): Command {
  const command = new Command('list')
    .description('print pending and failed emails')
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
REASON is the last answer of the mail server. \`snailpass mail retry\` takes the
ID of an email.

Example:
  snailpass mail list --data-dir /srv/snailpass`,
    )
    .action(async (options: TableOptions & { json?: true }) => {
      const emails = await listEmails(openCommandTargets(command))
      if (options.json === true) return outJson(emails.map(toJson))
      if (emails.length === 0) info('No pending emails.')
      else printTable(columns, emails, options)
    })
}

function toJson(message: EmailMessageStatus) {
  const { id, kind, state, attempts, nextTime, email, reason, creationTime } = message
  return {
    id,
    kind,
    recipient: email,
    state,
    attempts,
    created: formatJsonTime(creationTime),
    next_attempt: state === 'queued' ? formatJsonTime(nextTime) : null,
    reason,
  }
}

const columns: readonly Column<EmailMessageStatus>[] = [
  { title: 'ID', cell: ({ id }) => id, leaves: 2 },
  { title: 'STATE', cell: ({ state }) => state },
  {
    title: 'NEXT ATTEMPT',
    cell: ({ state, nextTime }) =>
      ({ dead: 'given up', sending: 'now', queued: formatTimestamp(nextTime) })[state],
    leaves: 3,
  },
  { title: 'ATTEMPTS', cell: ({ attempts }) => String(attempts), leaves: 1 },
  { title: 'RECIPIENT', cell: ({ email }) => email },
  { title: 'REASON', cell: ({ reason }) => reason ?? '', leaves: 4, wraps: true },
]

function retryCommand(): Command {
  const command = new Command('retry')
    .description('retry failed emails')
    .argument('[id]', 'id of an email, as in the list')
    .option('--dead', 'retry all emails that were given up')
    .option('--all', 'retry all emails, also those that wait for their next attempt')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
A running server sends them at once. Otherwise they are sent when a server
starts.

Example:
  snailpass mail retry --all`,
    )
    .action(async (id: string | undefined, options: { dead?: true; all?: true }) => {
      const chosen = [id, options.dead, options.all].filter((choice) => choice !== undefined)
      if (chosen.length !== 1) {
        throw new DomainError('invalid', 'name one email to retry, or use --dead or --all', {
          hint: '`snailpass mail list` prints the ids; --dead retries all emails that were given up, --all every email',
        })
      }
      const which = id === undefined ? (options.all === true ? 'all' : 'dead') : { id }
      const count = await retryEmails(openCommandTargets(command), which)
      info(`${formatCount(count, 'email')} will be retried.`)
    })
}
