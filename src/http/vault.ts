import { Elysia, t } from 'elysia'
import type { AnswerBudget } from '../domain/answer-budget'
import { DomainError } from '../domain/errors'
import type { Note, Revised, VaultEntry, VaultRecordWithFields } from '../domain/vault'
import type { VaultEntries } from '../domain/vault-changes'
import { OutdatedError, type VaultSync } from '../domain/vault-sync'
import { answerIfChanged } from './conditional'
import { toErrorBody } from './errors'
import { elementsSegment, type JsonSegment, textSegment } from './json-segments'
import { sizeOfNote, sizeOfRecord } from './list-sizes'
import { describeRoute } from './openapi'
import type { ReadJsonBody } from './read-body'
import {
  fromNote,
  fromRecord,
  fromVaultEntry,
  NoteResponse,
  RecordResponse,
  UserResponse,
} from './schemas'
import type { OpenSession, SessionGuard } from './session'
import type { AnswerVault } from './vault-answers'
import { parseVaultChanges, VaultChangesBody } from './vault-changes'

export const vaultPath = '/account/vault'

/** Maximum size of the body of POST /account/vault, in bytes. */
export const maxVaultBody = 8 * 1024 ** 2

/** How much memory a body takes besides its own bytes: as a text, as values, and as parameters of statements. */
const memoryPerByte = 4

// Elysia's integers are texts as well.
const revision = t.Unsafe<number>({
  type: 'integer',
  description: 'Larger after each change of the entry',
})

const entryMembers = {
  state: t.String({ description: 'The state of the vault' }),
  records: t.Array(t.Composite([t.Omit(RecordResponse, []), t.Object({ revision })])),
  notes: t.Array(t.Composite([t.Omit(NoteResponse, []), t.Object({ revision })])),
}

const WholeVaultResponse = t.Object(
  { ...entryMembers, email: t.String(), hint: UserResponse.properties.hint },
  { $id: 'Vault' },
)

const stamp = t.Object({
  id: t.String(),
  revision,
  creation_time: t.String(),
  update_time: t.String(),
})

/** What was written of a vault. `writtenBody` gives it. */
export const WrittenResponse = t.Object(
  { state: entryMembers.state, records: t.Array(stamp), notes: t.Array(stamp) },
  { $id: 'VaultWritten' },
)

const recordFormat = {
  sizeOf: sizeOfRecord,
  toBody: (record: Revised<VaultRecordWithFields>) => ({
    ...fromRecord(record),
    revision: record.revision,
  }),
}

const noteFormat = {
  sizeOf: sizeOfNote,
  toBody: (note: Revised<Note>) => ({
    ...fromNote(note),
    revision: note.revision,
  }),
}

/** The whole vault of the signed-in user: for clients that keep track of what they have read. */
export function vaultRoutes(deps: {
  vaultSync: VaultSync
  guard: SessionGuard
  readLargeJson: ReadJsonBody
  answerBudget: AnswerBudget
  answerVault: AnswerVault
}) {
  const { vaultSync, answerVault, guard } = deps

  /** Reads a body, and returns what `work` makes of it, within the memory for answers. */
  async function withBody<T>(
    request: Request,
    session: OpenSession,
    work: (body: unknown) => Promise<T>,
  ): Promise<T> {
    const reading = new AbortController()
    const held = await deps.answerBudget.hold({
      account: session.user.id,
      bytes: memoryPerByte * Number(request.headers.get('content-length') ?? maxVaultBody),
      giveWay: () => reading.abort(crowdedOut()),
      bounds: session.request,
    })
    try {
      return await work(await deps.readLargeJson(request, reading.signal))
    } finally {
      held.release()
    }
  }

  return new Elysia()
    .get(
      vaultPath,
      guard(({ request, session }) =>
        answerIfChanged({ request, session }, () => {
          const read = async () => {
            const { email, hint, state, ...entries } = await vaultSync.read(session)
            return segmentsOf({ state, email, hint }, entries)
          }
          return answerVault({ request, session, resource: vaultPath, read })
        }),
      ),
      describeRoute({
        summary: 'Get the whole vault, with the revision of each entry',
        security: 'token',
        responses: { 200: WholeVaultResponse },
        isConditional: true,
      }),
    )
    .post(
      vaultPath,
      guard(async ({ request, session }) => {
        try {
          return await withBody(request, session, async (body) =>
            Response.json(writtenBody(await vaultSync.write(session, parseVaultChanges(body)))),
          )
        } catch (error) {
          if (!(error instanceof OutdatedError)) throw error
          // The memory of the request is free again: the answer may need it.
          const { state, ...entries } = error.present
          const head = { ...toErrorBody(error), state }
          const read = () => Promise.resolve(segmentsOf(head, entries))
          return await answerVault({ request, session, resource: null, status: 412, read })
        }
      }),
      describeRoute({
        summary: 'Create, replace and delete entries, all of them or none',
        security: 'token',
        body: VaultChangesBody,
        responses: { 200: WrittenResponse },
        errorStatuses: [409, 412],
      }),
    )
}

/** Returns a JSON object with the members of `head` and the entries. */
function segmentsOf(
  head: object,
  { records, notes }: Pick<VaultEntries, 'records' | 'notes'>,
): readonly JsonSegment[] {
  return [
    textSegment(`${JSON.stringify(head).slice(0, -1)},"records":[`),
    elementsSegment(records, recordFormat),
    textSegment('],"notes":['),
    elementsSegment(notes, noteFormat),
    textSegment(']}'),
  ]
}

export function writtenBody({ state, records, notes }: VaultEntries) {
  return { state, records: records.map(stampOf), notes: notes.map(stampOf) }
}

function stampOf(entry: Revised<VaultEntry>) {
  const { id, creation_time, update_time } = { id: entry.id, ...fromVaultEntry(entry) }
  return { id, revision: entry.revision, creation_time, update_time }
}

/** Thrown while a body is read that has to leave its memory to others. */
function crowdedOut(): DomainError {
  return new DomainError('unavailable', 'Too many large requests are under way')
}
