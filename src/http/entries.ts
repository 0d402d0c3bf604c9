import { Elysia, type Static, status, type TSchema, t } from 'elysia'
import type { Entries } from '../domain/entries'
import { DomainError } from '../domain/errors'
import type { Session } from '../domain/sessions'
import type { EntryInput } from '../domain/vault'
import { answerIfChanged } from './conditional'
import { arraySegments, type RowFormat } from './json-segments'
import { describeRoute } from './openapi'
import { parseIdParameter, type ReadJsonBody } from './read-body'
import { SuccessResponse, success } from './schemas'
import type { SessionGuard } from './session'
import { type BodySchema, createBodyValidator } from './validate-body'
import type { AnswerVault } from './vault-answers'

/** What differs between the routes of records and those of notes. */
interface EntryKind<Body extends BodySchema, Content, Entry> {
  readonly path: '/records' | '/notes'
  readonly noun: 'Record' | 'Note'
  readonly body: Body
  readonly response: TSchema
  readonly toInput: (body: Static<Body>) => EntryInput<Content>
  readonly format: RowFormat<Entry>
  readonly entries: Entries<Content> & { list(session: Session): Promise<readonly Entry[]> }
}

export interface EntryDeps {
  readonly guard: SessionGuard
  readonly readJson: ReadJsonBody
  readonly answerVault: AnswerVault
}

/** The four routes of one kind of vault entry, which are the same for records and notes. */
export function entryRoutes<Body extends BodySchema, Content, Entry>(
  kind: EntryKind<Body, Content, Entry>,
  { guard, readJson, answerVault }: EntryDeps,
) {
  const { path, noun, entries } = kind
  const plural = path.slice(1)
  const singular = noun.toLowerCase()
  const validate = createBodyValidator(kind.body)

  return new Elysia()
    .get(
      path,
      guard(({ request, session }) =>
        answerIfChanged({ request, session }, () => {
          async function read() {
            const list = await entries.list(session)
            if (list.length > 0) return arraySegments(list, kind.format)
            // Not `[]`: both clients rely on the 404 (wire contract).
            throw new DomainError('not_found', `Current user ${session.user.id} has no ${plural}`)
          }
          return answerVault({ request, session, resource: path, read })
        }),
      ),
      describeRoute({
        summary: `List every ${singular} of the user, in insertion order`,
        security: 'token',
        responses: { 200: t.Array(kind.response) },
        isConditional: true,
        // A failure must not look like an empty vault: see offline-copies.ts.
        isCopiedOffline: true,
        errorStatuses: [404],
      }),
    )
    .post(
      path,
      guard(async ({ session, request }) => {
        const input = kind.toInput(validate(await readJson(request)))
        await entries.add(session, input)
        return status(201, success(`${noun} ${input.id} created`))
      }),
      describeRoute({
        summary: `Create a ${singular}`,
        security: 'token',
        body: kind.body,
        responses: { 201: SuccessResponse },
        errorStatuses: [409],
      }),
    )
    .put(
      path,
      guard(async ({ session, request }) => {
        const input = kind.toInput(validate(await readJson(request)))
        await entries.change(session, input)
        return success(`${noun} ${input.id} changed successfully`)
      }),
      describeRoute({
        summary: `Change a ${singular}, or restore it from the trash`,
        security: 'token',
        body: kind.body,
        responses: { 200: SuccessResponse },
        errorStatuses: [403, 404],
      }),
    )
    .delete(
      path,
      guard(async ({ session, request }) => {
        const id = parseIdParameter(request, noun)
        const outcome = await entries.delete(session, id)
        const done = outcome === 'trashed' ? 'marked as deleted' : 'permanently deleted'
        return success(`${noun} ${id} successfully ${done}`)
      }),
      describeRoute({
        summary: `Move a ${singular} to the trash, or delete it permanently if it is there already`,
        security: 'token',
        idDescription: `id of the ${singular}`,
        responses: { 200: SuccessResponse },
        errorStatuses: [403, 404],
      }),
    )
}
