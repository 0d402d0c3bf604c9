import type { Records } from '../domain/records'
import { type EntryDeps, entryRoutes } from './entries'
import { fromRecord, RecordAnswer, RecordBody, toRecord } from './wire'

export function recordsRoutes({ records, ...deps }: EntryDeps & { records: Records }) {
  return entryRoutes(
    {
      path: '/records',
      noun: 'Record',
      body: RecordBody,
      answer: RecordAnswer,
      toInput: toRecord,
      fromEntry: fromRecord,
      entries: records,
    },
    deps,
  )
}
