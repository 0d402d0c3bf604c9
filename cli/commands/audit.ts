import { Command } from 'commander'
import {
  type AuditRow,
  acceptBrokenAudit,
  pruneAudit,
  readAuditLog,
} from '../../src/app/operations/audit'
import { systemRuntime } from '../../src/app/runtime'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { parseSince } from '../since'
import { formatTable } from '../table'
import { info, out } from '../terminal'
import { verifyCommand } from './audit/verify'

interface AuditOptions {
  readonly user?: string
  readonly since?: string
  readonly json?: true
}

export function auditCommand(): Command {
  const command = new Command('audit')
    .description('print who did what when: sign-ins, sign-ups, and what operators did')
    .helpCommand(false)
    .addCommand(verifyCommand())
    .addCommand(pruneCommand())
    .option('--user <user>', 'of one account alone: email or id, also of one that is gone')
    .option('--since <time>', 'from a time on, as 2026-11-24 or 2026-11-24T18:30Z, or 7d, 12h, 30m')
    .option('--json', 'print an array of objects')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
The newest last, in UTC. Of sign-ins of one account from one network, the first within an hour has a
row of its own, and the others are one row with their number. Works while servers run. Each object
of --json has number, time, kind, actor, user, email, address, count and detail.

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
      const settings = loadCommandSettings(command)
      if (options.json === true)
        await printAsJson((each) => readAuditLog(settings, systemRuntime, filter, each))
      else await printAsTable((each) => readAuditLog(settings, systemRuntime, filter, each))
    })
}

type AuditReader = (each: (rows: readonly AuditRow[]) => void) => Promise<void>

/** As wide as nearly all that is in them: a page is laid out before the next one is known. */
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
  let isBegun = false
  await read((rows) => {
    if (rows.length === 0) return
    const lines = formatTable(header, rows.map(rowOf))
    for (const line of isBegun ? lines.slice(1) : lines) out(line)
    isBegun = true
  })
  if (!isBegun) info('There is nothing of that in the audit trail.')
}

function rowOf(row: AuditRow): readonly string[] {
  return [
    timeOf(row).replace(/\.\d+/, ''),
    row.kind,
    String(row.count),
    row.actor,
    row.address ?? '-',
    row.email ?? '-',
    row.detail ?? '',
  ]
}

/** The array is written as it is read: it may be longer than memory. */
async function printAsJson(read: AuditReader): Promise<void> {
  let isBegun = false
  await read((rows) => {
    for (const row of rows) {
      out(`${isBegun ? ',' : '['} ${JSON.stringify(toJson(row))}`)
      isBegun = true
    }
  })
  out(isBegun ? ']' : '[]')
}

function toJson(row: AuditRow) {
  const { number, kind, actor, userId, email, address, count, detail } = row
  return { number, time: timeOf(row), kind, actor, user: userId, email, address, count, detail }
}

/** What somebody else wrote into the database need be no time. */
function timeOf({ time }: AuditRow): string {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time)
}

function pruneCommand(): Command {
  const command = new Command('prune')
    .description('take rows away that are older than SNAILPASS_AUDIT_DAYS')
    .option('--accept-broken-trail', 'go on although the audit trail is not as it was written')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey', 'auditDays'])
    .addHelpText(
      'after',
      `
A server does it once a day by itself. A signed mark stays where the trail begins then, by which
pruned rows are told from rows that somebody took away. Rows that are not as they were written stay,
for they prove it. Look at \`snailpass audit verify\`, keep a copy of the database, stop the server:
--accept-broken-trail signs the trail as it lies there, and a row tells of that and of what was wrong.

Example:
  snailpass audit prune`,
    )
    .action(async ({ acceptBrokenTrail }: { acceptBrokenTrail?: true }) => {
      const settings = loadCommandSettings(command)
      const accepted =
        acceptBrokenTrail === true ? await acceptBrokenAudit(settings, systemRuntime) : []
      for (const problem of accepted) info(`Accepted: ${problem}.`)
      const count = await pruneAudit(settings, systemRuntime)
      info(count === 1 ? '1 row was taken away.' : `${count} rows were taken away.`)
    })
}
