import { executable } from './executable'
import { type ProcessResult, waitForExit } from './wait-for-exit'

/** Runs a shell as root of its own namespaces. Its mounts are not visible outside. */
const unshare = ['unshare', '--map-root-user', '--mount', 'sh', '-euc']

/** Whether this system allows mount namespaces; some containers don't. */
export const hasMountNamespaces =
  process.platform === 'linux' &&
  Bun.spawnSync([...unshare, 'mount -t tmpfs none /etc'], { stdio: ['ignore', 'ignore', 'ignore'] })
    .exitCode === 0

/** Runs a shell script whose `/etc` contains only the executable, `/etc/exe`. Changes to it are not visible outside. */
export async function runWithOwnEtc(script: string): Promise<ProcessResult> {
  const mounts = 'mount -t tmpfs none /etc; touch /etc/exe; mount --bind "$0" /etc/exe; '
  return await runInNamespace([`${mounts}${script}`, executable])
}

/** Runs a command of the executable after a shell script, whose mounts are not visible outside. */
export async function runMounted(script: string, args: readonly string[]): Promise<ProcessResult> {
  const shell = [`${script}; exec "$0" "$@"`, executable, ...args]
  return await runInNamespace(shell, { SNAILPASS_CONFIG: '/dev/null' })
}

async function runInNamespace(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessResult> {
  const child = Bun.spawn([...unshare, ...args], {
    env: {
      HOME: '/nonexistent',
      PATH: process.env['PATH'] ?? '',
      // Bun would create that folder for its cache.
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
      ...environment,
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return await waitForExit(child)
}
