import { lchownSync, lstatSync, readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '../domain/errors'
import { shellQuote } from '../domain/text'
import { syncFolder } from '../files/sync'
import type { SystemUser } from './process'

/** The names in a data folder begin so, those of copies and drafts included. A disk of its own has `lost+found`. */
const ownNames =
  /^(?:\.?snailpass|secret\.key|database\.json|server\.(?:lock|json)|https-by-default$|tls$|backups$|lost\+found$)/

/**
 * Gives a data folder that belongs to root, with all that it contains, to the user of the service: root has run a server before
 * there was a service. Does nothing with a folder of another user. Returns whether the folder has changed its owner. Throws
 * `conflict` if the folder contains anything else, or if other users could change it meanwhile, and system errors.
 *
 * The folder comes last: until then nobody but root reaches its content, and an interrupted change is made again.
 */
export function takeOverDataFolder(
  folder: string,
  { name, user }: { readonly name: string; readonly user: SystemUser },
): boolean {
  const path = realpathOf(folder)
  if (path === null) return false
  const { uid, mode } = lstatSync(path)
  if (uid !== 0 || user.uid === 0) return false
  const byHand = `chown -R ${name}: ${shellQuote(path)}`
  const foreign = readdirSync(path).find((entry) => !ownNames.test(entry))
  if (foreign !== undefined) {
    throw new DomainError(
      'conflict',
      `the data folder ${path} belongs to root and contains ${foreign}, which is not of snailpass`,
      { hint: `move it away; or, if the service may own everything there: ${byHand}` },
    )
  }
  if ((mode & 0o022) !== 0) {
    throw new DomainError('conflict', `other users can write to the data folder ${path} of root`, {
      hint: `check its content; then: chmod 700 ${shellQuote(path)}`,
    })
  }
  chownTree(path, user)
  syncFolder(path)
  return true
}

function realpathOf(path: string): string | null {
  try {
    const found = realpathSync(path)
    return lstatSync(found).isDirectory() ? found : null
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** Links are given away themselves, not what they lead to. */
function chownTree(path: string, user: SystemUser): void {
  if (lstatSync(path).isDirectory()) {
    for (const entry of readdirSync(path)) chownTree(join(path, entry), user)
  }
  lchownSync(path, user.uid, user.gid)
}
