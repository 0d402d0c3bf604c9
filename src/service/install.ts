/**
 * Installing the server: an executable, a settings file, a data folder, a system user and a systemd unit; and
 * upgrading it so that a version that does not work is rolled back.
 */
import { existsSync, lchownSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { createExternalFolder } from '../files/external-folder'
import { helperCommandsFor, type InstallContext, type InstallRequest } from './context'
import {
  ensurePrivateFolder,
  ensurePublicFolder,
  findFileText,
  haveSameContent,
  installExecutable,
  linkExecutable,
  translateInstallErrors,
  writeTextFile,
} from './files'
import type { Preflight } from './helper-commands'
import { removeStagingDir, stagingPathsOf } from './journal'
import type { SystemUser } from './process'
import {
  findReadinessProblem,
  hasEphemeralPort,
  requireFreePorts,
  startAndWaitUntilReady,
} from './readiness'
import { recoverInterruptedUpgrade } from './rollback'
import { settleDataFolder } from './same-folders'
import { renderSettingsFile } from './settings-file'
import { createSystemUser, findSystemUser } from './system-user'
import {
  enableService,
  isStarted,
  reloadUnits,
  requireSystemd,
  serviceState,
  stopService,
} from './systemd'
import { renderUnit } from './unit'
import { readUnitEndpoints } from './unit-endpoints'
import {
  describeOverrides,
  listOverridesOfUnit,
  readUnitSettings,
  variablesOfUnit,
} from './unit-settings'
import { upgrade } from './upgrade'

/**
 * Installs the executable, upgrades to it, or repairs what is missing, and starts the service. If it is interrupted,
 * the next call completes or rolls back what it began. Throws a DomainError.
 */
export function install(request: InstallRequest): Promise<Preflight> {
  return translateInstallErrors(async () => {
    await requireSupportedSystem(request)
    const context: InstallContext = {
      ...request,
      systemUser: await ensureSystemUser(request),
      unitVariables: variablesOfUnit(await readUnitSettings(request.layout)),
    }
    prepareFolders(context)
    await settleDataFolder(context)
    await recoverInterruptedUpgrade(context)
    try {
      return await installOrUpgrade(context)
    } finally {
      // An upgrade that is still to be completed or rolled back needs the folder.
      if (!existsSync(stagingPathsOf(request.layout).journal)) removeStagingDir(request.layout)
    }
  })
}

async function requireSupportedSystem({ layout }: InstallRequest): Promise<void> {
  if (process.platform === 'win32') {
    throw new DomainError('unavailable', 'installing a service is not supported on Windows', {
      hint: 'run `snailpass serve` from Task Scheduler, as docs/install.md shows',
    })
  }
  if (layout.user === null) return
  requireRoot()
  if (process.platform !== 'linux') {
    throw new DomainError('unavailable', 'a service needs systemd, which this system lacks', {
      hint: 'install below a folder of your own with --prefix; on macOS, launchd can run the server, as docs/install.md shows',
    })
  }
  if (layout.unit !== null) await requireSystemd()
}

/** Throws `forbidden` unless the process runs as root. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return
  throw new DomainError('forbidden', 'root is required', {
    hint: 'run it with sudo, or install below a folder of your own with --prefix',
  })
}

async function ensureSystemUser({ layout, info }: InstallRequest): Promise<SystemUser | null> {
  if (layout.user === null) return null
  const found = findSystemUser(layout.user)
  if (found !== null) return found
  const created = await createSystemUser(layout.user, layout.dataDir)
  info(`created the system user ${layout.user}`)
  return created
}

/** Creates the folders and the settings file. Existing ones are not changed. */
function prepareFolders({ layout, systemUser, info }: InstallContext): void {
  ensurePrivateFolder(layout.dataDir, systemUser)
  ensurePublicFolder(layout.stagingDir)
  if (existsSync(layout.settingsFile)) return
  // The file may contain passwords. The server may read it, and only root may change it.
  const access =
    systemUser === null ? { mode: 0o600 } : { mode: 0o640, owner: { uid: 0, gid: systemUser.gid } }
  const content = renderSettingsFile(layout.dataDir, { isService: layout.unit !== null })
  writeTextFile(layout.settingsFile, content, access)
  info(`wrote ${layout.settingsFile}`)
}

async function installOrUpgrade(context: InstallContext): Promise<Preflight> {
  const { layout, info } = context
  const { newExecutable } = stagingPathsOf(layout)
  installExecutable(context.program, newExecutable)
  const preflight = await helperCommandsFor(newExecutable, context).preflight()
  if (layout.unit !== null && preflight.endpoints.some(hasEphemeralPort)) {
    throw new DomainError('invalid', 'a service needs a fixed port, and the settings say port 0', {
      hint: `choose a port in ${layout.settingsFile}`,
    })
  }
  requireVisibleFolders(preflight, context)
  if (layout.unit !== null && preflight.isServed && !isStarted(await serviceState())) {
    throw new DomainError('conflict', `a running server is using ${preflight.database}`, {
      hint: 'stop it, and run this again: the service takes its place',
    })
  }
  for (const folder of preflight.folders) await ensureServerFolder(folder, context)
  if (!existsSync(layout.executable)) {
    if (layout.unit !== null) await requireFreePorts(preflight.endpoints)
    linkExecutable(newExecutable, layout.executable)
    info(`installed ${layout.executable}, ${context.version}`)
  } else if (haveSameContent(context.program, layout.executable)) {
    info(`${context.version} is already installed`)
  } else {
    await upgrade(context, preflight)
  }
  if (layout.unit !== null) {
    if (preflight.content === 'nothing') await createDatabase(context, preflight)
    await ensureService(context, layout.unit, preflight)
  }
  return preflight
}

/** The service never creates a database: at a start, a missing one is a loss. */
async function createDatabase(context: InstallContext, { database }: Preflight): Promise<void> {
  await helperCommandsFor(context.layout.executable, context).createDatabase()
  context.info(`created the database ${database}`)
}

/** Throws `invalid` for folders that the service would not share with root's commands: it has a /tmp of its own. */
function requireVisibleFolders(
  { folders }: Preflight,
  { layout: { unit, user, settingsFile } }: InstallContext,
): void {
  if (unit === null || user === null) return
  const hidden = folders.find((folder) => /^\/(?:var\/)?tmp(?:\/|$)/.test(folder))
  if (hidden === undefined) return
  throw new DomainError(
    'invalid',
    `the service would not see ${hidden}: it has a /tmp of its own`,
    {
      hint: `name another folder in ${settingsFile}`,
    },
  )
}

/**
 * Creates a folder that the server writes to. One outside of the data folder may be on a disk that is not mounted, as that of
 * backups, without which the server works.
 */
async function ensureServerFolder(
  path: string,
  { layout, systemUser, info }: InstallContext,
): Promise<void> {
  if (path === layout.dataDir) return ensurePrivateFolder(path, systemUser)
  try {
    if ((await createExternalFolder(path)) && systemUser !== null)
      lchownSync(path, systemUser.uid, systemUser.gid)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    info(`warning: ${error.message}`)
  }
}

/** Writes the unit if it has changed, and restarts the service unless it is ready with an unchanged unit. */
async function ensureService(
  context: InstallContext,
  unit: string,
  preflight: Preflight,
): Promise<void> {
  const text = renderUnit(context.layout, preflight)
  const isNew = findFileText(unit) !== text
  if (isNew) {
    writeTextFile(unit, text, { mode: 0o644 })
    await reloadUnits()
    context.info(`wrote ${unit}`)
  }
  const { endpoints, unitVariables } = await readUnitEndpoints(context, preflight)
  const { settingsFile } = context.layout
  const overrides = listOverridesOfUnit(unitVariables, settingsFile)
  if (overrides.length > 0) context.info(`warning: ${describeOverrides(overrides, settingsFile)}`)
  await enableService()
  const state = await serviceState()
  if (state.activeState === 'active' && !isNew) {
    const problem = await findReadinessProblem(endpoints, context.checkReadiness)
    if (problem === null) return
  }
  // One that has failed may wait for minutes before it starts again.
  if (isStarted(state)) await stopService()
  await requireFreePorts(endpoints)
  await startAndWaitUntilReady(endpoints, context)
  context.info('started the service')
}
