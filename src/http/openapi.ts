import { type TSchema, t } from 'elysia'
import { ErrorResponse, FieldErrorsResponse } from './schemas'

/** What the document says of one route; its schemas are those that read and type the messages. */
export interface Operation {
  readonly summary: string
  /** Whether the route asks for a session token or for Basic credentials. */
  readonly security?: 'token' | 'credentials'
  /** Schema of the JSON body. */
  readonly body?: TSchema
  /** Meaning of the query parameter `id`. */
  readonly idDescription?: string
  /** Success, by status: the schema of a JSON answer or the media type of another. */
  readonly responses: Readonly<Record<number, TSchema | string>>
  /**
   * Clients keep an offline copy of the answer, which a wrong one destroys: where the server cannot answer
   * for a fault or a limit, it closes the connection instead (contract, "The clients").
   */
  readonly isCopiedOffline?: true
  /** Refusals that this route makes besides those that its security, body and id bring along. */
  readonly errorStatuses?: readonly (403 | 404 | 409 | 429 | 503)[]
}

/** A route as Elysia lists it, `detail` being what `describe` made. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly hooks: { readonly detail?: unknown }
}

const errorDescriptions: Readonly<Record<number, string>> = {
  400: 'A parameter, a header or the body is missing or malformed',
  401: 'The credentials or the token are not valid',
  403: 'It belongs to another user, or the email is not confirmed',
  404: 'There is no such thing, or the collection is empty',
  408: 'The body took too long',
  409: 'The id or the email is taken',
  413: 'The body is larger than this server takes',
  429: 'Too many attempts; Retry-After says when to come back',
  500: 'A fault of the server',
  503: 'Not possible at present; Retry-After says when to come back',
  507: 'No space is left for new data, or the account keeps as much as it may',
}

const securitySchemes = {
  token: { type: 'apiKey', in: 'header', name: 'x-access-token' },
  credentials: {
    type: 'http',
    scheme: 'basic',
    description: 'email and master_password_hash, never the master password',
  },
} as const

/** What goes into a route's `detail`, for `openApiDocument` to find. */
export function describeRoute(operation: Operation) {
  // Elysia's type asks for a member that it knows.
  return { detail: { summary: operation.summary, 'x-operation': operation } }
}

/** The OpenAPI 3.1 document of the routes that were described, as JSON text. */
export function createOpenApiDocument(routes: readonly Route[], version: string): string {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { method, path, hooks } of routes) {
    const operation = operationOf(hooks.detail)
    if (operation === null) continue
    const template = path.replaceAll(/:(\w+)/g, '{$1}')
    paths[template] ??= {}
    paths[template][method.toLowerCase()] = renderOperation(method, template, operation)
  }
  const schemas: Record<string, unknown> = {}
  const named = extractSchemas(paths, schemas)
  return JSON.stringify({
    openapi: '3.1.0',
    info: {
      title: 'SnailPass',
      version,
      summary: 'Accounts, records, additional fields and notes, all of them ciphertext',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths: named,
    components: { securitySchemes, schemas },
  })
}

/** The value with each schema that has a name moved to `schemas`, and a reference left in its place. */
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

/** The methods and patterns, as `GET /records`, of the routes whose answers clients copy offline. */
export function copiedOfflineRoutes(routes: readonly Route[]): ReadonlySet<string> {
  return new Set(
    routes
      .filter(({ hooks }) => operationOf(hooks.detail)?.isCopiedOffline === true)
      .map(({ method, path }) => `${method} ${path}`),
  )
}

function operationOf(detail: unknown): Operation | null {
  if (typeof detail !== 'object' || detail === null || !('x-operation' in detail)) return null
  return detail['x-operation'] as Operation
}

function renderOperation(method: string, path: string, operation: Operation) {
  const { security, body, idDescription } = operation
  return {
    operationId: operationId(method, path),
    summary: operation.summary,
    security: security === undefined ? [] : [{ [security]: [] }],
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter('path', name)),
      ...(idDescription === undefined ? [] : [parameter('query', 'id', idDescription)]),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...successResponses(operation), ...errorResponses(method, operation) },
  }
}

/** `GET /additional_fields` → `getAdditionalFields`: what a generated client calls its functions. */
function operationId(method: string, path: string): string {
  const words = path.replaceAll(/\{\w+\}/g, '').split(/[^a-z]+/)
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return `${method.toLowerCase()}${name === '' ? 'Index' : name}`
}

function parameter(where: 'path' | 'query', name: string | undefined, description?: string) {
  const schema = t.String({ minLength: 1 })
  return { in: where, name, required: true, schema, ...(description && { description }) }
}

function successResponses({ responses }: Operation) {
  return Object.fromEntries(
    Object.entries(responses).map(([status, answer]) => [
      status,
      {
        description: 'Done',
        content:
          typeof answer === 'string'
            ? { [answer]: { schema: { type: 'string' } } }
            : { 'application/json': { schema: answer } },
      },
    ]),
  )
}

function errorResponses(method: string, operation: Operation) {
  const { security, body, idDescription, errorStatuses: own = [] } = operation
  const isPlain = security === undefined && body === undefined
  const statuses: number[] = isPlain ? [...own] : [...own, 413]
  if (!isPlain && operation.isCopiedOffline !== true) statuses.push(500, 503)
  if (security !== undefined) statuses.push(401)
  if (body !== undefined) statuses.push(408)
  if (method !== 'GET') statuses.push(507)
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
