import { join } from 'node:path'
import { waitForExit } from './wait-for-exit'

const root = join(import.meta.dir, '..', '..')

/** Runs the release script for one target, without keys, with a umask and a time zone. Returns what it says; throws it if it fails. */
export async function buildRelease(
  target: string,
  into: string,
  { umask, zone }: { umask: string; zone: string },
): Promise<string> {
  return await sh(
    `umask ${umask} && exec ./scripts/release.sh --only ${target} --into "$0" 2>&1`,
    into,
    {
      TZ: zone,
      RELEASE_KEYS: '',
      // What gzip reads further options from. To compress well takes a fifth of the build's time, twice.
      GZIP: '-1',
    },
  )
}

/** Runs a line of shell in the checkout, with `argument` as its `$0`. Returns its stdout, and throws all output if it fails. */
export async function sh(
  line: string,
  argument: string,
  environment: Record<string, string> = {},
): Promise<string> {
  const child = Bun.spawn(['bash', '-c', line, argument], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const { stdout, stderr, code } = await waitForExit(child)
  if (code !== 0) throw new Error(`${line}: ${code}\n${stdout}${stderr}`)
  return stdout
}
