import type { InsertResult } from 'kysely'
import type { DomainError } from '../domain/errors'
import { engineFault } from '../engine/faults'

/** Whether a row went in: false when its id is taken. Throws `orphaned` when the row that it hangs on is gone. */
export async function wasInserted(
  insert: Promise<InsertResult>,
  orphanError: (cause: unknown) => DomainError,
): Promise<boolean> {
  try {
    return (await insert).numInsertedOrUpdatedRows === 1n
  } catch (error) {
    throw engineFault(error) === 'orphan' ? orphanError(error) : error
  }
}
