/** Subcommands of `snailpass user`. */
import { Command } from 'commander'
import { withUsers } from '../../../src/app/operations/users'
import { purgeDelay } from '../../../src/domain/expired-accounts'
import { accountStateOf } from '../../../src/domain/usage'
import type { UserDetails, UserSummary } from '../../../src/domain/user'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { formatBytes, formatCount, formatFields, formatJsonTime, formatTime } from '../../format'
import { longOption, printTable, type TableOptions } from '../../print-table'
import type { Column } from '../../table'
import { info, out, outJson } from '../../terminal'

export function listCommand(): Command {
  const command = new Command('list')
    .description('print all accounts and how much each one stores')
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user list --json`,
    )
    .action(async (options: TableOptions & { json?: true }) => {
      const users = await withUsers(openCommandTargets(command), (rules) => rules.list())
      if (options.json === true) return outJson(users.map(toJson))
      if (users.length === 0) return info('No accounts.')
      printTable(columns, users, options)
    })
}

export function showCommand(): Command {
  const command = new Command('show')
    .description('print one account')
    .argument('<user>', 'email or id')
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Example:
  snailpass user show you@example.org`,
    )
    .action(async (name: string, options: { json?: true }) => {
      const user = await withUsers(openCommandTargets(command), (rules) => rules.require(name))
      if (options.json === true) return outJson(detailsToJson(user))
      for (const line of linesOf(user)) out(line)
    })
}

/** Returns an account for `--json`. Times are ISO 8601 in UTC. */
function toJson(user: UserSummary) {
  return {
    id: user.id,
    email: user.email,
    is_confirmed: user.emailConfirmed,
    is_disabled: user.isDisabled,
    records: user.records,
    notes: user.notes,
    additional_fields: user.additionalFields,
    pending_emails: user.pendingEmails,
    created: formatJsonTime(user.creationTime),
    last_sign_in: user.loginTime === null ? null : formatJsonTime(user.loginTime),
    deleted: user.deletionTime === null ? null : formatJsonTime(user.deletionTime),
  }
}

function detailsToJson(user: UserDetails) {
  const { vaultBytes, history } = user
  return {
    ...toJson(user),
    vault_bytes: vaultBytes,
    history_versions: history.versions,
    history_bytes: history.bytes,
  }
}

const columns: readonly Column<UserSummary>[] = [
  { title: 'EMAIL', cell: ({ email }) => email },
  { title: 'STATE', cell: stateOf },
  { title: 'RECORDS', cell: ({ records }) => String(records), leaves: 3 },
  { title: 'NOTES', cell: ({ notes }) => String(notes), leaves: 2 },
  { title: 'LAST SIGN-IN', cell: formatLastLogin, leaves: 4 },
  { title: 'ID', cell: ({ id }) => id, leaves: 1 },
]

/** Returns everything that an operator can see of an account, one line for each value. */
export function linesOf(user: UserDetails): readonly string[] {
  const { deletionTime } = user
  return formatFields([
    ['email', user.email],
    ['id', user.id],
    ['state', stateOf(user)],
    ...(deletionTime === null
      ? []
      : ([
          ['deleted', formatTime(deletionTime)],
          ['purged', `after ${formatTime(deletionTime + purgeDelay)}`],
        ] as const)),
    ['created', formatTime(user.creationTime)],
    ['last sign-in', formatLastLogin(user)],
    ['records', String(user.records)],
    ['additional fields', String(user.additionalFields)],
    ['notes', String(user.notes)],
    ['vault size', formatBytes(user.vaultBytes)],
    [
      'history',
      `${formatCount(user.history.versions, 'version')}, ${formatBytes(user.history.bytes)}`,
    ],
    ['pending emails', String(user.pendingEmails)],
  ])
}

function stateOf(user: UserSummary): string {
  const state = accountStateOf(user)
  return state === 'deleted' ? `deleted by owner${user.isDisabled ? ', disabled' : ''}` : state
}

function formatLastLogin({ loginTime }: UserSummary): string {
  return loginTime === null ? 'never' : formatTime(loginTime)
}
