import { createEntries, type Entries, type VaultRuleDeps } from './entries'
import type { Session } from './sessions'
import type { Note, NoteContent } from './vault'

export interface Notes extends Entries<NoteContent> {
  /** Returns every note of a user, in insertion order. */
  list(session: Session): Promise<readonly Note[]>
}

export function createNotes(deps: VaultRuleDeps): Notes {
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
