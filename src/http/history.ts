import { Elysia, t } from 'elysia'
import { DomainError } from '../domain/errors'
import type { History } from '../domain/history'
import type { Note, VaultRecordWithFields } from '../domain/vault'
import { parseVersionNumber, type Version, type VersionOf } from '../domain/versions'
import { missingParameter } from './http-error'
import { elementsSegment, type RowFormat, textSegment } from './json-segments'
import { sizeOfNote, sizeOfRecord } from './list-sizes'
import { describeRoute } from './openapi'
import type { RequestContexts } from './request-context'
import {
  fromNote,
  fromRecord,
  NoteResponse,
  RecordResponse,
  SuccessResponse,
  success,
} from './schemas'
import type { SessionGuard } from './session'
import { WrittenResponse, writtenBody } from './vault'
import type { AnswerVault } from './vault-answers'

const path = '/account/history'

const count = (description: string) => t.Unsafe<number>({ type: 'integer', description })

const versionMembers = {
  version: count('Names the version; larger than that of all earlier ones'),
  reason: t.Union([t.Literal('replaced'), t.Literal('deleted')]),
  kept_time: count('When it was kept, in milliseconds since 1970'),
  size: count('Bytes that it takes of the history'),
}

const ListingResponse = t.Object(
  {
    is_kept: t.Boolean({ description: 'Whether this server keeps versions now' }),
    max_size: count('Maximum sum of all sizes; the oldest versions go first'),
    versions: t.Array(
      t.Object({
        ...versionMembers,
        kind: t.Union([t.Literal('record'), t.Literal('note')]),
        entry: t.String({ description: 'id of the record or note' }),
      }),
    ),
  },
  { $id: 'History' },
)

const VersionsResponse = t.Object(
  {
    records: t.Array(t.Composite([t.Omit(RecordResponse, []), t.Object(versionMembers)])),
    notes: t.Array(t.Composite([t.Omit(NoteResponse, []), t.Object(versionMembers)])),
  },
  { $id: 'Versions' },
)

function fromVersion({ number, reason, time, size }: Version) {
  return { version: number, reason, kept_time: time, size }
}

const listFormat: RowFormat<Version> = {
  sizeOf: ({ entryId }) => 150 + entryId.length,
  toBody: (version) => ({ ...fromVersion(version), kind: version.kind, entry: version.entryId }),
}

const recordFormat: RowFormat<VersionOf<VaultRecordWithFields>> = {
  sizeOf: ({ entry }) => 100 + sizeOfRecord(entry),
  toBody: (version) => ({ ...fromRecord(version.entry), ...fromVersion(version) }),
}

const noteFormat: RowFormat<VersionOf<Note>> = {
  sizeOf: ({ entry }) => 100 + sizeOfNote(entry),
  toBody: (version) => ({ ...fromNote(version.entry), ...fromVersion(version) }),
}

/** The history of the signed-in user's vault. */
export function historyRoutes(deps: {
  history: History
  guard: SessionGuard
  answerVault: AnswerVault
  contexts: RequestContexts
}) {
  const { history, guard, answerVault, contexts } = deps
  return new Elysia()
    .get(
      path,
      guard(({ request, session }) => {
        async function read() {
          const { versions, policy } = await history.list(session)
          const head = { is_kept: policy !== null, max_size: policy?.maxBytes ?? 0 }
          return [
            textSegment(`${JSON.stringify(head).slice(0, -1)},"versions":[`),
            elementsSegment(versions, listFormat),
            textSegment(']}'),
          ]
        }
        return answerVault({ request, session, resource: null, read })
      }),
      describeRoute({
        summary: 'List the former versions of all entries, the newest first, without their content',
        security: 'token',
        responses: { 200: ListingResponse },
      }),
    )
    .get(
      `${path}/:entry`,
      guard(({ request, session }) => {
        const entryId = parseSegment(request, 3)
        async function read() {
          const { records, notes } = await history.read(session, entryId)
          return [
            textSegment('{"records":['),
            elementsSegment(records, recordFormat),
            textSegment('],"notes":['),
            elementsSegment(notes, noteFormat),
            textSegment(']}'),
          ]
        }
        return answerVault({ request, session, resource: null, read })
      }),
      describeRoute({
        summary: 'Get the former versions of an entry, the newest first',
        security: 'token',
        responses: { 200: VersionsResponse },
        errorStatuses: [404],
      }),
    )
    .post(
      `${path}/:version/restore`,
      guard(async ({ request, session }) => {
        const version = parseVersion(parseSegment(request, 3))
        return Response.json(writtenBody(await history.restore(session, version)))
      }),
      describeRoute({
        summary: 'Make a former version the present state of its entry, which is kept as a version',
        security: 'token',
        responses: { 200: WrittenResponse },
        errorStatuses: [404, 409],
      }),
    )
    .delete(
      path,
      guard(async ({ request, session }) => {
        await history.forget(session, contexts.get(request).findSender().client.address)
        return success('History deleted')
      }),
      describeRoute({
        summary: 'Delete all former versions of all entries at once',
        security: 'token',
        responses: { 200: SuccessResponse },
      }),
    )
}

/** Returns a part of the path, counted from 1, as it was before it was encoded. Throws HttpError. */
function parseSegment({ url }: Request, index: number): string {
  const segment = new URL(url).pathname.split('/')[index] ?? ''
  try {
    return decodeURIComponent(segment)
  } catch {
    throw missingParameter('The path is not encoded as UTF-8')
  }
}

/** Throws `not_found` for a text that names no version. */
function parseVersion(text: string): number {
  const number = parseVersionNumber(text)
  if (number !== null) return number
  throw new DomainError('not_found', `The history has no version ${text}`)
}
