import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DomainError } from '../domain/errors'
import { translateInstallErrors } from './files'
import { requireRoot } from './install'
import { findJournal } from './journal'
import { type Layout, updateFolderOf } from './paths'
import { findSystemUser, removeSystemUser } from './system-user'
import { disableService, reloadUnits } from './systemd'

/**
 * Removes the service and the executable; with `purge` also the settings, the data folder and the system user. Returns
 * the paths that are left. Throws `not_found` if nothing is installed, and `conflict` if an upgrade is unfinished.
 */
export function uninstall(
  layout: Layout,
  { purge, info }: { purge: boolean; info: (line: string) => void },
): Promise<readonly string[]> {
  return translateInstallErrors(async () => {
    if (!(purge && existsSync(layout.dataDir))) requireInstalled(layout)
    if (layout.user !== null) requireRoot()
    if (findJournal(layout) !== null) {
      throw new DomainError('conflict', 'an interrupted upgrade must be completed first', {
        hint: 'run the installer again; then uninstall',
      })
    }
    if (layout.unit !== null && existsSync(layout.unit)) {
      await disableService()
      rmSync(layout.unit)
      await reloadUnits()
      info('stopped and removed the service')
    }
    rmSync(layout.stagingDir, { recursive: true, force: true })
    rmSync(updateFolderOf(layout), { recursive: true, force: true })
    rmSync(layout.executable, { force: true })
    info(`removed ${layout.executable}`)
    if (!purge) return [layout.dataDir, layout.settingsFile].filter((path) => existsSync(path))
    rmSync(layout.dataDir, { recursive: true, force: true })
    rmSync(dirname(layout.settingsFile), { recursive: true, force: true })
    info(`removed ${layout.dataDir} and ${dirname(layout.settingsFile)}`)
    if (layout.user !== null && findSystemUser(layout.user) !== null) {
      await removeSystemUser(layout.user)
      info(`removed the user ${layout.user}`)
    }
    return []
  })
}

/** Whether the executable or the unit exists: an interrupted uninstallation may have left one of them. */
function isInstalled({ executable, unit }: Layout): boolean {
  return existsSync(executable) || (unit !== null && existsSync(unit))
}

/** Throws `not_found` if nothing is installed. */
export function requireInstalled(layout: Layout): void {
  if (isInstalled(layout)) return
  throw new DomainError('not_found', `snailpass is not installed at ${layout.executable}`, {
    hint: 'use --prefix if it was installed below a folder of your own',
  })
}
