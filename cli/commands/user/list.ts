import { Command } from 'commander'
import { withUsers } from '../../../src/app/operations/users'
import { systemRuntime } from '../../../src/app/runtime'
import type { UserSummary } from '../../../src/domain/user'
import { loadCommandSettings, withConfigOptions } from '../../config-options'
import { formatTable } from '../../table'
import { info, out, outJson } from '../../terminal'

export function listCommand(): Command {
  const command = new Command('list')
    .description('print every account, and how much it holds')
    .option('--json', 'print JSON, for scripts')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user list --json`,
    )
    .action(async (options: { json?: true }) => {
      const users = await withUsers(loadCommandSettings(command), systemRuntime, (rules) =>
        rules.list(),
      )
      if (options.json === true) return outJson(users.map(toJson))
      if (users.length === 0) return info('There is no account.')
      const header = ['EMAIL', 'STATE', 'RECORDS', 'NOTES', 'LAST LOGIN', 'ID']
      for (const line of formatTable(header, users.map(rowOf))) out(line)
    })
}

export function showCommand(): Command {
  const command = new Command('show')
    .description('print what is known of one account')
    .argument('<user>', 'email or id')
    .option('--json', 'print JSON, for scripts')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user show you@example.org`,
    )
    .action(async (name: string, options: { json?: true }) => {
      const user = await withUsers(loadCommandSettings(command), systemRuntime, (rules) =>
        rules.require(name),
      )
      if (options.json === true) return outJson(toJson(user))
      for (const line of linesOf(user)) out(line)
    })
}

/** How much an account holds, as a script reads it. Times are ISO 8601 in UTC. */
function toJson(user: UserSummary) {
  return {
    id: user.id,
    email: user.email,
    confirmed: user.emailConfirmed,
    disabled: user.isDisabled,
    records: user.records,
    notes: user.notes,
    additional_fields: user.additionalFields,
    letters: user.pendingEmails,
    created: new Date(user.creationTime).toISOString(),
    last_login: user.loginTime === null ? null : new Date(user.loginTime).toISOString(),
  }
}

function rowOf(user: UserSummary): readonly string[] {
  return [
    user.email,
    stateOf(user),
    String(user.records),
    String(user.notes),
    loginOf(user),
    user.id,
  ]
}

/** All that an operator may know of an account, a line each. */
export function linesOf(user: UserSummary): readonly string[] {
  const lines = [
    ['email', user.email],
    ['id', user.id],
    ['state', stateOf(user)],
    ['made', timeOf(user.creationTime)],
    ['last login', loginOf(user)],
    ['records', String(user.records)],
    ['additional fields', String(user.additionalFields)],
    ['notes', String(user.notes)],
    ['letters that wait', String(user.pendingEmails)],
  ] as const
  return lines.map(([label, value]) => `${label.padEnd(19)}${value}`)
}

function stateOf(user: UserSummary): string {
  if (user.isDisabled) return 'disabled'
  return user.emailConfirmed ? 'confirmed' : 'unconfirmed'
}

function loginOf({ loginTime }: UserSummary): string {
  return loginTime === null ? 'never' : timeOf(loginTime)
}

function timeOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
