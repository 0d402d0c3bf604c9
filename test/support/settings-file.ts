import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

/** Creates a file in a folder of its own, which is removed when the `using` of the test ends. */
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
