import { existsSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { parseReportedErrors } from './helper-commands'
import { serviceName } from './paths'
import { runOrThrow, runProgram } from './process'

export interface ServiceState {
  /** systemd's word: `active`, `activating`, `inactive`, `failed` … */
  readonly activeState: string
  /** When the service became active, as systemd prints it; empty for never. */
  readonly since: string
  /** How often systemd has restarted the service by itself. */
  readonly restarts: number
  /** Whether systemd has not yet done what it was last told: the state is that of before. */
  readonly isPending: boolean
  /** What the server has last told systemd: its errors, if it could not start. Empty for nothing. */
  readonly message: string
}

/** Throws `unavailable` unless systemd manages this machine. */
export async function requireSystemd(): Promise<void> {
  // The same test as sd_booted(3).
  if (existsSync('/run/systemd/system')) return
  throw new DomainError('unavailable', 'systemd is not running', {
    hint: 'install with --no-service, and start the server with the init system of this machine',
  })
}

export async function serviceState(): Promise<ServiceState> {
  const names = ['ActiveState', 'ActiveEnterTimestamp', 'NRestarts', 'Job', 'StatusText']
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
    isPending: !['', '0'].includes(value('Job')),
    message: value('StatusText'),
  }
}

/** Returns the errors that the server has last told systemd, each with its hint. */
export function listReportedErrors({ message }: ServiceState): readonly DomainError[] {
  return parseReportedErrors(message.replaceAll(/ (?=(?:error|hint): )/g, '\n'))
}

/** Whether the service runs, or systemd is about to start it or to start it again. */
export function isStarted({ activeState }: ServiceState): boolean {
  return !['', 'inactive', 'failed'].includes(activeState)
}

export async function reloadUnits(): Promise<void> {
  await runOrThrow('systemctl', ['daemon-reload'])
}

/** Begins to start the service. `systemctl start` itself waits until the server is ready, however long a migration takes. */
export async function startService(): Promise<void> {
  // systemd refuses to start a unit of an older version that has failed too often.
  await runProgram('systemctl', ['reset-failed', serviceName])
  await runOrThrow('systemctl', ['start', '--no-block', serviceName])
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

/** Returns the last lines of the service's log; an empty text if they can't be read. */
export async function lastLogLines(): Promise<string> {
  try {
    const options = ['--unit', serviceName, '--lines', '8', '--no-pager', '--output', 'cat']
    const { code, stdout } = await runProgram('journalctl', options)
    return code === 0 ? stdout.trimEnd() : ''
  } catch {
    return ''
  }
}
