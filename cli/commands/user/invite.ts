import { Command } from 'commander'
import { type InvitationReport, inviteUser, withUsers } from '../../../src/app/operations/users'
import { systemRuntime } from '../../../src/app/runtime'
import { mailKeys } from '../../../src/config/settings'
import { loadCommandSettings, withConfigOptions } from '../../config-options'
import { info, out, outJson } from '../../terminal'

export function inviteCommand(): Command {
  const command = new Command('invite')
    .description('let an address sign up although not everybody may')
    .argument('<email>', 'who may')
  return withConfigOptions(command, [
    'dataDir',
    'database',
    'secretKey',
    'listen',
    'signUps',
    'signUpDomains',
    'publicUrl',
    ...mailKeys,
  ])
    .addHelpText(
      'after',
      `
With SNAILPASS_SIGNUPS=invited, an address that was invited can sign up, once. Where mail is set
up, a letter tells it so; else what to pass on is printed. Inviting it again sends another letter.

Example:
  snailpass user invite you@example.org`,
    )
    .action(async (email: string) => {
      const settings = loadCommandSettings(command)
      const report = await inviteUser(settings, systemRuntime, email)
      info(`${report.email} ${report.isNew ? 'may sign up now' : 'was invited before'}.`)
      if (settings.signUps === 'open' && settings.signUpDomains.length === 0) {
        info('Everybody may at present: set SNAILPASS_SIGNUPS=invited if that is not meant.')
      }
      if (report.isMailed) info('A letter to it is on its way: see `snailpass mail list`.')
      else for (const line of instructions(report)) out(line)
    })
}

/** What an operator passes on where no letter says it. */
function instructions({ email, serverUrl }: InvitationReport): readonly string[] {
  return [
    'You are invited to keep your passwords at this SnailPass server:',
    `  ${serverUrl}`,
    'That page says how to enter it into your client. Then sign up with this very email:',
    `  ${email}`,
  ]
}

export function uninviteCommand(): Command {
  const command = new Command('uninvite')
    .description('take an invitation back, with its letter if that still waits')
    .argument('<email>', 'who was invited')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user uninvite you@example.org`,
    )
    .action(async (email: string) => {
      await withUsers(loadCommandSettings(command), systemRuntime, (users) => users.uninvite(email))
      info(`${email} is not invited any more.`)
    })
}

export function invitationsCommand(): Command {
  const command = new Command('invitations')
    .description('print who is invited and has not signed up yet')
    .option('--json', 'print JSON, for scripts')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user invitations`,
    )
    .action(async (options: { json?: true }) => {
      const found = await withUsers(loadCommandSettings(command), systemRuntime, (users) =>
        users.listInvitations(),
      )
      const invitations = found.map(({ email, creationTime }) => ({
        email,
        created: new Date(creationTime).toISOString(),
      }))
      if (options.json === true) return outJson(invitations)
      if (invitations.length === 0) return info('Nobody is invited.')
      for (const { email, created } of invitations) out(`${created}  ${email}`)
    })
}
