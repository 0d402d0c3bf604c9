import { accessSync, constants, existsSync } from 'node:fs'
import type { Endpoint } from '../config/listen-address'
import { DomainError } from '../domain/errors'
import type { Layout } from './paths'
import { runProgram } from './process'
import { findReadinessProblem, type ReadinessCheck } from './readiness'
import { lastLogLines, listReportedErrors, type ServiceState, serviceState } from './systemd'
import { requireInstalled } from './uninstall'

export interface InstallationStatus {
  /** What the installed executable prints for `--version`; null if it does not run. */
  readonly version: string | null
  /** Null if systemd does not run the server. */
  readonly service: ServiceState | null
  readonly isReady: boolean
  /** Why the server is not ready, as it or systemd says; empty if it is ready, or if nothing is known. */
  readonly problems: readonly DomainError[]
}

/**
 * Returns the status of an installation. Throws `not_found` if nothing is installed, and `forbidden` if the user may
 * not read the settings.
 */
export async function readInstallationStatus(
  layout: Layout,
  {
    endpointsOf,
    checkReadiness,
  }: {
    /** Returns the endpoints that a settings file names. */
    readonly endpointsOf: (settingsFile: string) => readonly Endpoint[]
    readonly checkReadiness: ReadinessCheck
  },
): Promise<InstallationStatus> {
  requireInstalled(layout)
  const endpoints = endpointsOf(requireReadable(layout.settingsFile))
  const hasService = layout.unit !== null && existsSync(layout.unit)
  const service = hasService ? await serviceState() : null
  const version = await findVersion(layout.executable)
  const isReady = (await findReadinessProblem(endpoints, checkReadiness)) === null
  const problems = isReady || service === null ? [] : await problemsOf(service)
  return { version, service, isReady, problems }
}

/** Returns what the server has told systemd. If it could not even begin, returns the last lines of the log. */
async function problemsOf(service: ServiceState): Promise<readonly DomainError[]> {
  const reported = listReportedErrors(service)
  if (reported.length > 0) return reported
  const lines = await lastLogLines()
  return lines === ''
    ? []
    : [new DomainError('unavailable', ['the log ends with:', ...lines.split('\n')])]
}

async function findVersion(executable: string): Promise<string | null> {
  if (!existsSync(executable)) return null
  const { code, stdout } = await runProgram(executable, ['--version'])
  return code === 0 ? stdout.trim() : null
}

function requireReadable(path: string): string {
  try {
    accessSync(path, constants.R_OK)
    return path
  } catch (cause) {
    throw new DomainError('forbidden', `can't read ${path}, which names the server's addresses`, {
      hint: 'run this with sudo',
      cause,
    })
  }
}
