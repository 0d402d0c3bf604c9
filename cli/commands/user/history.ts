import { Command } from 'commander'
import { withHistory } from '../../../src/app/operations/users'
import { DomainError } from '../../../src/domain/errors'
import { parseVersionNumber, type Version } from '../../../src/domain/versions'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { formatBytes, formatJsonTime, formatTimestamp } from '../../format'
import { longOption, printTable, type TableOptions } from '../../print-table'
import type { Column } from '../../table'
import { info, outJson } from '../../terminal'

export function historyCommand(): Command {
  const command = new Command('history')
    .description('print the former versions of the entries of an account')
    .argument('<user>', 'email or id')
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Prints when each version was kept, the entry, why (replaced or deleted) and its
size, the newest first. The content is encrypted and is not printed. Versions
are kept for 30 days.

Example:
  snailpass user history you@example.org`,
    )
    .action(async (name: string, options: TableOptions & { json?: true }) => {
      const versions = await withHistory(openCommandTargets(command), (history) =>
        history.list(name),
      )
      if (options.json === true) return outJson(versions.map(toJson))
      if (versions.length === 0) return info('No versions.')
      printTable(columns, versions, options)
    })
}

function toJson({ number, time, kind, reason, size, entryId }: Version) {
  return {
    version: number,
    time: formatJsonTime(time),
    kind,
    reason,
    size_bytes: size,
    entry_id: entryId,
  }
}

/** The id of an entry tells people least: clients do not show it. */
const columns: readonly Column<Version>[] = [
  { title: 'VERSION', cell: ({ number }) => String(number) },
  { title: 'TIME', cell: ({ time }) => formatTimestamp(time) },
  { title: 'KIND', cell: ({ kind }) => kind, leaves: 4 },
  { title: 'REASON', cell: ({ reason }) => reason, leaves: 3 },
  { title: 'SIZE', cell: ({ size }) => formatBytes(size), leaves: 2 },
  { title: 'ENTRY', cell: ({ entryId }) => entryId, leaves: 1 },
]

export function restoreEntryCommand(): Command {
  const command = new Command('restore-entry')
    .description('bring back a former version of an entry')
    .argument('<user>', 'email or id')
    .argument('<version>', 'number from `snailpass user history`')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey', 'maxVault', 'history'])
    .addHelpText(
      'after',
      `
The entry gets the content, the fields and the flags that it had. What it is now
becomes a version itself, so this can be undone. An entry that was deleted comes
back, in the trash if it was there. Clients show it the next time that they load
the vault.

Example:
  snailpass user history you@example.org
  snailpass user restore-entry you@example.org 81985529216486`,
    )
    .action(async (name: string, text: string) => {
      const targets = openCommandTargets(command)
      const version = parseVersion(text)
      const { kind, entryId } = await withHistory(targets, (history) =>
        history.restore(name, version),
      )
      info(`Restored ${kind} ${entryId}.`)
    })
}

function parseVersion(text: string): number {
  const number = parseVersionNumber(text)
  if (number !== null) return number
  throw new DomainError('invalid', `"${text}" is not a version`, {
    hint: 'use a number from `snailpass user history`',
  })
}
