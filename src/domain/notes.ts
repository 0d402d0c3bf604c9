import { createEntries, type Entries } from './entries'
import type { Clock } from './runtime'
import type { Session } from './sessions'
import type { Store } from './store'
import type { Note, NoteContent } from './vault'
import type { VaultQuota } from './vault-quota'

export interface Notes extends Entries<NoteContent> {
  /** Returns every note of a user, in insertion order. */
  list(session: Session): Promise<readonly Note[]>
}

export function createNotes(deps: { store: Store; clock: Clock; quota: VaultQuota }): Notes {
  return {
    ...createEntries<NoteContent>({
      ...deps,
      noun: 'Note',
      reads: (tx) => tx.notes,
      writes: (vault) => vault.notes,
      textsOf: ({ name, content }) => [name, content],
    }),
    list: ({ user, request }) => deps.store.readOne((tx) => tx.notes.listByOwner(user.id), request),
  }
}
