import { Command } from 'commander'
import {
  type AuditRow,
  acceptBrokenAudit,
  pruneAudit,
  readAuditLog,
} from '../../src/app/operations/audit'
import { systemRuntime } from '../../src/app/runtime'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { formatCell, formatCount, formatJsonTime, formatTimestamp } from '../format'
import { createTablePrinter, longOption, type TableOptions } from '../print-table'
import { parseSince } from '../since'
import type { Column } from '../table'
import { createJsonList, info } from '../terminal'
import { verifyCommand } from './audit/verify'

interface AuditOptions extends TableOptions {
  readonly user?: string
  readonly since?: string
  readonly json?: true
}

export function auditCommand(): Command {
  const command = new Command('audit')
    .description('print the audit log: sign-ins, sign-ups and operator actions')
    .helpCommand(false)
    .addCommand(verifyCommand())
    .addCommand(pruneCommand())
    .option('--user <user>', 'only rows of one account: email or id, also of a deleted account')
    .option(
      '--since <time>',
      'only rows since a time (2026-11-24, 2026-11-24T18:30Z) or of the last 7d, 12h, 30m',
    )
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
The newest row comes last; times are in UTC. When an account signs in from one
network several times within an hour, the first sign-in has its own row; the
others share one row with their count. Works while servers run.

Examples:
  snailpass audit --since 7d
  snailpass audit --user you@example.org --json`,
    )
    .action(async (options: AuditOptions) => {
      const { user = null, since } = options
      const filter = {
        user,
        since: since === undefined ? null : parseSince(since, systemRuntime.clock),
      }
      const targets = openCommandTargets(command)
      if (options.json === true) await printAsJson((each) => readAuditLog(targets, filter, each))
      else await printAsTable((each) => readAuditLog(targets, filter, each), options)
    })
}

type AuditReader = (each: (rows: readonly AuditRow[]) => void) => Promise<void>

/** Wide enough for nearly all values: a page is printed before the next one is read, and its columns should align. */
const columns: readonly Column<AuditRow>[] = [
  { title: 'TIME', cell: ({ time }) => formatTimestamp(time), minWidth: 20 },
  { title: 'KIND', cell: ({ kind }) => kind, minWidth: 14 },
  { title: 'COUNT', cell: ({ count }) => String(count), leaves: 1 },
  { title: 'BY', cell: ({ actor }) => actor, minWidth: 8, leaves: 2 },
  { title: 'ADDRESS', cell: ({ address }) => formatCell(address), minWidth: 15, leaves: 3 },
  { title: 'EMAIL', cell: ({ email }) => formatCell(email), minWidth: 24 },
  { title: 'DETAIL', cell: ({ detail }) => detail ?? '', leaves: 4, wraps: true },
]

async function printAsTable(read: AuditReader, options: TableOptions): Promise<void> {
  const printer = createTablePrinter(columns, options)
  let hasPrinted = false
  await read((rows) => {
    if (rows.length === 0) return
    printer.print(rows)
    hasPrinted = true
  })
  printer.end()
  if (!hasPrinted) info('No matching rows in the audit log.')
}

/** Prints each page as it is read: the whole log may not fit into memory. */
async function printAsJson(read: AuditReader): Promise<void> {
  const list = createJsonList()
  await read((rows) => {
    for (const row of rows) list.add(toJson(row))
  })
  list.end()
}

function toJson({ number, time, kind, actor, userId, email, address, count, detail }: AuditRow) {
  return {
    number,
    time: formatJsonTime(time),
    kind,
    actor,
    user_id: userId,
    email,
    address,
    count,
    detail,
  }
}

function pruneCommand(): Command {
  const command = new Command('prune')
    .description('remove rows that are older than SNAILPASS_AUDIT_DAYS')
    .option('--accept-broken-trail', 'continue even if the audit log fails verification')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey', 'auditDays'])
    .addHelpText(
      'after',
      `
A running server does this automatically once a day. A signed checkpoint records
where the log begins afterwards: this distinguishes pruned rows from rows that
someone else removed. Rows that fail verification are kept as evidence.

To continue with a log that fails verification, run \`snailpass audit verify\`,
keep a copy of the database, stop the server and run this command with
--accept-broken-trail. It signs the log as it is now and adds a row that records
what was wrong.

Example:
  snailpass audit prune`,
    )
    .action(async ({ acceptBrokenTrail }: { acceptBrokenTrail?: true }) => {
      const targets = openCommandTargets(command)
      const accepted = acceptBrokenTrail === true ? await acceptBrokenAudit(targets) : []
      for (const problem of accepted) info(`Accepted: ${problem}.`)
      const count = await pruneAudit(targets)
      info(`Removed ${formatCount(count, 'row')}.`)
    })
}
