import { Command } from 'commander'
import { verifyAudit } from '../../../src/app/operations/audit'
import { systemRuntime } from '../../../src/app/runtime'
import { DomainError } from '../../../src/domain/errors'
import { loadCommandSettings, withConfigOptions } from '../../config-options'
import { info, out } from '../../terminal'

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('prove that no row of the audit trail was changed, put in or taken away')
    .option('--expect <value>', 'a value of the log, which must still be in the trail')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Needs the secret key. Prints the value of the newest row. A whole database that was rolled back to
an older state is whole in itself: to see that, give --expect a value that a server wrote to its log
("newest row", at its start, every day and at its end). Works while servers run.

Examples:
  snailpass audit verify
  snailpass audit verify --expect 17:9d0c…`,
    )
    .action(async (options: { expect?: string }) => {
      const verification = await verifyAudit(
        loadCommandSettings(command),
        systemRuntime,
        options.expect ?? null,
      )
      const { rows, unverified, prunedUpTo, newestValue, expectedStatus } = verification
      for (const each of unverified) info(`${each}.`)
      const problems = [...verification.problems, ...verification.recordedBreaks]
      if (problems.length > 0) {
        throw new DomainError(
          'conflict',
          `the audit trail is not as it was written:\n${problems.join('\n')}`,
          {
            hint: 'somebody may have had write access to the database, or its disk fails: keep a copy of it, compare with the trail in an archive (`snailpass backup list`), and see who can reach the database. The rest of the trail can be read all the same. `snailpass audit prune --accept-broken-trail`, with the server stopped, goes on with it as it is, and the trail tells of that',
          },
        )
      }
      if (expectedStatus === 'pruned' || expectedStatus === 'missing')
        throw notFound(expectedStatus)
      info(
        `${rows === 1 ? '1 row' : `${rows} rows`}, verified; ${whatWasPruned(prunedUpTo)}. The newest:`,
      )
      if (newestValue !== null) out(newestValue)
    })
}

function notFound(expected: 'pruned' | 'missing'): DomainError {
  if (expected === 'pruned') {
    return new DomainError('conflict', 'that row was pruned: nothing can be said of it any more', {
      hint: 'take a newer value from the log',
    })
  }
  return new DomainError('conflict', 'that value is not in the audit trail', {
    hint: 'either rows were rolled back or replaced, or the trail was signed anew since: by `key rotate`, `restore`, `copy` or `recreate-db`, which stand in `snailpass audit`; an upgrade that failed puts the database back, too. The trail from before a restore is in its safety archive',
  })
}

function whatWasPruned(pruned: number): string {
  return pruned === 0 ? 'none was pruned' : `those up to ${pruned} were pruned`
}
