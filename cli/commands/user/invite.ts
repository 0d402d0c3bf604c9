import { Command } from 'commander'
import { type InvitationReport, inviteUser, withUsers } from '../../../src/app/operations/users'
import { mailKeys } from '../../../src/config/settings'
import type { Invitation } from '../../../src/domain/invitation'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { formatJsonTime, formatTimestamp } from '../../format'
import { longOption, printTable, type TableOptions } from '../../print-table'
import type { Column } from '../../table'
import { info, out, outJson } from '../../terminal'

export function inviteCommand(): Command {
  const command = new Command('invite')
    .description('invite an email address to sign up')
    .argument('<email>', 'address to invite')
  return withConfigOptions(command, [
    'dataDir',
    'database',
    'secretKey',
    'listen',
    'signUps',
    'signUpDomains',
    ...mailKeys,
  ])
    .addHelpText(
      'after',
      `
With SNAILPASS_SIGNUPS=invited, an invited address can sign up once. If mail is
set up, the invitation is sent by email; otherwise a text is printed for you to
pass on. Inviting an address again sends another email.

Example:
  snailpass user invite you@example.org`,
    )
    .action(async (email: string) => {
      const targets = openCommandTargets(command)
      const { settings } = targets
      const report = await inviteUser(targets, email)
      info(report.isNew ? `Invited ${report.email}.` : `${report.email} is already invited.`)
      if (settings.signUps === 'open' && settings.signUpDomains.length === 0) {
        info('Note: sign-up is open to everyone (SNAILPASS_SIGNUPS=open).')
      }
      if (report.isMailed)
        info('The invitation is queued to be sent by email: see `snailpass mail list`.')
      else for (const line of instructions(report)) out(line)
    })
}

/** Returns the text that an operator passes on if email is off. */
function instructions({ email, serverUrl }: InvitationReport): readonly string[] {
  return [
    'You are invited to keep your passwords on this SnailPass server:',
    `  ${serverUrl}`,
    'That page explains how to connect your client. Then sign up with exactly this email address:',
    `  ${email}`,
  ]
}

export function uninviteCommand(): Command {
  const command = new Command('uninvite')
    .description('withdraw an invitation, and its email if that is still pending')
    .argument('<email>', 'invited address')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user uninvite you@example.org`,
    )
    .action(async (email: string) => {
      await withUsers(openCommandTargets(command), (users) => users.uninvite(email))
      info(`Withdrew the invitation of ${email}.`)
    })
}

export function invitationsCommand(): Command {
  const command = new Command('invitations')
    .description('print the addresses that are invited and have not signed up')
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user invitations`,
    )
    .action(async (options: TableOptions & { json?: true }) => {
      const found = await withUsers(openCommandTargets(command), (users) => users.listInvitations())
      if (options.json === true) {
        const invitations = found.map(({ email, creationTime }) => ({
          email,
          created: formatJsonTime(creationTime),
        }))
        return outJson(invitations)
      }
      if (found.length === 0) return info('No invitations.')
      printTable(columns, found, options)
    })
}

const columns: readonly Column<Invitation>[] = [
  { title: 'INVITED', cell: ({ creationTime }) => formatTimestamp(creationTime), leaves: 1 },
  { title: 'EMAIL', cell: ({ email }) => email },
]
