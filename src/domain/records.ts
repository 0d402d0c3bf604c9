import { createEntries, type Entries } from './entries'
import type { Store } from './store'
import type { RecordContent, VaultRecordWithFields } from './vault'
import type { VaultBound } from './vault-bound'
import type { Clock } from './world'

export interface Records extends Entries<RecordContent> {
  /** Every record of a user, in the order in which they were added. */
  list(owner: string): Promise<readonly VaultRecordWithFields[]>
}

export function createRecords(deps: { store: Store; clock: Clock; bound: VaultBound }): Records {
  return {
    ...createEntries<RecordContent>({
      ...deps,
      noun: 'Record',
      pick: (scope) => scope.records,
      textsOf: ({ name, login, password }) => [name, login, password],
    }),
    list: (owner) => deps.store.read((scope) => scope.records.listByOwner(owner)),
  }
}
