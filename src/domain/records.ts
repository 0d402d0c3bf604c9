import type { AdditionalField } from './additional-fields'
import { createEntries, type Entries } from './entries'
import type { Store } from './store'
import type { Ciphertext, EntryInput, VaultEntry } from './vault'
import type { Clock } from './world'

/** What a client encrypts of one login entry. */
export interface RecordContent {
  readonly name: Ciphertext
  readonly login: Ciphertext
  readonly password: Ciphertext
}

/** One login entry, without its additional fields. */
export interface VaultRecord extends VaultEntry, RecordContent {}

/** One login entry with the additional fields that hang on it. */
export interface VaultRecordWithFields extends VaultRecord {
  readonly additionalFields: readonly AdditionalField[]
}

export type RecordInput = EntryInput<RecordContent>

export interface Records extends Entries<RecordContent> {
  /** Every record of a user, in the order in which they were added. */
  list(owner: string): Promise<readonly VaultRecordWithFields[]>
}

export function createRecords(deps: { store: Store; clock: Clock }): Records {
  return {
    ...createEntries<RecordContent>({ ...deps, noun: 'Record', pick: (scope) => scope.records }),
    list: (owner) => deps.store.read((scope) => scope.records.listByOwner(owner)),
  }
}
