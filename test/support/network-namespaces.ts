import { join } from 'node:path'
import { executable } from './executable'
import { type ProcessResult, waitForExit } from './wait-for-exit'

/** Runs a shell as root of its own namespaces, with an isolated network. */
const unshare = ['unshare', '--map-root-user', '--net', 'sh', '-euc']

/** Whether this system allows network namespaces; some containers don't. */
export const hasNetworkNamespaces =
  process.platform === 'linux' &&
  Bun.spawnSync([...unshare, 'ip link add here type veth peer name there'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  }).exitCode === 0

/**
 * Runs a shell script on the first of two hosts on an isolated network: 10.77.0.1 (`here`) and 10.77.0.2 (`there`). In it,
 * `there COMMAND` runs a command on the second host, `neighbour` runs test/support/neighbour.ts there, and `serve` runs the
 * executable on port 5000 with this data folder.
 */
export async function runOnTwoHosts(dataDir: string, script: string): Promise<ProcessResult> {
  const network = `
    unshare --net sleep 60 & other=$!
    trap 'kill $other' EXIT
    while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    there() { nsenter --net=/proc/$other/ns/net "$@"; }
    neighbour() { there "$BUN" "$NEIGHBOUR" "$@"; }
    serve() { exec "$SNAILPASS" serve --listen 0.0.0.0:5000; }
    ip link set lo up
    ip link add here type veth peer name there
    ip link set there netns $other
    ip addr add 10.77.0.1/24 dev here
    there ip addr add 10.77.0.2/24 dev there
    ip link set here up
    there ip link set there up
  `
  const child = Bun.spawn([...unshare, network + script], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: '/nonexistent',
      // Root can create that folder, and Bun would keep its cache there.
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
      BUN: process.execPath,
      NEIGHBOUR: join(import.meta.dir, 'neighbour.ts'),
      SNAILPASS: executable,
      SNAILPASS_CONFIG: '/dev/null',
      SNAILPASS_DATA_DIR: dataDir,
      SNAILPASS_MDNS: 'yes',
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return await waitForExit(child)
}
