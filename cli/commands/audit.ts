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
import { parseSince } from '../since'
import { formatTable } from '../table'
import { createJsonList, info, out } from '../terminal'
import { verifyCommand } from './audit/verify'

interface AuditOptions {
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
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
The newest row comes last; times are in UTC. When an account signs in from one network several
times within an hour, the first sign-in has its own row; the others share one row with their
count. Works while servers run.

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
      else await printAsTable((each) => readAuditLog(targets, filter, each))
    })
}

type AuditReader = (each: (rows: readonly AuditRow[]) => void) => Promise<void>

/** Wide enough for nearly all values: a page is printed before the next one is read, and its columns should align. */
const header = [
  'TIME'.padEnd(20),
  'KIND'.padEnd(14),
  'COUNT',
  'BY'.padEnd(8),
  'ADDRESS'.padEnd(15),
  'EMAIL'.padEnd(24),
  'DETAIL',
]

async function printAsTable(read: AuditReader): Promise<void> {
  let hasPrinted = false
  await read((rows) => {
    if (rows.length === 0) return
    const lines = formatTable(header, rows.map(rowOf))
    for (const line of hasPrinted ? lines.slice(1) : lines) out(line)
    hasPrinted = true
  })
  if (!hasPrinted) info('No matching rows in the audit log.')
}

function rowOf(row: AuditRow): readonly string[] {
  return [
    formatTimestamp(row.time),
    row.kind,
    String(row.count),
    row.actor,
    formatCell(row.address),
    formatCell(row.email),
    row.detail ?? '',
  ]
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
A running server does this automatically once a day. A signed checkpoint records where the log
begins afterwards: this distinguishes pruned rows from rows that someone else removed. Rows that
fail verification are kept as evidence.

To continue with a log that fails verification, run \`snailpass audit verify\`, keep a copy of the
database, stop the server and run this command with --accept-broken-trail. It signs the log as it
is now and adds a row that records what was wrong.

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
