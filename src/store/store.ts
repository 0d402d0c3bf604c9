import { Kysely, type Transaction } from 'kysely'
import { DomainError } from '../domain/errors'
import type { ReadScope, Store, WriteScope } from '../domain/store'
import type { Wait } from '../domain/world'
import type { SqliteHandle } from '../engine/sqlite'
import { engineFault } from '../engine/sqlite-faults'
import { additionalFieldReads, additionalFieldWrites } from './additional-fields'
import { noteReads, noteWrites } from './notes'
import { recordReads, recordWrites } from './records'
import type { Schema } from './schema'
import { userReads, userWrites } from './users'

/** How long a scope keeps trying after a passing fault, in milliseconds (contract: up to 10 s). */
const patience = 10_000

/** How long a scope waits between tries, in milliseconds. */
const pause = 50

export interface OpenedStore extends Store {
  /** Closes the database; no scope may be under way. */
  close(): void
}

/** The store over two handles of one database: a reader that sees snapshots, a writer that commits. */
export function createStore(
  handles: { reader: SqliteHandle; writer: SqliteHandle },
  wait: Wait,
): OpenedStore {
  const reader = new Kysely<Schema>({ dialect: handles.reader.dialect })
  const writer = new Kysely<Schema>({ dialect: handles.writer.dialect })

  return {
    read: (work) =>
      patiently(wait, {
        attempt: () => reader.transaction().execute((db) => work(readScope(db))),
        // A snapshot that could not be read has changed nothing.
        isRepeatable: () => true,
      }),

    async write(work) {
      let began = false
      return await patiently(wait, {
        attempt: () =>
          writer.transaction().execute((db) => {
            began = true
            return work(writeScope(db))
          }),
        // Once it began, a write may have committed: nobody repeats it without looking.
        isRepeatable: () => !began,
      })
    },

    close() {
      // The writer last: it moves the log into the file when nobody else has it open.
      handles.reader.close()
      handles.writer.close()
    },
  }
}

/** Tries again after passing faults, for as long as the patience lasts; what remains becomes a DomainError. */
async function patiently<T>(
  wait: Wait,
  work: { attempt: () => Promise<T>; isRepeatable: () => boolean },
): Promise<T> {
  // Counted in waits, for a try takes no time, and the clock of a small machine may leap when it is set.
  for (let waited = 0; ; waited += pause) {
    try {
      return await work.attempt()
    } catch (error) {
      const fault = engineFault(error)
      if (fault === 'full') {
        throw new DomainError('storage_full', 'No space is left for new data', { cause: error })
      }
      if (fault !== 'busy' && fault !== 'unreachable') throw error
      if (!work.isRepeatable() || waited >= patience) {
        throw new DomainError('unavailable', 'The database does not answer at present', {
          cause: error,
        })
      }
      await wait(pause)
    }
  }
}

function readScope(db: Transaction<Schema>): ReadScope {
  return {
    users: userReads(db),
    records: recordReads(db),
    additionalFields: additionalFieldReads(db),
    notes: noteReads(db),
  }
}

function writeScope(db: Transaction<Schema>): WriteScope {
  return {
    users: userWrites(db),
    records: recordWrites(db),
    additionalFields: additionalFieldWrites(db),
    notes: noteWrites(db),
  }
}
