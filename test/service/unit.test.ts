import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { layoutOf } from '../../src/service/paths'
import { renderUnit } from '../../src/service/unit'
import { temporaryFolder } from '../support/executable'
import { sh } from '../support/release'

const layout = layoutOf({ prefix: null, hasService: true })

describe('the systemd unit', () => {
  test('lets the server write to the folders of the settings, whatever their names contain', () => {
    const text = renderUnit(layout, { folders: [layout.dataDir, '/srv/my "100%" vaults'] })
    expect(text).toContain('\nReadWritePaths="-/srv/my \\"100%%\\" vaults"\nProtectHome=yes\n')
    expect(text).not.toContain(`ReadWritePaths="${layout.dataDir}"`)
    const atHome = renderUnit(layout, { folders: ['/home/ann/vaults'] })
    expect(atHome).toContain('\nReadWritePaths="-/home/ann/vaults"\nProtectHome=read-only\n')
  })

  test('is exactly this, with a folder beside the data folder', () => {
    const text = renderUnit(layout, { folders: [layout.dataDir, '/srv/backups'] })
    expect(
      text,
    ).toBe(`# Written by \`snailpass service install\`, which overwrites it. Make your own changes in
# /etc/snailpass/ or with \`systemctl edit snailpass\`.
[Unit]
Description=SnailPass password server
Wants=network-online.target
After=network-online.target remote-fs.target postgresql.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=/usr/local/bin/snailpass serve --no-create --config /etc/snailpass/snailpass.env
ExecReload=/bin/sh -c 'kill -HUP $$MAINPID'
User=snailpass
Group=snailpass
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=2
TimeoutStartSec=infinity
TimeoutStopSec=20
Environment="XDG_DATA_HOME=/var/lib"
StateDirectory=snailpass
StateDirectoryMode=0700
RuntimeDirectory=snailpass-service
RuntimeDirectoryPreserve=restart
UMask=0077
LimitNOFILE=65536
LimitCORE=0

AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths="-/srv/backups"
ProtectHome=yes
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
`)
  })

  test.each([
    ['/home', 'read-only'],
    ['/home/ann', 'read-only'],
    ['/root/vaults', 'read-only'],
    ['/run/user/1000/vaults', 'read-only'],
    ['/homes/ann', 'yes'],
    ['/rootless', 'yes'],
    ['/run/users', 'yes'],
    ['/srv/home/ann', 'yes'],
  ])('hides homes unless a folder is in one: %s', (folder, protection) => {
    expect(renderUnit(layout, { folders: [folder] })).toContain(`\nProtectHome=${protection}\n`)
  })

  test('escapes each character that has a meaning in a unit', () => {
    const text = renderUnit(layout, { folders: ['/a\\b"c%d', '/e f'] })
    expect(text).toContain(
      '\nReadWritePaths="-/a\\\\b\\"c%%d"\nReadWritePaths="-/e f"\nProtectHome=',
    )
  })

  test('does not forbid the memory that the just-in-time compiler needs', () => {
    const text = renderUnit(layout, { folders: [] })
    expect(text).not.toMatch(/^MemoryDenyWriteExecute/m)
    expect(text).toMatch(/^CapabilityBoundingSet=CAP_NET_BIND_SERVICE$/m)
  })

  test.skipIf(Bun.which('systemd-analyze') === null)(
    'contains nothing that systemd does not understand, and exposes little by its rating',
    async () => {
      using folder = temporaryFolder()
      const path = join(folder.path, 'snailpass.service')
      const text = renderUnit({ ...layout, executable: '/bin/true' }, { folders: [] })
      writeFileSync(path, text)
      // systemd prints a line for all that it does not understand, also for other units of the machine.
      const output = await sh('systemd-analyze verify --man=no "$0" 2>&1', path)
      expect(output.split('\n').filter((line) => line.includes('snailpass'))).toEqual([])
      await sh('systemd-analyze security --offline=yes --threshold=20 --no-pager "$0"', path)
    },
  )
})
