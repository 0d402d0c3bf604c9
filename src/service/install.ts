import { existsSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { helperCommandsFor, type InstallContext, type InstallRequest } from './context'
import {
  ensurePrivateFolder,
  ensurePublicFolder,
  findFileText,
  haveSameContent,
  installExecutable,
  translateInstallErrors,
  writeTextAtomic,
} from './files'
import type { Preflight } from './helper-commands'
import { removeStagingDir, stagingPathsOf } from './journal'
import type { SystemUser } from './process'
import { hasEphemeralPort, isReady, requireFreePorts, startAndWaitUntilReady } from './readiness'
import { recoverInterruptedUpgrade } from './rollback'
import { renderSettingsFile } from './settings-file'
import { createSystemUser, findSystemUser } from './system-user'
import { enableService, reloadUnits, requireSystemd, serviceState, stopService } from './systemd'
import { renderUnit } from './unit'
import { upgrade } from './upgrade'

/**
 * Installs this program, or upgrades to it, or sees that everything of it is in place, and has systemd run it.
 * Interrupted at any point, the next call ends what was begun. Throws a DomainError.
 */
export function install(request: InstallRequest): Promise<Preflight> {
  return translateInstallErrors(async () => {
    await requireSupportedSystem(request)
    const context = { ...request, systemUser: await ensureSystemUser(request) }
    prepareFolders(context)
    await recoverInterruptedUpgrade(context)
    try {
      return await installOrUpgrade(context)
    } finally {
      // Unless it still has something to go back to.
      if (!existsSync(stagingPathsOf(request.layout).journal)) removeStagingDir(request.layout)
    }
  })
}

async function requireSupportedSystem({ layout }: InstallRequest): Promise<void> {
  if (process.platform === 'win32') {
    throw new DomainError('unavailable', 'there is no service on Windows yet', {
      hint: 'run `snailpass serve` by the task scheduler',
    })
  }
  if (layout.user === null) return
  requireRoot()
  if (process.platform !== 'linux') {
    throw new DomainError('unavailable', 'this system has no systemd and no useradd', {
      hint: 'install below a folder of your own with --prefix',
    })
  }
  if (layout.unit !== null) await requireSystemd()
}

/** Throws `forbidden`. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return
  throw new DomainError('forbidden', 'this takes root: it makes a user and a service', {
    hint: 'run it with sudo or, for an installation below a folder of your own, with --prefix',
  })
}

async function ensureSystemUser({ layout, info }: InstallRequest): Promise<SystemUser | null> {
  if (layout.user === null) return null
  const found = findSystemUser(layout.user)
  if (found !== null) return found
  const created = await createSystemUser(layout.user, layout.dataDir)
  info(`made the system user ${layout.user}`)
  return created
}

/** The folders and the settings file; what is there stays. */
function prepareFolders({ layout, systemUser, info }: InstallContext): void {
  ensurePrivateFolder(layout.dataDir, systemUser)
  ensurePublicFolder(layout.stagingDir)
  if (existsSync(layout.settingsFile)) return
  // It may come to hold passwords: the server may read it, and nobody change it but root.
  const mode = systemUser === null ? 0o600 : 0o640
  writeTextAtomic(layout.settingsFile, renderSettingsFile(layout.dataDir), mode, systemUser?.gid)
  info(`wrote ${layout.settingsFile}`)
}

async function installOrUpgrade(context: InstallContext): Promise<Preflight> {
  const { layout, info } = context
  const { newExecutable } = stagingPathsOf(layout)
  installExecutable(context.program, newExecutable)
  const preflight = await helperCommandsFor(newExecutable, context).preflight()
  if (layout.unit !== null && preflight.endpoints.some(hasEphemeralPort)) {
    throw new DomainError('invalid', 'the settings have a service listen on port 0, any free one', {
      hint: `choose a port in ${layout.settingsFile}`,
    })
  }
  for (const folder of preflight.folders) ensurePrivateFolder(folder, context.systemUser)
  if (!existsSync(layout.executable)) {
    if (layout.unit !== null) await requireFreePorts(preflight.endpoints)
    installExecutable(context.program, layout.executable)
    info(`installed ${layout.executable}, ${context.version}`)
  } else if (haveSameContent(context.program, layout.executable)) {
    info(`${context.version} is installed already`)
  } else {
    await upgrade(context, preflight)
  }
  if (layout.unit !== null) await ensureService(context, layout.unit, preflight)
  return preflight
}

async function ensureService(
  context: InstallContext,
  unit: string,
  preflight: Preflight,
): Promise<void> {
  const text = renderUnit(context.layout, preflight)
  const isNew = findFileText(unit) !== text
  if (isNew) {
    writeTextAtomic(unit, text, 0o644)
    await reloadUnits()
    context.info(`wrote ${unit}`)
  }
  await enableService()
  const isRunning = (await serviceState()).activeState === 'active'
  if (isRunning && !isNew && (await isReady(preflight.endpoints))) return
  if (isRunning) await stopService()
  await requireFreePorts(preflight.endpoints)
  await startAndWaitUntilReady(preflight.endpoints, context.readyTimeout, context.wait)
  context.info('started the service')
}
