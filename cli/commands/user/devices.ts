import { Command } from 'commander'
import { withUsers } from '../../../src/app/operations/users'
import type { Device, DeviceKind } from '../../../src/domain/devices'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { formatCell, formatDay, formatJsonTime } from '../../format'
import { longOption, printTable, type TableOptions } from '../../print-table'
import type { Column } from '../../table'
import { info, outJson } from '../../terminal'

/** How a kind is named for people. */
const labels: Readonly<Record<DeviceKind, string>> = {
  android: 'Android client',
  windows: 'Windows client or script',
  chrome: 'Chrome',
  edge: 'Edge',
  firefox: 'Firefox',
  opera: 'Opera',
  safari: 'Safari',
  samsung: 'Samsung Internet',
  other: 'other program',
  unknown: 'unknown',
}

export function devicesCommand(): Command {
  const command = new Command('devices')
    .description('print the devices from which an account was signed in to')
    .argument('<user>', 'email or id')
    .option(...longOption)
    .option('--json', 'print JSON')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
A device is a kind of client in a network: an IPv4 address, or the /64 of an
IPv6 address. Clients of one kind in one network count as one. Sign-ins are
recorded to the day; the first one is not known if it was before the server
recorded it. The last 50 devices are kept. \`snailpass user logout\` signs all of
them out.

Example:
  snailpass user devices you@example.org`,
    )
    .action(async (name: string, options: TableOptions & { json?: true }) => {
      const devices = await withUsers(openCommandTargets(command), (users) =>
        users.listDevices(name),
      )
      if (options.json === true) return outJson(devices.map(toJson))
      if (devices.length === 0) return info('No devices.')
      printTable(columns, devices, options)
    })
}

function toJson({ kind, network, firstTime, lastTime }: Device) {
  return {
    kind,
    network,
    first_seen: firstTime === null ? null : formatJsonTime(firstTime),
    last_seen: formatJsonTime(lastTime),
  }
}

const columns: readonly Column<Device>[] = [
  { title: 'KIND', cell: ({ kind }) => labels[kind] },
  { title: 'NETWORK', cell: ({ network }) => network, leaves: 2 },
  {
    title: 'FIRST SEEN',
    cell: ({ firstTime }) => formatCell(firstTime === null ? null : formatDay(firstTime)),
    leaves: 1,
  },
  { title: 'LAST SEEN', cell: ({ lastTime }) => formatDay(lastTime) },
]
