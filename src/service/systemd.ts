import { existsSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { serviceName } from './paths'
import { runOrThrow, runProgram } from './process'

export interface ServiceState {
  /** `active`, `activating`, `inactive`, `failed` …, as systemd says it. */
  readonly activeState: string
  /** Since when, as systemd writes it; empty for never. */
  readonly since: string
  readonly restarts: number
}

/** Throws `unavailable` where no systemd runs this machine. */
export async function requireSystemd(): Promise<void> {
  // What sd_booted(3) looks at.
  if (existsSync('/run/systemd/system')) return
  throw new DomainError('unavailable', 'systemd does not run this machine', {
    hint: 'install without a service (--no-service), and have the server started by what runs this machine',
  })
}

export async function serviceState(): Promise<ServiceState> {
  const names = ['ActiveState', 'ActiveEnterTimestamp', 'NRestarts']
  const output = await runOrThrow('systemctl', [
    'show',
    serviceName,
    `--property=${names.join(',')}`,
  ])
  const value = (name: string) =>
    output
      .split('\n')
      .find((line) => line.startsWith(`${name}=`))
      ?.slice(name.length + 1) ?? ''
  return {
    activeState: value('ActiveState'),
    since: value('ActiveEnterTimestamp'),
    restarts: Number(value('NRestarts') || 0),
  }
}

export async function reloadUnits(): Promise<void> {
  await runOrThrow('systemctl', ['daemon-reload'])
}

export async function startService(): Promise<void> {
  // A unit that failed too often is not started otherwise.
  await runProgram('systemctl', ['reset-failed', serviceName])
  await runOrThrow('systemctl', ['start', serviceName])
}

export async function stopService(): Promise<void> {
  await runOrThrow('systemctl', ['stop', serviceName])
}

export async function enableService(): Promise<void> {
  await runOrThrow('systemctl', ['enable', '--quiet', serviceName])
}

export async function disableService(): Promise<void> {
  await runOrThrow('systemctl', ['disable', '--quiet', '--now', serviceName])
}

/** The last lines of the service's log; empty where they can't be had. */
export async function lastLogLines(): Promise<string> {
  try {
    const options = ['--unit', serviceName, '--lines', '8', '--no-pager', '--output', 'cat']
    const { code, stdout } = await runProgram('journalctl', options)
    return code === 0 ? stdout.trimEnd() : ''
  } catch {
    return ''
  }
}
