import { type TSchema, t } from 'elysia'
import { ErrorResponse, FieldErrorsResponse } from './schemas'

/** How the OpenAPI document describes a route. The schemas are the ones that check and type the bodies. */
export interface Operation {
  readonly summary: string
  /** Whether the route requires a session token or Basic credentials. */
  readonly security?: 'token' | 'credentials'
  /** Schema of the JSON body. */
  readonly body?: TSchema
  /** What the query parameter `id` identifies; undefined if the route has none. */
  readonly idDescription?: string
  /** Successful answers by status: the schema of a JSON answer, or the media type of any other. */
  readonly responses: Readonly<Record<number, TSchema | string>>
  /**
   * Clients keep an offline copy of the answer and delete it on a wrong one. On a bug or a limit, the server closes the
   * connection instead of answering: see offline-copies.ts.
   */
  readonly isCopiedOffline?: true
  /** Whether the answer has an entity tag, and is 304 if the client sends that of the present state. */
  readonly isConditional?: true
  /** Errors of this route, besides those that follow from its security, body and id. */
  readonly errorStatuses?: readonly (403 | 404 | 409 | 412 | 429 | 503)[]
}

/** A route as Elysia lists it. `detail` is what `describeRoute` returned. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly hooks: { readonly detail?: unknown }
}

const errorDescriptions: Readonly<Record<number, string>> = {
  400: 'A parameter, a header or the body is missing or invalid',
  401: 'The credentials are wrong, or the token is invalid or expired',
  403: 'Not allowed: for example, the object belongs to another user, or the email is not confirmed',
  404: 'The object does not exist, or the list is empty',
  408: 'The body did not arrive in time',
  409: 'The id or the email is already taken',
  412: 'An entry is not as the client has read it; the body has those entries as they are',
  413: 'The body is larger than this server accepts',
  429: 'Too many attempts; Retry-After says when to retry',
  500: 'A bug in the server',
  503: 'The server is not ready now; Retry-After says when to retry',
  507: 'The disk or the vault of the user is full',
}

const securitySchemes = {
  token: { type: 'apiKey', in: 'header', name: 'x-access-token' },
  credentials: {
    type: 'http',
    scheme: 'basic',
    description:
      'Email as user name, master_password_hash as password; never the master password itself',
  },
} as const

/** Returns Elysia's options for a route, with the description that `createOpenApiDocument` reads from them. */
export function describeRoute(operation: Operation) {
  // Elysia's type requires at least one member that it knows, so `summary` stands here too.
  return { detail: { summary: operation.summary, 'x-operation': operation } }
}

/** Returns the OpenAPI 3.1 document of all described routes, as JSON. */
export function createOpenApiDocument(routes: readonly Route[], version: string): string {
  const paths: Record<string, Record<string, unknown>> = {}
  const operationIds = createOperationIds()
  for (const { method, path, hooks } of routes) {
    const operation = operationOf(hooks.detail)
    if (operation === null) continue
    const template = path.replaceAll(/:(\w+)/g, '{$1}')
    paths[template] ??= {}
    const id = operationIds.next(method, template)
    paths[template][method.toLowerCase()] = renderOperation(template, { method, id }, operation)
  }
  const schemas: Record<string, unknown> = {}
  const named = extractSchemas(paths, schemas)
  return JSON.stringify({
    openapi: '3.1.0',
    info: {
      title: 'SnailPass',
      version,
      summary: 'Password server that stores records, additional fields and notes as ciphertext',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths: named,
    components: { securitySchemes, schemas },
  })
}

/** Returns the value with each named schema replaced by a reference, and adds those schemas to `schemas`. */
function extractSchemas(value: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((item) => extractSchemas(item, schemas))
  if (typeof value !== 'object' || value === null) return value
  const { $id, ...rest }: Record<string, unknown> = { ...value }
  const inner = Object.fromEntries(
    Object.entries(rest).map(([key, item]) => [key, extractSchemas(item, schemas)]),
  )
  if (typeof $id !== 'string') return inner
  schemas[$id] = inner
  return { $ref: `#/components/schemas/${$id}` }
}

/** Returns the description in a route's `detail`; null if the route was not described. */
export function operationOf(detail: unknown): Operation | null {
  if (typeof detail !== 'object' || detail === null || !('x-operation' in detail)) return null
  return detail['x-operation'] as Operation
}

function renderOperation(
  path: string,
  { method, id }: { method: string; id: string },
  operation: Operation,
) {
  const { security, body, idDescription, isConditional } = operation
  return {
    operationId: id,
    summary: operation.summary,
    security: security === undefined ? [] : [{ [security]: [] }],
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter('path', name)),
      ...(idDescription === undefined ? [] : [parameter('query', 'id', idDescription)]),
      ...(isConditional === true ? [conditionParameter] : []),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...successResponses(operation), ...errorResponses(method, operation) },
  }
}

/** Returns the function names for generated clients: `getAdditionalFields` for `GET /additional_fields`. */
function createOperationIds() {
  const taken = new Set<string>()
  return {
    /** A parameter of the path is in the name only if the name is taken without it. */
    next(method: string, path: string): string {
      const short = operationId(method, path.replaceAll(/\{\w+\}/g, ''))
      const id = taken.has(short) ? operationId(method, path) : short
      taken.add(id)
      return id
    },
  }
}

function operationId(method: string, path: string): string {
  const words = path.split(/[^a-z]+/)
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return `${method.toLowerCase()}${name === '' ? 'Index' : name}`
}

function parameter(where: 'path' | 'query', name: string | undefined, description?: string) {
  const schema = t.String({ minLength: 1 })
  return { in: where, name, required: true, schema, ...(description && { description }) }
}

const conditionParameter = {
  ...{ in: 'header', name: 'if-none-match', required: false, schema: { type: 'string' } },
  description: 'The ETag of the copy that the client has',
}

function successResponses({ responses, isConditional }: Operation) {
  const headers = { etag: { description: 'The state of the vault', schema: { type: 'string' } } }
  const successes = Object.fromEntries(
    Object.entries(responses).map(([status, answer]) => [
      status,
      {
        description: 'Success',
        ...(isConditional === true && { headers }),
        content:
          typeof answer === 'string'
            ? { [answer]: { schema: { type: 'string' } } }
            : { 'application/json': { schema: answer } },
      },
    ]),
  )
  if (isConditional !== true) return successes
  return { ...successes, 304: { description: 'Nothing has changed', headers } }
}

function errorResponses(method: string, operation: Operation) {
  const { security, body, idDescription, errorStatuses = [] } = operation
  // What is neither guarded nor has a body is for browsers, and answers errors as pages.
  const isPage = security === undefined && body === undefined
  const statuses: number[] = isPage ? [...errorStatuses] : [...errorStatuses, 413]
  if (!isPage && operation.isCopiedOffline !== true) statuses.push(500, 503)
  if (security !== undefined) statuses.push(401)
  if (body !== undefined) statuses.push(408)
  if (method !== 'GET' && !isPage) statuses.push(507)
  if (security === 'token' || body !== undefined || idDescription !== undefined) statuses.push(400)
  return Object.fromEntries(
    statuses.map((status) => {
      const schema =
        status === 400 && body !== undefined
          ? { anyOf: [ErrorResponse, FieldErrorsResponse] }
          : ErrorResponse
      const content = { 'application/json': { schema } }
      return [status, { description: errorDescriptions[status], content }]
    }),
  )
}
