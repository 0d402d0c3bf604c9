import type { Kysely } from 'kysely'
import type { Schema } from './schema'

/** Signs out everyone: no session token with another epoch than `epoch` is valid afterwards. */
export async function endAllSessions(db: Kysely<Schema>, epoch: string): Promise<void> {
  await db.updateTable('users').set({ session_epoch: epoch }).execute()
}
