import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasMountNamespaces } from './mount-namespace'
import { type ProcessResult, waitForExit } from './wait-for-exit'

/** Whether `runAsRootWithFakeSystemd` works on this system; some containers allow no namespaces. */
export const canFakeSystemd = hasMountNamespaces

/**
 * Runs a shell script as root of a namespace of its own, where /etc, /run, /usr/local and /var/lib are empty, and where
 * `systemctl` is a script that runs the installed unit as one process, `useradd` one that gives the user the id of root.
 * So `service install` does everything that it does on a machine with systemd. `folder` is for files of the test.
 */
export async function runAsRootWithFakeSystemd(
  folder: string,
  script: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessResult> {
  const bin = join(folder, 'fake-bin')
  mkdirSync(bin, { recursive: true })
  for (const [name, text] of Object.entries({ systemctl, useradd })) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}`)
    chmodSync(join(bin, name), 0o755)
  }
  const setUp = `
    for path in /etc /run /usr/local /var/lib; do mount -t tmpfs none $path; done
    mkdir -p /run/systemd/system /etc/systemd/system
    echo 'root:x:0:0:root:/root:/bin/sh' >/etc/passwd
    trap 'systemctl stop' EXIT
  `
  const child = Bun.spawn(
    ['unshare', '--map-root-user', '--mount', 'sh', '-euc', `${setUp}\n${script}`],
    {
      env: { HOME: '/nonexistent', PATH: `${bin}:${process.env['PATH']}`, ...environment },
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  return await waitForExit(child)
}

const useradd = `echo 'snailpass:x:0:0::/var/lib/snailpass:/usr/sbin/nologin' >>/etc/passwd
`

const systemctl = `pid=$(cat /run/service.pid 2>/dev/null)
is_running() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
case "$1" in
  show)
    if is_running; then state=active; else state=inactive; fi
    printf 'ActiveState=%s\\nActiveEnterTimestamp=\\nNRestarts=0\\n' $state ;;
  start)
    setsid $(sed -n 's/^ExecStart=//p' /etc/systemd/system/snailpass.service) \\
      </dev/null >>/run/service.log 2>&1 &
    echo $! >/run/service.pid ;;
  stop)
    if is_running; then
      kill "$pid"
      while is_running; do sleep 0.05; done
    fi ;;
esac
`
