import { existsSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { DomainError } from '../domain/errors'
import { type InstallLocation, type Layout, layoutOf } from './paths'

/** An installation, and how `service install` is told about it. */
export interface Installation {
  readonly layout: Layout
  readonly location: InstallLocation
}

/**
 * Returns the installation that an executable belongs to: that of the system, or one below a folder. Throws `unavailable` if
 * `service install` has not installed the executable.
 */
export function requireInstallation(executable: string): Installation {
  if (process.platform === 'win32') {
    throw new DomainError('unavailable', 'updating is not supported on Windows', {
      hint: [
        '`snailpass update --check` tells whether there is a newer release',
        'to install it, see "On Windows" in docs/install.md',
      ],
    })
  }
  const prefix = dirname(dirname(executable))
  const found = [null, prefix]
    .map((folder) => layoutOf({ prefix: folder, hasService: true }))
    .find(
      ({ executable: path, settingsFile }) => isSame(path, executable) && existsSync(settingsFile),
    )
  if (found === undefined) {
    throw new DomainError(
      'unavailable',
      `${executable} was not installed by \`snailpass service install\` or install.sh`,
      {
        hint: [
          'run the installed snailpass; or replace this one with that of the newest release, after you have verified it: see "Upgrade" in docs/install.md',
          '`snailpass update --check` tells whether there is a newer release',
        ],
      },
    )
  }
  const isOfSystem = found.user !== null
  const hasService = found.unit !== null && existsSync(found.unit)
  const location = { prefix: isOfSystem ? null : prefix, hasService }
  return { layout: layoutOf(location), location }
}

function isSame(path: string, executable: string): boolean {
  return existsSync(path) && realpathSync(path) === realpathSync(executable)
}
