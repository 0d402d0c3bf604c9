import { createEntries, type Entries } from './entries'
import type { Clock } from './runtime'
import type { Store } from './store'
import type { RecordContent, VaultRecordWithFields } from './vault'
import type { VaultQuota } from './vault-quota'

export interface Records extends Entries<RecordContent> {
  /** Returns every record of a user with its additional fields, in insertion order. */
  list(owner: string): Promise<readonly VaultRecordWithFields[]>
}

export function createRecords(deps: { store: Store; clock: Clock; quota: VaultQuota }): Records {
  return {
    ...createEntries<RecordContent>({
      ...deps,
      noun: 'Record',
      pick: (tx) => tx.records,
      textsOf: ({ name, login, password }) => [name, login, password],
    }),
    list: (owner) => deps.store.read((tx) => tx.records.listByOwner(owner)),
  }
}
