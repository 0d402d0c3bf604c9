import type { Notes } from '../domain/notes'
import { type EntryDeps, entryRoutes } from './entries'
import { fromNote, NoteAnswer, NoteBody, toNote } from './wire'

export function notesRoutes({ notes, ...deps }: EntryDeps & { notes: Notes }) {
  return entryRoutes(
    {
      path: '/notes',
      noun: 'Note',
      body: NoteBody,
      answer: NoteAnswer,
      toInput: toNote,
      fromEntry: fromNote,
      entries: notes,
    },
    deps,
  )
}
