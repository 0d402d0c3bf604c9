import type { Notes } from '../domain/notes'
import { type EntryDeps, entryRoutes } from './entries'
import { sizeOfNote } from './list-sizes'
import { fromNote, NoteBody, NoteResponse, toNote } from './schemas'

export function notesRoutes({ notes, ...deps }: EntryDeps & { notes: Notes }) {
  return entryRoutes(
    {
      path: '/notes',
      noun: 'Note',
      body: NoteBody,
      response: NoteResponse,
      toInput: toNote,
      format: { sizeOf: sizeOfNote, toBody: fromNote },
      entries: notes,
    },
    deps,
  )
}
