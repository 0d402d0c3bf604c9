import type { ServerStatus } from '../src/app/operations/status'
import { formatBytes, formatCount, formatDay, formatTime } from './format'

type Field = readonly [label: string, value: string]

/** Returns in a line whether the server runs. */
export function describeServer({ state, server }: ServerStatus): string {
  if (server === null) return 'SnailPass is not running on this data folder.'
  const doing = state === 'running' ? 'is running' : 'runs, and refuses requests'
  return `SnailPass ${server.version} ${doing}: process ${server.pid}, since ${formatTime(server.startTime)}`
}

/** Returns what `snailpass status` prints of a server. */
export function statusFields(
  { addresses, vaultUrl, database, usage, lastBackup, certificate, freeBytes }: ServerStatus,
  signUps: string,
): readonly Field[] {
  return [
    ...addresses.map((url, index) => [index === 0 ? 'addresses' : '', url] as const),
    ...(vaultUrl === null ? [] : ([['web vault', vaultUrl]] as const)),
    ['database', database],
    ...(usage === null ? [] : [...usageFields(usage), ...backupFields(lastBackup)]),
    ['sign-up', signUps],
    [
      'certificate',
      certificate === null
        ? 'none'
        : `${certificate.mode}, valid until ${formatDay(certificate.expiryTime)}`,
    ],
    ...(freeBytes === null ? [] : ([['disk', `${formatBytes(freeBytes)} free`]] as const)),
  ]
}

/** The time, and below it the file. */
function backupFields(lastBackup: ServerStatus['lastBackup']) {
  if (lastBackup === null) return [['last backup', 'none yet']] as const
  return [
    ['last backup', formatTime(lastBackup.time)],
    ['', lastBackup.path],
  ] as const
}

function usageFields(usage: NonNullable<ServerStatus['usage']>) {
  const { accounts, records, notes, vaultBytes, historyBytes } = usage
  const total = Object.values(accounts).reduce((sum, count) => sum + count, 0)
  const others = (['unconfirmed', 'disabled', 'deleted'] as const)
    .filter((state) => accounts[state] > 0)
    .map((state) => `${accounts[state]} ${state === 'deleted' ? 'deleted by the owner' : state}`)
  return [
    ['accounts', [String(total), ...others].join(', ')],
    [
      'vaults',
      `${formatCount(records, 'record')}, ${formatCount(notes, 'note')}: ${formatBytes(vaultBytes)}, and ${formatBytes(historyBytes)} of history`,
    ],
  ] as const
}
