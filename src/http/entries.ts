import { Elysia, type Static, type TSchema, t } from 'elysia'
import type { Entries } from '../domain/entries'
import { DomainError } from '../domain/errors'
import type { EntryInput } from '../domain/vault'
import type { JsonBody } from './body'
import { type BodySchema, bodyReader } from './fields'
import { describe } from './openapi'
import { requireId } from './query'
import type { sessionGuard } from './session'
import { SuccessAnswer, success } from './wire'

/** What tells the routes of one kind of vault entry from those of the other. */
interface EntryKind<Body extends BodySchema, Content, Entry> {
  readonly path: '/records' | '/notes'
  readonly noun: 'Record' | 'Note'
  readonly body: Body
  readonly answer: TSchema
  readonly toInput: (body: Static<Body>) => EntryInput<Content>
  readonly fromEntry: (entry: Entry) => unknown
  readonly entries: Entries<Content> & { list(owner: string): Promise<readonly Entry[]> }
}

export interface EntryDeps {
  readonly guard: ReturnType<typeof sessionGuard>
  readonly json: JsonBody
}

/** The four routes of a kind of vault entry. */
export function entryRoutes<Body extends BodySchema, Content, Entry>(
  kind: EntryKind<Body, Content, Entry>,
  { guard, json }: EntryDeps,
) {
  const { path, noun, entries } = kind
  const plural = path.slice(1)
  const thing = noun.toLowerCase()
  const read = bodyReader(kind.body)

  return new Elysia()
    .use(guard)
    .get(
      path,
      async ({ user }) => {
        const rows = await entries.list(user.id)
        if (rows.length > 0) return rows.map(kind.fromEntry)
        // Not `[]`: both clients rely on it (contract).
        throw new DomainError('not_found', `Current user ${user.id} has no ${plural}`)
      },
      describe({
        summary: `Every ${thing} of the user, in the order of their making`,
        security: 'token',
        answers: { 200: t.Array(kind.answer) },
        isCopiedOffline: true,
        refusals: [404],
      }),
    )
    .post(
      path,
      async ({ user, request, status }) => {
        const input = kind.toInput(read(await json(request)))
        await entries.add(user.id, input)
        return status(201, success(`${noun} ${input.id} created`))
      },
      describe({
        summary: `Add a ${thing}`,
        security: 'token',
        body: kind.body,
        answers: { 201: SuccessAnswer },
        refusals: [409],
      }),
    )
    .put(
      path,
      async ({ user, request }) => {
        const input = kind.toInput(read(await json(request)))
        await entries.change(user.id, input)
        return success(`${noun} ${input.id} changed successfully`)
      },
      describe({
        summary: `Change a ${thing}, or take it back out of the trash`,
        security: 'token',
        body: kind.body,
        answers: { 200: SuccessAnswer },
        refusals: [403, 404],
      }),
    )
    .delete(
      path,
      async ({ user, request }) => {
        const id = requireId(request, noun)
        const outcome = await entries.delete(user.id, id)
        const how = outcome === 'trashed' ? 'marked as deleted' : 'permanently deleted'
        return success(`${noun} ${id} successfully ${how}`)
      },
      describe({
        summary: `Put a ${thing} into the trash; once more deletes it for good`,
        security: 'token',
        id: `id of the ${thing}`,
        answers: { 200: SuccessAnswer },
        refusals: [403, 404],
      }),
    )
}
