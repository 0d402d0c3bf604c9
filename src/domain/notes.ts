import { createEntries, type Entries } from './entries'
import type { Store } from './store'
import type { Note, NoteContent } from './vault'
import type { VaultBound } from './vault-bound'
import type { Clock } from './world'

export interface Notes extends Entries<NoteContent> {
  /** Every note of a user, in the order in which they were added. */
  list(owner: string): Promise<readonly Note[]>
}

export function createNotes(deps: { store: Store; clock: Clock; bound: VaultBound }): Notes {
  return {
    ...createEntries<NoteContent>({
      ...deps,
      noun: 'Note',
      pick: (scope) => scope.notes,
      textsOf: ({ name, content }) => [name, content],
    }),
    list: (owner) => deps.store.read((scope) => scope.notes.listByOwner(owner)),
  }
}
