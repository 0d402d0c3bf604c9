import { join, resolve } from 'node:path'

/** Where everything of an installation lies. */
export interface Layout {
  readonly executable: string
  readonly settingsFile: string
  /** Unless the settings name another one. */
  readonly dataDir: string
  /** Holds what an upgrade needs to go back, while one is under way. */
  readonly stagingDir: string
  /** The systemd unit, null where whoever installs it starts the server as well. */
  readonly unit: string | null
  /** The system user that the server runs as, null for the one who installs it. */
  readonly user: string | null
}

export interface InstallLocation {
  /** Everything goes below this folder, for people who are not root. Null: the system's own places. */
  readonly prefix: string | null
  /** Whether systemd runs the server. */
  readonly hasService: boolean
}

/** The name of the unit and of the system user. */
export const serviceName = 'snailpass'

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
