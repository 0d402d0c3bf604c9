/** Subcommands of `snailpass audit`. */
import { Command } from 'commander'
import { type AuditVerification, verifyAudit } from '../../../src/app/operations/audit'
import { DomainError } from '../../../src/domain/errors'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { formatCount } from '../../format'
import { ExitError, exitCodes, info, out, outJson } from '../../terminal'

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('verify that no row of the audit log was changed, added or removed')
    .option('--expect <value>', 'a value from the server log that the audit log must still contain')
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Needs the secret key. Prints the value of the newest row. Works while servers
run.

If the whole database was rolled back to an older state, its audit log is still
consistent. To detect that, use --expect with a value from the log of a server:
servers log the value of the newest row (newest=…) when they start, once a day
and when they stop.

Examples:
  snailpass audit verify
  snailpass audit verify --expect 17:9d0c…`,
    )
    .action(async (options: { expect?: string; json?: true }) => {
      const verification = await verifyAudit(openCommandTargets(command), options.expect ?? null)
      if (options.json === true) {
        const found = toJson(verification)
        outJson(found)
        if (found.status === 'failed') throw new ExitError(exitCodes.failed)
        return
      }
      const { rows, unverified, prunedUpTo, newestValue, expectedStatus } = verification
      for (const part of unverified) info(`${part}.`)
      const problems = problemsOf(verification)
      if (problems.length > 0) {
        throw new DomainError('conflict', ['the audit log failed verification:', ...problems], {
          hint: 'someone may have write access to the database, or its disk is failing. Keep a copy of the database, compare it with the audit log in a backup (`snailpass backup list`) and check who can access the database. The other rows can still be read. To continue with this log, stop the server and run `snailpass audit prune --accept-broken-trail`; the log records that',
        })
      }
      if (expectedStatus === 'pruned' || expectedStatus === 'missing')
        throw notFound(expectedStatus)
      info(`${formatCount(rows, 'row')} verified; ${describePruned(prunedUpTo)}. Newest row:`)
      if (newestValue !== null) out(newestValue)
    })
}

function toJson(verification: AuditVerification) {
  const { rows, prunedUpTo, newestValue, expectedStatus, unverified } = verification
  const problems = problemsOf(verification)
  const isExpected = expectedStatus === null || expectedStatus === 'found'
  return {
    status: problems.length === 0 && isExpected ? 'verified' : 'failed',
    rows,
    pruned_up_to: prunedUpTo === 0 ? null : prunedUpTo,
    newest: newestValue,
    expected: expectedStatus,
    problems,
    notes: unverified,
  }
}

function problemsOf({ problems, recordedBreaks }: AuditVerification): readonly string[] {
  return [...problems, ...recordedBreaks]
}

function notFound(expected: 'pruned' | 'missing'): DomainError {
  if (expected === 'pruned') {
    return new DomainError('conflict', 'that row was pruned and can no longer be checked', {
      hint: 'use a newer value from the server log',
    })
  }
  return new DomainError('conflict', 'that value is not in the audit log', {
    hint: 'either rows were rolled back or replaced, or the log was signed again since then. `key rotate`, `restore`, `copy` and `recreate-db` do that, and `snailpass audit` shows them; a failed upgrade also restores the old database. The log from before a restore is in the backup made by that restore',
  })
}

function describePruned(prunedUpTo: number): string {
  return prunedUpTo === 0 ? 'none pruned' : `rows up to ${prunedUpTo} pruned`
}
