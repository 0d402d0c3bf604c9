import { Elysia, t } from 'elysia'
import type { AdditionalFields } from '../domain/additional-fields'
import { DomainError } from '../domain/errors'
import type { JsonBody } from './body'
import { bodyReader } from './fields'
import { describe } from './openapi'
import { requireId } from './query'
import type { sessionGuard } from './session'
import {
  AdditionalFieldAnswer,
  AdditionalFieldBody,
  fromAdditionalField,
  SuccessAnswer,
  success,
  toAdditionalField,
} from './wire'

const readField = bodyReader(AdditionalFieldBody)

export function additionalFieldsRoutes(deps: {
  additionalFields: AdditionalFields
  guard: ReturnType<typeof sessionGuard>
  json: JsonBody
}) {
  const { additionalFields } = deps
  return new Elysia()
    .use(deps.guard)
    .get(
      '/additional_fields',
      async ({ user, request }) => {
        const recordId = requireId(request, 'Record')
        const fields = await additionalFields.list(user.id, recordId)
        if (fields.length > 0) return fields.map(fromAdditionalField)
        // The two spaces are the original's (contract).
        throw new DomainError(
          'not_found',
          `Current user's ${user.id} record ${recordId}  has no additional fields`,
        )
      },
      describe({
        summary: 'The additional fields of one record, in the order of their making',
        security: 'token',
        id: 'id of the record',
        answers: { 200: t.Array(AdditionalFieldAnswer) },
        isCopiedOffline: true,
        refusals: [403, 404],
      }),
    )
    .post(
      '/additional_fields',
      async ({ user, request, status }) => {
        const field = toAdditionalField(readField(await deps.json(request)))
        await additionalFields.add(user.id, field)
        return status(201, success(`Additional field ${field.id} created`))
      },
      describe({
        summary: 'Add an additional field to a record',
        security: 'token',
        body: AdditionalFieldBody,
        answers: { 201: SuccessAnswer },
        refusals: [403, 404, 409],
      }),
    )
    .put(
      '/additional_fields',
      async ({ user, request }) => {
        const field = toAdditionalField(readField(await deps.json(request)))
        await additionalFields.change(user.id, field)
        return success(`Additional field ${field.id} changed successfully`)
      },
      describe({
        summary: 'Change an additional field; it stays with its record',
        security: 'token',
        body: AdditionalFieldBody,
        answers: { 200: SuccessAnswer },
        refusals: [403, 404],
      }),
    )
    .delete(
      '/additional_fields',
      async ({ user, request }) => {
        const id = requireId(request, 'Additional field')
        await additionalFields.delete(user.id, id)
        return success(`Additional field ${id} deleted successfully`)
      },
      describe({
        summary: 'Delete an additional field for good',
        security: 'token',
        id: 'id of the additional field',
        answers: { 200: SuccessAnswer },
        refusals: [403, 404],
      }),
    )
}
