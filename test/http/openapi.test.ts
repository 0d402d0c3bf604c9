import { describe, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { t } from 'elysia'
import { createBodyValidator } from '../../src/http/validate-body'
import { startTestServer } from '../support/server'

async function fetchDocument() {
  await using server = await startTestServer()
  const response = await fetch(new URL('/openapi.json', server.url))
  expect(response.headers.get('content-type')).toBe('application/json')
  return JSON.parse(await response.text())
}

describe('the OpenAPI document', () => {
  test('is valid', async () => {
    const result = await new Validator().validate(await fetchDocument())
    expect(result).toEqual({ valid: true })
  })

  test('has every operation', async () => {
    const { paths } = await fetchDocument()
    const operations = Object.entries<object>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(operations.sort()).toEqual([
      'DELETE /account',
      'DELETE /account/history',
      'DELETE /account/sessions',
      'DELETE /additional_fields',
      'DELETE /notes',
      'DELETE /records',
      'GET /',
      'GET /account/devices',
      'GET /account/history',
      'GET /account/history/{entry}',
      'GET /account/vault',
      'GET /additional_fields',
      'GET /ca',
      'GET /ca.crt',
      'GET /ca.pem',
      'GET /confirm/{token}',
      'GET /favicon.ico',
      'GET /healthz',
      'GET /login',
      'GET /notes',
      'GET /readyz',
      'GET /records',
      'GET /users',
      'GET /vault/',
      'POST /account/history/{version}/restore',
      'POST /account/vault',
      'POST /additional_fields',
      'POST /confirm/{token}',
      'POST /notes',
      'POST /records',
      'POST /users',
      'PUT /account/master-password',
      'PUT /additional_fields',
      'PUT /notes',
      'PUT /records',
    ])
  })

  test('has a unique id for each operation, which generated clients use as function name', async () => {
    const { paths } = await fetchDocument()
    const ids = Object.values<Record<string, { operationId: string }>>(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(ids).toHaveLength(35)
    for (const id of ids) expect(id).toMatch(/^[a-z]+[A-Z][A-Za-z]+$/)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('describes what the server checks in a body, and the shape of its failures', async () => {
    const { paths, components } = await fetchDocument()
    const { requestBody, responses, security } = paths['/notes'].post
    expect(requestBody.content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/NoteInput',
    })
    expect(components.schemas.NoteInput).toEqual({
      type: 'object',
      required: ['id', 'name', 'content', 'is_favorite', 'is_deleted'],
      properties: {
        id: { type: 'string', minLength: 1, maxLength: 100 },
        name: expect.objectContaining({ maxLength: 65_536, pattern: '^[^:]*:[^:]*$' }),
        content: expect.objectContaining({ maxLength: 524_288, pattern: '^[^:]*:[^:]*$' }),
        is_favorite: { type: 'boolean' },
        is_deleted: { type: 'boolean' },
      },
    })
    expect(security).toEqual([{ token: [] }])
    expect(Object.keys(responses)).toEqual([
      '201',
      '400',
      '401',
      '408',
      '409',
      '413',
      '500',
      '503',
      '507',
    ])
    expect(components.schemas.Error.properties.message.properties).toEqual({
      error: expect.objectContaining({ type: 'string' }),
    })
  })
})

test('a schema with a keyword that nothing checks is refused when the program starts', () => {
  const schema = t.Object({ id: t.String({ maxLength: 1, uniqueItems: true }) })
  expect(() => createBodyValidator(schema)).toThrow('no check for the keyword uniqueItems')
})
