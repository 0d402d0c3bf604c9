import { accessSync, constants, existsSync } from 'node:fs'
import type { Endpoint } from '../config/listen-address'
import { DomainError } from '../domain/errors'
import type { Layout } from './paths'
import { runProgram } from './process'
import { isReady } from './readiness'
import { type ServiceState, serviceState } from './systemd'
import { requireInstalled } from './uninstall'

export interface InstallationStatus {
  /** As the installed executable says it; null when it does not run. */
  readonly version: string | null
  /** Null where systemd does not run it. */
  readonly service: ServiceState | null
  readonly isReady: boolean
}

/** Throws `not_found` when nothing is installed, `forbidden` for who may not read the settings. */
export async function readInstallationStatus(
  layout: Layout,
  endpointsOf: (settingsFile: string) => readonly Endpoint[],
): Promise<InstallationStatus> {
  requireInstalled(layout)
  const endpoints = endpointsOf(requireReadable(layout.settingsFile))
  const hasService = layout.unit !== null && existsSync(layout.unit)
  const service = hasService ? await serviceState() : null
  return { version: await versionAt(layout.executable), service, isReady: await isReady(endpoints) }
}

async function versionAt(executable: string): Promise<string | null> {
  if (!existsSync(executable)) return null
  const { code, stdout } = await runProgram(executable, ['--version'])
  return code === 0 ? stdout.trim() : null
}

function requireReadable(path: string): string {
  try {
    accessSync(path, constants.R_OK)
    return path
  } catch (cause) {
    throw new DomainError('forbidden', `you may not read ${path}, which says where it listens`, {
      hint: 'run this with sudo',
      cause,
    })
  }
}
