import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BunPlugin } from 'bun'

const root = join(import.meta.dir, '..', '..')

/**
 * Builds an executable of a later version, with another version number and one more migration. A file `FAULT` next to the
 * settings file makes it fail: `migration` in the migration; `dies` and `hangs` after the migration, where `hangs` also writes
 * `FAULT.reached`; `dies later` after the migration too, but not in the smoke test. `releaseKeys` are the public keys that it
 * accepts releases of.
 */
export async function buildNextVersion(outfile: string, releaseKeys = ''): Promise<void> {
  mkdirSync(join(outfile, '..'), { recursive: true })
  const built = await Bun.build({
    entrypoints: [join(root, 'cli', 'main.ts')],
    compile: {
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
    minify: true,
    // As in a release: without bytecode each start takes twice as long.
    bytecode: true,
    format: 'esm',
    external: ['file-type'],
    define: {
      BUILD_COMMIT: '"next"',
      BUILD_RELEASE_KEYS: JSON.stringify(releaseKeys),
      'process.env.NODE_ENV': '"production"',
    },
    plugins: [nextVersion],
  })
  if (!built.success) throw new Error(built.logs.join('\n'))
}

export const nextVersionName = '99.0.0 (next, '

const nextVersion: BunPlugin = {
  name: 'next version',
  setup(build) {
    build.onLoad({ filter: /src\/version\.ts$/ }, ({ path }) => ({
      contents: textOf(path).replace(/import \{ version \}.*/, "const version = '99.0.0'"),
    }))
    build.onLoad({ filter: /src\/store\/migrations\/index\.ts$/ }, ({ path }) => ({
      contents: `${withRenamedFunction(path, 'migrationsFor')}
${faultSource}
export function migrationsFor(...args) {
  const up = async (db) => {
    await db.schema.alterTable('users').addColumn('next_version', 'integer').execute()
    if (faultOf() === 'migration') throw new Error('a migration with a fault')
  }
  return { ...migrationsForAsItIs(...args), '9999-next': { up } }
}`,
    }))
    build.onLoad({ filter: /src\/app\/server\/server\.ts$/ }, ({ path }) => ({
      contents: `${withRenamedFunction(path, 'startServer')}
${faultSource}
export async function startServer(deps, ...args) {
  const server = await startServerAsItIs(deps, ...args)
  const fault = faultOf()
  if (fault === 'dies' || (fault === 'dies later' && deps.settings.listen[0]?.port !== 0)) {
    process.kill(process.pid, 'SIGKILL')
  }
  if (fault === 'hangs') {
    try { putText(faultFile + '.reached', '') } catch {}
    await new Promise(() => setInterval(() => {}, 1000))
  }
  return server
}`,
    }))
  },
}

const faultSource = `
import { existsSync as isThere, readFileSync as textAt, writeFileSync as putText } from 'node:fs'
import { dirname as folderOf } from 'node:path'
const faultFile = folderOf(process.argv[process.argv.indexOf('--config') + 1] ?? '') + '/FAULT'
const faultOf = () => (isThere(faultFile) ? textAt(faultFile, 'utf8') : '')`

function textOf(path: string): string {
  return readFileSync(path, 'utf8')
}

/** Returns a file's text with one of its functions renamed, so that a new function can replace and call it. */
function withRenamedFunction(path: string, name: string): string {
  const text = textOf(path)
  const found = text.replace(
    new RegExp(`export (async )?function ${name}\\(`),
    `$1function ${name}AsItIs(`,
  )
  if (found === text) throw new Error(`${path} has no function ${name}`)
  return found
}
