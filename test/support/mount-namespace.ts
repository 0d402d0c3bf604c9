import { executable, type ProcessResult, waitForExit } from './executable'

/** Runs as root of namespaces of its own, with whatever it mounts for itself alone. */
const unshare = ['unshare', '--map-root-user', '--mount', 'sh', '-euc']

/** Whether this system lets us make namespaces; some containers don't. */
export const hasMountNamespaces =
  process.platform === 'linux' &&
  Bun.spawnSync([...unshare, 'mount -t tmpfs none /etc'], { stdio: ['ignore', 'ignore', 'ignore'] })
    .exitCode === 0

/**
 * Runs a script of the shell that has an empty `/etc` of its own but for the executable, `/etc/exe`. Nothing of it
 * is left outside.
 */
export async function runWithOwnEtc(script: string): Promise<ProcessResult> {
  const mounts = 'mount -t tmpfs none /etc; touch /etc/exe; mount --bind "$0" /etc/exe; '
  const child = Bun.spawn([...unshare, `${mounts}${script}`, executable], {
    env: { HOME: '/nonexistent', PATH: process.env['PATH'] ?? '' },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return await waitForExit(child)
}
