import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

/** A file in a folder of its own, removed when the test's `using` ends. */
export function createTemporaryFile(
  text: string | Uint8Array,
  mode = 0o600,
): Disposable & { readonly path: string } {
  const folder = temporaryFolder()
  const path = join(folder.path, 'snailpass.env')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return { path, [Symbol.dispose]: folder[Symbol.dispose] }
}
