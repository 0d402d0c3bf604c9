import { LostDatabaseError } from '../../database/lost-database'
import { endWithParent } from '../../files/parent-process'
import { withRestoreHint } from '../lost-database'
import type { Damage } from '../server/database-check'
import type { Targets } from '../targets'

/**
 * Checks the whole database for the server that runs this as a child process. Returns why a server could not start on it, with the
 * same words, if it is damaged; null if not. Throws a DomainError if that can't be told.
 */
export async function findDamage(targets: Targets): Promise<Damage | null> {
  endWithParent()
  try {
    await withRestoreHint(targets, () => targets.database.inspect())
    return null
  } catch (error) {
    if (!(error instanceof LostDatabaseError) || error.state !== 'damaged') throw error
    return { problem: error.message, hint: error.hint ?? error.advice }
  }
}
