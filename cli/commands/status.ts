import { Command } from 'commander'
import { readStatus, type ServerStatus } from '../../src/app/operations/status'
import { settingKeys } from '../../src/config/settings'
import { version } from '../../src/version'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { formatFields, formatJsonTime } from '../format'
import { describeServer, statusFields } from '../status-fields'
import { ExitError, exitCodes, info, out, outJson } from '../terminal'

export function statusCommand(): Command {
  const command = new Command('status')
    .description('print whether the server runs, where, and what it stores')
    .option('--json', 'print JSON')
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
Looks at the server of the data folder, and at its database. Exits with 0 if the
server runs and answers, and with 1 if it does not; stderr says what is wrong.
snailpass doctor looks closer.

Examples:
  snailpass status
  snailpass status --json`,
    )
    .action(async (options: { json?: true }) => {
      const targets = openCommandTargets(command)
      const status = await readStatus(targets)
      const { signUps } = targets.settings
      if (options.json === true) outJson(toJson(status, signUps))
      else printForPeople(status, signUps)
      if (status.state !== 'running') throw new ExitError(exitCodes.failed)
    })
}

function printForPeople(status: ServerStatus, signUps: string): void {
  out(describeServer(status))
  for (const line of formatFields(statusFields(status, signUps))) out(`  ${line}`)
  for (const problem of status.problems) info(`error: ${problem}`)
  for (const warning of status.warnings) info(`warning: ${warning}`)
  if (status.problems.length > 0) info('hint: snailpass doctor says what to do')
  else if (status.server === null)
    info('hint: start it with snailpass serve, or as a service with systemctl start snailpass')
}

function toJson(status: ServerStatus, signUps: string) {
  const { server, usage, lastBackup, certificate } = status
  return {
    status: status.state,
    version,
    server: server && {
      pid: server.pid,
      version: server.version,
      started: formatJsonTime(server.startTime),
    },
    addresses: status.addresses,
    web_vault: status.vaultUrl,
    database: status.database,
    accounts: usage?.accounts ?? null,
    vaults: usage && {
      records: usage.records,
      additional_fields: usage.additionalFields,
      notes: usage.notes,
      size_bytes: usage.vaultBytes,
      history_bytes: usage.historyBytes,
    },
    sign_up: signUps,
    last_backup: lastBackup && { file: lastBackup.path, time: formatJsonTime(lastBackup.time) },
    certificate: certificate && {
      mode: certificate.mode,
      expires: formatJsonTime(certificate.expiryTime),
    },
    free_bytes: status.freeBytes,
    problems: status.problems,
    warnings: status.warnings,
  }
}
