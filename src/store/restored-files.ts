import type { Kysely } from 'kysely'
import { findFact, saveFact } from './facts'
import type { Schema } from './schema'

/** The name of the fact. */
const name = 'restored_files'

/** Returns the id of the key files that the last restore with secrets has brought; null if it brought none. */
export function findRestoredFiles(db: Kysely<Schema>): Promise<string | null> {
  return findFact(db, name)
}

/** Stores that id, in the transaction of the restore. */
export async function saveRestoredFiles(db: Kysely<Schema>, id: string): Promise<void> {
  await saveFact(db, name, id)
}
