import { chmodSync, cpSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

/** What version 0.1.0 left; its README says how it was made. */
export const writtenByFirstVersion = join(import.meta.dir, '..', 'data', '0.1.0')

/** The data folder of 0.1.0, with the permissions that git does not keep. */
export function copyOfFirstDataFolder(): Disposable & { readonly path: string } {
  const folder = temporaryFolder()
  const path = join(folder.path, 'data')
  cpSync(join(writtenByFirstVersion, 'data'), path, { recursive: true })
  for (const name of ['', 'tls']) chmodSync(join(path, name), 0o700)
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    if (statSync(join(path, name)).isFile()) chmodSync(join(path, name), 0o600)
  }
  return { path, [Symbol.dispose]: folder[Symbol.dispose] }
}
