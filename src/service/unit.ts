import { dirname } from 'node:path'
import { type Layout, runtimeFolderName, serviceEnvironment } from './paths'

/** What the unit needs from the settings. */
export interface UnitOptions {
  /** Folders that the server writes to. */
  readonly folders: readonly string[]
}

/**
 * Returns the systemd unit (systemd.exec(5)). It confines the server: the system is read-only to it, apart from its
 * own folders.
 *
 * A folder may be missing when the service starts, since its disk is unplugged: `-` lets the service start without it.
 *
 * systemd restarts the service for ever. The pauses grow because the server waits before it ends: RestartSteps= exists from
 * systemd 254 on, and Debian 12 has 252. Exit code 2 means invalid settings, which no restart corrects. The start may take
 * as long as a migration does. XDG_DATA_HOME gives the server the default data folder of root, which root's commands use.
 *
 * Two protections can't be used. MemoryDenyWriteExecute would stop the just-in-time compiler, and ProcSubset would hide
 * how much memory the machine has. AF_NETLINK is needed to list the machine's own addresses.
 */
export function renderUnit(layout: Layout, { folders }: UnitOptions): string {
  const { executable, settingsFile, user } = layout
  const writable = folders.filter((folder) => folder !== layout.dataDir)
  const environment = Object.entries(serviceEnvironment(layout)).map((entry) => entry.join('='))
  const hasFolderInHome = writable.some((folder) =>
    /^\/(?:home|root|run\/user)(?:\/|$)/.test(folder),
  )
  return `# Written by \`snailpass service install\`, which overwrites it. Make your own changes in
# ${dirname(settingsFile)}/ or with \`systemctl edit snailpass\`.
[Unit]
Description=SnailPass password server
Wants=network-online.target
After=network-online.target remote-fs.target postgresql.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=${executable} serve --no-create --config ${settingsFile}
ExecReload=/bin/sh -c 'kill -HUP $$MAINPID'
User=${user}
Group=${user}
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=2
TimeoutStartSec=infinity
TimeoutStopSec=20
${environment.map((assignment) => `Environment=${quote(assignment)}\n`).join('')}StateDirectory=snailpass
StateDirectoryMode=0700
RuntimeDirectory=${runtimeFolderName}
RuntimeDirectoryPreserve=restart
UMask=0077
LimitNOFILE=65536
LimitCORE=0

AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
${writable.map((folder) => `ReadWritePaths=${quote(`-${folder}`)}\n`).join('')}ProtectHome=${hasFolderInHome ? 'read-only' : 'yes'}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
`
}

/** Quotes a word for a unit file, where % starts a specifier. */
function quote(word: string): string {
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')
  return `"${escaped}"`
}
