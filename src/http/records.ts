import type { Records } from '../domain/records'
import { type EntryDeps, entryRoutes } from './entries'
import { sizeOfRecord } from './list-sizes'
import { fromRecord, RecordBody, RecordResponse, toRecord } from './schemas'

export function recordsRoutes({ records, ...deps }: EntryDeps & { records: Records }) {
  return entryRoutes(
    {
      path: '/records',
      noun: 'Record',
      body: RecordBody,
      response: RecordResponse,
      toInput: toRecord,
      format: { sizeOf: sizeOfRecord, toBody: fromRecord },
      entries: records,
    },
    deps,
  )
}
