/** The servers that are compared: the builds of SnailPass, and bare Bun. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningServer, serve } from '../../test/support/executable'
import { freePort } from '../../test/support/free-port'
import { until } from '../../test/support/until'
import type { BareConfig } from './bare'
import { onServerCore, runToolAsync } from './machine'

/** What all measurements need. */
export interface Bench {
  /** Paths of the executables that are compared. */
  readonly builds: readonly string[]
  /** Path of bare Bun as an executable. */
  readonly bare: string
  /** A folder on a disk, for what the servers store. */
  readonly folder: string
  readonly rounds: number
}

/** Lets vaults grow by what a load creates, and sessions last as long as all rounds. */
const environment = { SNAILPASS_MAX_VAULT: '99 GB', SNAILPASS_TOKEN_SECONDS: '86400' }

/** Creates a folder in `parent`, removed when `using` ends. */
export function createFolderIn(parent: string): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(parent, 'snailpass-bench-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Compiles bare Bun as the executable is compiled, and returns its path. */
export async function compileBare(folder: string): Promise<string> {
  const path = join(folder, 'bare')
  await runToolAsync(
    ...[process.execPath, 'build', join(import.meta.dir, 'bare.ts'), '--compile'],
    ...['--outfile', path, '--production', '--minify', '--bytecode', '--format=esm'],
    ...['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'],
  )
  return path
}

/** Starts a build on core 0, over plain HTTP. */
export function startBuild(
  executable: string,
  dataDir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  return serve(dataDir, { ...environment, ...settings }, [], [...onServerCore, executable])
}

export interface BareServer extends AsyncDisposable {
  readonly url: URL
}

/** Starts bare Bun on core 0, with the answers that it has to give. */
export async function startBare(
  bench: Bench,
  config: Pick<BareConfig, 'answers' | 'database'>,
): Promise<BareServer> {
  const port = freePort()
  const child = spawnBare(bench, { ...config, port, https: null })
  const url = new URL(`http://127.0.0.1:${port}/`)
  await until(
    () =>
      fetch(url).then(
        () => true,
        () => null,
      ),
    'bare Bun to answer',
  )
  return { url, [Symbol.asyncDispose]: () => end(child) }
}

/** Starts bare Bun on core 0, and does not wait for it. */
export function spawnBare({ bare, folder }: Bench, config: BareConfig) {
  const file = join(folder, `bare-${config.port}.json`)
  writeFileSync(file, JSON.stringify(config))
  return Bun.spawn([...onServerCore, bare, file], { stdout: 'inherit', stderr: 'inherit' })
}

/** Ends a server as its operator would. */
export async function end(child: Bun.Subprocess): Promise<void> {
  child.kill()
  await child.exited
}
