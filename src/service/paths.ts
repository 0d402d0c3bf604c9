import { dirname, join, resolve } from 'node:path'

/** The paths of an installation. */
export interface Layout {
  readonly executable: string
  readonly settingsFile: string
  /** The default data folder; the settings may name another one. */
  readonly dataDir: string
  /** Exists while an upgrade runs, and holds what a rollback needs. */
  readonly stagingDir: string
  /** The systemd unit; null if systemd does not run the server. */
  readonly unit: string | null
  /** Name of the system user that the server runs as; null for the user who installs it. */
  readonly user: string | null
}

export interface InstallLocation {
  /** Folder below which everything is installed, for users who are not root. Null for the paths of the system. */
  readonly prefix: string | null
  /** Whether systemd runs the server. */
  readonly hasService: boolean
}

/** The name of the systemd unit and of the system user. */
export const serviceName = 'snailpass'

/** Name of the folder below /run in which the service counts its failed starts. */
export const runtimeFolderName = 'snailpass-service'

export function layoutOf({ prefix, hasService }: InstallLocation): Layout {
  if (prefix !== null) {
    const root = resolve(prefix)
    return {
      executable: join(root, 'bin', 'snailpass'),
      settingsFile: join(root, 'etc', 'snailpass', 'snailpass.env'),
      dataDir: join(root, 'var', 'lib', 'snailpass'),
      stagingDir: join(root, 'lib', 'snailpass'),
      unit: null,
      user: null,
    }
  }
  return {
    executable: '/usr/local/bin/snailpass',
    settingsFile: '/etc/snailpass/snailpass.env',
    dataDir: '/var/lib/snailpass',
    stagingDir: '/usr/local/lib/snailpass',
    unit: hasService ? `/etc/systemd/system/${serviceName}.service` : null,
    user: serviceName,
  }
}

/** Returns the folder that has the downloaded release while `snailpass update` runs. An upgrade removes `stagingDir` itself. */
export function updateFolderOf({ stagingDir }: Pick<Layout, 'stagingDir'>): string {
  return `${stagingDir}-update`
}

/**
 * Returns the variables of programs that run as the user of the service. The default data folder is that of root then, not one
 * below the home folder of the user.
 */
export function serviceEnvironment({
  dataDir,
}: Pick<Layout, 'dataDir'>): Readonly<Record<string, string>> {
  return { XDG_DATA_HOME: dirname(dataDir) }
}
