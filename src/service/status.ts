import { accessSync, constants, existsSync } from 'node:fs'
import type { Endpoint } from '../config/listen-address'
import { DomainError } from '../domain/errors'
import type { Layout } from './paths'
import { runProgram } from './process'
import { findReadinessProblem, type ReadinessCheck } from './readiness'
import { type ServiceState, serviceState } from './systemd'
import { requireInstalled } from './uninstall'

export interface InstallationStatus {
  /** What the installed executable prints for `--version`; null if it does not run. */
  readonly version: string | null
  /** Null if systemd does not run the server. */
  readonly service: ServiceState | null
  readonly isReady: boolean
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
  const problem = await findReadinessProblem(endpoints, checkReadiness)
  return { version, service, isReady: problem === null }
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
