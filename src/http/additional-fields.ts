import { Elysia, status, t } from 'elysia'
import type { AdditionalFields } from '../domain/additional-fields'
import { DomainError } from '../domain/errors'
import { answerIfChanged } from './conditional'
import { arraySegments } from './json-segments'
import { fieldsResource, type KeepFields } from './kept-fields'
import { sizeOfAdditionalField } from './list-sizes'
import { describeRoute } from './openapi'
import { parseIdParameter, type ReadJsonBody } from './read-body'
import {
  AdditionalFieldBody,
  AdditionalFieldResponse,
  fromAdditionalField,
  SuccessResponse,
  success,
  toAdditionalField,
} from './schemas'
import type { SessionGuard } from './session'
import { createBodyValidator } from './validate-body'
import type { AnswerVault } from './vault-answers'

const format = { sizeOf: sizeOfAdditionalField, toBody: fromAdditionalField }
const validateField = createBodyValidator(AdditionalFieldBody)

/** The four routes of `/additional_fields`. */
export function additionalFieldsRoutes(deps: {
  additionalFields: AdditionalFields
  guard: SessionGuard
  readJson: ReadJsonBody
  answerVault: AnswerVault
  keepFields: KeepFields
}) {
  const { additionalFields, answerVault, guard } = deps
  return new Elysia()
    .get(
      '/additional_fields',
      guard(({ request, session }) =>
        answerIfChanged({ request, session }, () => {
          const recordId = parseIdParameter(request, 'Record')
          async function read() {
            const list = await additionalFields.list(session, recordId)
            if (list.length > 0) return arraySegments(list, format)
            // The double space is in the original server's text too (wire contract).
            throw new DomainError(
              'not_found',
              `Current user's ${session.user.id} record ${recordId}  has no additional fields`,
            )
          }
          const resource = fieldsResource(recordId)
          const keepOthers = () => deps.keepFields(session.user)
          return answerVault({ request, session, resource, keepOthers, read })
        }),
      ),
      describeRoute({
        summary: 'List the additional fields of a record, in insertion order',
        security: 'token',
        idDescription: 'id of the record',
        responses: { 200: t.Array(AdditionalFieldResponse) },
        isConditional: true,
        // A failure must not look like an empty list: see offline-copies.ts.
        isCopiedOffline: true,
        errorStatuses: [403, 404],
      }),
    )
    .post(
      '/additional_fields',
      guard(async ({ session, request }) => {
        const field = toAdditionalField(validateField(await deps.readJson(request)))
        await additionalFields.add(session, field)
        return status(201, success(`Additional field ${field.id} created`))
      }),
      describeRoute({
        summary: 'Add an additional field to a record',
        security: 'token',
        body: AdditionalFieldBody,
        responses: { 201: SuccessResponse },
        errorStatuses: [403, 404, 409],
      }),
    )
    .put(
      '/additional_fields',
      guard(async ({ session, request }) => {
        const field = toAdditionalField(validateField(await deps.readJson(request)))
        await additionalFields.change(session, field)
        return success(`Additional field ${field.id} changed successfully`)
      }),
      describeRoute({
        summary: 'Change an additional field. It stays with its record: record_id is ignored',
        security: 'token',
        body: AdditionalFieldBody,
        responses: { 200: SuccessResponse },
        errorStatuses: [403, 404],
      }),
    )
    .delete(
      '/additional_fields',
      guard(async ({ session, request }) => {
        const id = parseIdParameter(request, 'Additional field')
        await additionalFields.delete(session, id)
        return success(`Additional field ${id} deleted successfully`)
      }),
      describeRoute({
        summary: 'Delete an additional field permanently',
        security: 'token',
        idDescription: 'id of the additional field',
        responses: { 200: SuccessResponse },
        errorStatuses: [403, 404],
      }),
    )
}
