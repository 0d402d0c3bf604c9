import { dirname } from 'node:path'
import type { Layout } from './paths'

/** What the unit must know of the settings. */
export interface UnitOptions {
  /** Folders besides its own that the server writes to. */
  readonly folders: readonly string[]
}

/**
 * The systemd unit (systemd.exec(5)): the server sees the system read-only and can do little else than answer.
 *
 * Not among it: MemoryDenyWriteExecute, for JavaScript is compiled while it runs; ProcSubset, for the memory of
 * the machine is asked there. AF_NETLINK is how a process learns the addresses of its own machine.
 */
export function renderUnit(layout: Layout, { folders }: UnitOptions): string {
  const { executable, settingsFile, user } = layout
  const writable = folders.filter((folder) => folder !== layout.dataDir)
  const hasFolderInHome = writable.some((folder) =>
    /^\/(?:home|root|run\/user)(?:\/|$)/.test(folder),
  )
  return `# Written by \`snailpass service install\`, which writes it anew. Your own changes go into
# ${dirname(settingsFile)}/ or, by \`systemctl edit snailpass\`, into a file beside this one.
[Unit]
Description=SnailPass password server
Wants=network-online.target
After=network-online.target postgresql.service

[Service]
ExecStart=${executable} serve --config ${settingsFile}
User=${user}
Group=${user}
Restart=on-failure
RestartSec=2
TimeoutStopSec=20
StateDirectory=snailpass
StateDirectoryMode=0700
UMask=0077
LimitNOFILE=65536

AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
${writable.map((folder) => `ReadWritePaths=${quote(folder)}\n`).join('')}ProtectHome=${hasFolderInHome ? 'read-only' : 'yes'}
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

/** A path as a word of a unit file, where % begins a specifier. */
function quote(path: string): string {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')
  return `"${escaped}"`
}
