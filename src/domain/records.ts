import { createEntries, type Entries } from './entries'
import type { Clock } from './runtime'
import type { Session } from './sessions'
import type { Store } from './store'
import type { RecordContent, VaultRecordWithFields } from './vault'
import type { VaultQuota } from './vault-quota'

export interface Records extends Entries<RecordContent> {
  /** Returns every record of a user with its additional fields, in insertion order. */
  list(session: Session): Promise<readonly VaultRecordWithFields[]>
}

export function createRecords(deps: { store: Store; clock: Clock; quota: VaultQuota }): Records {
  return {
    ...createEntries<RecordContent>({
      ...deps,
      noun: 'Record',
      reads: (tx) => tx.records,
      writes: (vault) => vault.records,
      textsOf: ({ name, login, password }) => [name, login, password],
    }),
    list: ({ user, request }) => deps.store.read((tx) => tx.records.listByOwner(user.id), request),
  }
}
