import { createEntries, type Entries, type VaultRuleDeps } from './entries'
import type { Session } from './sessions'
import type { RecordContent, VaultRecordWithFields } from './vault'

export interface Records extends Entries<RecordContent> {
  /** Returns every record of a user with its additional fields, in insertion order. */
  list(session: Session): Promise<readonly VaultRecordWithFields[]>
}

export function createRecords(deps: VaultRuleDeps): Records {
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
