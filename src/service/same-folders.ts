import { appendFileSync, existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { readSettings, type SettingsReport } from '../config/reading'
import { type SettingValues, settingTable } from '../config/settings'
import { formatSettingValue } from '../config/settings-syntax'
import type { Environment } from '../config/values'
import { DomainError } from '../domain/errors'
import { syncFile } from '../files/sync'
import type { InstallContext } from './context'
import { takeOverDataFolder } from './data-folder-owner'
import { type Layout, serviceName } from './paths'
import type { SystemUser } from './process'
import { readUnitSettings } from './unit-settings'

/** The settings that decide which vaults a command works on. */
const locationKeys = ['dataDir', 'database'] as const satisfies readonly (keyof SettingValues)[]

/**
 * Checks that the service and the commands of root work on the same data folder and the same database, and gives the folder to
 * the user of the service if root has created it. Throws `conflict` or `invalid` with what to change. For installations with
 * a system user.
 */
export async function settleDataFolder(context: InstallContext): Promise<void> {
  const { layout, systemUser, info } = context
  if (systemUser === null || layout.user === null) return
  const { settingsFile } = layout
  const ofService = readLocations(settingsFile)
  // The server itself reports invalid settings, with all others.
  if (ofService.error !== null) return
  requireFullPaths(ofService, settingsFile)
  requireSameInShell(ofService, settingsFile)
  await requireSameInUnit(layout)
  const dataDir = dataDirOf(ofService) ?? nameDefault(context, systemUser)
  if (takeOverDataFolder(dataDir, { name: layout.user, user: systemUser }))
    info(`gave ${dataDir} of root to the user ${layout.user}`)
}

function readLocations(file: string): SettingsReport {
  return readSettings({ ...{ environment: {}, flags: {}, file, keys: locationKeys } })
}

/** Returns the data folder that the settings name, null if they name none. */
function dataDirOf({ settings, origins }: SettingsReport): string | null {
  return origins.get('dataDir')?.source === 'default' ? null : settings.dataDir
}

/** The service starts in another folder than root's shell. */
function requireFullPaths({ origins }: SettingsReport, settingsFile: string): void {
  for (const key of locationKeys) {
    const text = origins.get(key)?.text?.reveal()
    const { name, listPaths } = settingTable[key]
    const relative = (text === undefined ? [] : (listPaths?.(text) ?? [])).find(
      (path) => !isAbsolute(path),
    )
    if (relative === undefined) continue
    throw new DomainError(
      'invalid',
      `${name} in ${settingsFile} has the relative path ${relative}`,
      {
        hint: "use the full path: a service starts in another folder than root's commands",
      },
    )
  }
}

/** Throws `conflict` if the settings of a command that root runs in this environment name other data. */
function requireSameInShell(ofService: SettingsReport, settingsFile: string): void {
  const inShell = readSettings({
    ...{ environment: process.env, flags: {}, file: null, keys: locationKeys },
    defaultFile: settingsFile,
  })
  if (isSameData(ofService, inShell)) return
  throw new DomainError(
    'conflict',
    `this shell sets ${listLocationVariables(process.env).join(', ')}, so root's commands would use other data than the service, which reads ${settingsFile}`,
    {
      hint: `set it in ${settingsFile} if it is right, and unset it in the shell and its profile (sudo --preserve-env passes it on)`,
    },
  )
}

/**
 * Throws `conflict` if `systemctl edit` has given the service other data than root's commands, and this installer, see. For
 * installations with a system user.
 */
export async function requireSameInUnit({ settingsFile, unit }: Layout): Promise<void> {
  const ofService = readLocations(settingsFile)
  if (ofService.error !== null) return
  const { environment, flags, file } = await readUnitSettings({ unit })
  const inUnit = readSettings({
    ...{ environment, flags, file: file ?? settingsFile, keys: locationKeys },
  })
  if (isSameData(ofService, inUnit)) return
  const causes = [
    ...listLocationVariables(environment),
    ...(flags.dataDir === undefined ? [] : ['--data-dir']),
    ...(file === null || file === settingsFile ? [] : ['--config']),
  ]
  throw new DomainError(
    'conflict',
    `the unit of the service sets ${causes.join(', ')}, so the service uses other data than root's commands, which read ${settingsFile}`,
    { hint: `set it in ${settingsFile}, and remove it with \`systemctl edit ${serviceName}\`` },
  )
}

function isSameData(one: SettingsReport, other: SettingsReport): boolean {
  const [first, second] = [one, other].map(
    ({ settings, origins }) =>
      `${settings.dataDir}\n${origins.get('database')?.text?.reveal() ?? ''}`,
  )
  return other.error === null && first === second
}

function listLocationVariables(environment: Environment): readonly string[] {
  return Object.keys(environment).filter((name) =>
    /^SNAILPASS_(?:CONFIG|DATA_DIR|DATABASE_UR[LI](?:_FILE)?)$/.test(name),
  )
}

/**
 * Returns the data folder of settings that name none, and has them name it where the unit does not: without a unit, and if it
 * is below the home folder of the user, as it was before, when it has data.
 */
function nameDefault({ layout, info }: InstallContext, { home }: SystemUser): string {
  const { dataDir, settingsFile, unit } = layout
  const old = join(home, '.local', 'share', 'snailpass')
  const hasData = (folder: string) =>
    ['snailpass.db', 'secret.key'].some((name) => existsSync(join(folder, name)))
  const isOld = old !== dataDir && hasData(old)
  if (isOld && hasData(dataDir)) {
    throw new DomainError('conflict', `both ${dataDir} and ${old} contain data of snailpass`, {
      hint: `name the right one with SNAILPASS_DATA_DIR in ${settingsFile}; the service has used ${old}`,
    })
  }
  const chosen = isOld ? old : dataDir
  if (!isOld && unit !== null) return chosen
  appendFileSync(settingsFile, `\nSNAILPASS_DATA_DIR=${formatSettingValue(chosen)}\n`)
  syncFile(settingsFile)
  info(`named the data folder ${chosen} in ${settingsFile}`)
  return chosen
}
