import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'

/** A file of the web vault as it lies in the executable. */
export interface BuiltFile {
  /** base64 of the file, compressed with Brotli. */
  readonly brotli: string
  /** SHA-256 of the file itself, in base64. */
  readonly sha256: string
}

/**
 * Builds the web vault. Called as a macro, so it runs when the executable is built, or a test begins, and leaves only its result.
 * The build is another process, since Bun refuses `Bun.build` within a macro.
 */
export function buildVault(): { readonly script: BuiltFile; readonly style: BuiltFile } {
  return { script: buildFile('main.tsx'), style: buildFile('style.css') }
}

function buildFile(entry: string): BuiltFile {
  const built = Bun.spawnSync([
    ...[process.execPath, 'build', '--target=browser', '--production', '--minify'],
    join(import.meta.dir, 'vault', entry),
  ])
  if (!built.success) throw new Error(`can't build ${entry}: ${built.stderr.toString()}`)
  return {
    brotli: brotliCompressSync(built.stdout).toString('base64'),
    sha256: createHash('sha256').update(built.stdout).digest('base64'),
  }
}
