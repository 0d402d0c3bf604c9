import { describe, expect, test } from 'bun:test'
import { deviceKinds } from '../../src/domain/devices'
import { createOpenApiDocument } from '../../src/http/openapi'
import { createTestApi } from '../support/api'

/* That the document is valid, and names every route, is in openapi.test.ts. */

async function fetchDocument() {
  const answer = await createTestApi().ask('/openapi.json')
  return JSON.parse(await answer.text())
}

interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters: readonly { readonly in: string; readonly name: string }[]
  readonly responses: object
}

describe('the OpenAPI document', () => {
  test('names for each operation its security, its parameters and every status that it has', async () => {
    const { paths } = await fetchDocument()
    const operations = Object.entries<Record<string, Operation>>(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId, security, parameters, responses }]) => [
        `${method.toUpperCase()} ${path}`,
        operationId,
        security.flatMap((scheme) => Object.keys(scheme)).join(),
        parameters.map((parameter) => `${parameter.in} ${parameter.name}`).join(),
        Object.keys(responses).join(' '),
      ]),
    )
    const [token, credentials, id] = ['token', 'credentials', 'query id']
    const condition = 'header if-none-match'
    expect(operations).toEqual([
      ['GET /', 'getIndex', '', '', '200'],
      ['GET /favicon.ico', 'getFaviconIco', '', '', '200'],
      ['GET /confirm/{token}', 'getConfirm', '', 'path token', '200'],
      ['POST /confirm/{token}', 'postConfirm', '', 'path token', '200'],
      ['GET /ca', 'getCa', '', '', '200 404'],
      ['GET /ca.crt', 'getCaCrt', '', '', '200 404'],
      ['GET /ca.pem', 'getCaPem', '', '', '200 404'],
      ['GET /vault/', 'getVault', '', '', '200'],
      ['POST /users', 'postUsers', '', '', '201 400 403 408 409 413 429 500 503 507'],
      ['GET /users', 'getUsers', token, condition, '200 304 400 401 413 500 503'],
      ['GET /login', 'getLogin', credentials, '', '200 401 403 413 429 500 503'],
      ['GET /account/devices', 'getAccountDevices', token, '', '200 400 401 413 500 503'],
      [
        'DELETE /account/sessions',
        'deleteAccountSessions',
        token,
        '',
        '200 400 401 413 500 503 507',
      ],
      ['DELETE /account', 'deleteAccount', credentials, '', '200 401 403 413 429 500 503 507'],
      ['GET /records', 'getRecords', token, condition, '200 304 400 401 404 413'],
      ['POST /records', 'postRecords', token, '', '201 400 401 408 409 413 500 503 507'],
      ['PUT /records', 'putRecords', token, '', '200 400 401 403 404 408 413 500 503 507'],
      ['DELETE /records', 'deleteRecords', token, id, '200 400 401 403 404 413 500 503 507'],
      [
        'GET /additional_fields',
        'getAdditionalFields',
        token,
        `${id},${condition}`,
        '200 304 400 401 403 404 413',
      ],
      [
        'POST /additional_fields',
        'postAdditionalFields',
        token,
        '',
        '201 400 401 403 404 408 409 413 500 503 507',
      ],
      [
        'PUT /additional_fields',
        'putAdditionalFields',
        token,
        '',
        '200 400 401 403 404 408 413 500 503 507',
      ],
      [
        'DELETE /additional_fields',
        'deleteAdditionalFields',
        token,
        id,
        '200 400 401 403 404 413 500 503 507',
      ],
      ['GET /notes', 'getNotes', token, condition, '200 304 400 401 404 413'],
      ['POST /notes', 'postNotes', token, '', '201 400 401 408 409 413 500 503 507'],
      ['PUT /notes', 'putNotes', token, '', '200 400 401 403 404 408 413 500 503 507'],
      ['DELETE /notes', 'deleteNotes', token, id, '200 400 401 403 404 413 500 503 507'],
      ['GET /account/vault', 'getAccountVault', token, condition, '200 304 400 401 413 500 503'],
      [
        'POST /account/vault',
        'postAccountVault',
        token,
        '',
        '200 400 401 408 409 412 413 500 503 507',
      ],
      ['GET /account/history', 'getAccountHistory', token, '', '200 400 401 413 500 503'],
      ['DELETE /account/history', 'deleteAccountHistory', token, '', '200 400 401 413 500 503 507'],
      [
        'GET /account/history/{entry}',
        'getAccountHistoryEntry',
        token,
        'path entry',
        '200 400 401 404 413 500 503',
      ],
      [
        'POST /account/history/{version}/restore',
        'postAccountHistoryRestore',
        token,
        'path version',
        '200 400 401 404 409 413 500 503 507',
      ],
      [
        'PUT /account/master-password',
        'putAccountMasterPassword',
        credentials,
        '',
        '200 400 401 403 408 409 413 429 500 503 507',
      ],
      ['GET /healthz', 'getHealthz', '', '', '200'],
      ['GET /readyz', 'getReadyz', '', '', '200 503'],
    ])
  })

  test('describes an operation with its body, parameters and answers', async () => {
    const { paths } = await fetchDocument()
    const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` })
    const json = (schema: object) => ({ 'application/json': { schema } })
    const error = (description: string) => ({ description, content: json(reference('Error')) })
    const common = {
      200: { description: 'Success', content: json(reference('Success')) },
      400: error('A parameter, a header or the body is missing or invalid'),
      401: error('The credentials are wrong, or the token is invalid or expired'),
      403: error(
        'Not allowed: for example, the object belongs to another user, or the email is not confirmed',
      ),
      404: error('The object does not exist, or the list is empty'),
      413: error('The body is larger than this server accepts'),
      500: error('A bug in the server'),
      503: error('The server is not ready now; Retry-After says when to retry'),
      507: error('The disk or the vault of the user is full'),
    }
    const schema = { type: 'string', minLength: 1 }
    expect(paths['/notes'].delete).toEqual({
      operationId: 'deleteNotes',
      summary: 'Move a note to the trash, or delete it permanently if it is there already',
      security: [{ token: [] }],
      parameters: [
        { in: 'query', name: 'id', required: true, schema, description: 'id of the note' },
      ],
      responses: common,
    })
    expect(paths['/notes'].put).toEqual({
      operationId: 'putNotes',
      summary: 'Change a note, or restore it from the trash',
      security: [{ token: [] }],
      parameters: [],
      requestBody: { required: true, content: json(reference('NoteInput')) },
      responses: {
        ...common,
        400: {
          description: common[400].description,
          content: json({ anyOf: [reference('Error'), reference('FieldErrors')] }),
        },
        408: error('The body did not arrive in time'),
      },
    })
    expect(paths['/confirm/{token}'].post).toEqual({
      operationId: 'postConfirm',
      summary: 'Confirm an email address with the link that was sent to it',
      security: [],
      parameters: [{ in: 'path', name: 'token', required: true, schema }],
      responses: {
        200: { description: 'Success', content: { 'text/html': { schema: { type: 'string' } } } },
      },
    })
    const list = { type: 'array', items: reference('Record') }
    expect(paths['/records'].get.responses[200].content).toEqual(json(list))
    expect(paths['/login'].get.responses[429]).toEqual(
      error('Too many attempts; Retry-After says when to retry'),
    )
    expect(paths['/notes'].post.responses[409]).toEqual(
      error('The id or the email is already taken'),
    )
  })

  test('names itself, the ways to sign in, and the shape of every body', async () => {
    const { openapi, info, servers, components } = await fetchDocument()
    expect({ openapi, info, servers }).toEqual({
      openapi: '3.1.0',
      info: {
        title: 'SnailPass',
        version: '1.2.3',
        summary: 'Password server that stores records, additional fields and notes as ciphertext',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
    })
    expect(components.securitySchemes).toEqual({
      token: { type: 'apiKey', in: 'header', name: 'x-access-token' },
      credentials: {
        type: 'http',
        scheme: 'basic',
        description:
          'Email as user name, master_password_hash as password; never the master password itself',
      },
    })

    const text = { type: 'string' }
    const flag = { type: 'boolean' }
    const idText = { ...text, minLength: 1, maxLength: 100 }
    const ciphertext = {
      ...{ ...text, minLength: 1, maxLength: 65_536, pattern: '^[^:]*:[^:]*$' },
      description: 'base64(data):base64(iv), encrypted by the client',
    }
    const time = {
      ...text,
      description: 'RFC 822 in UTC, for example `Mon, 23 Nov 2026 16:31:04 -0000`',
    }
    const object = (properties: object, optional: readonly string[] = []) => ({
      ...{ type: 'object', properties },
      required: Object.keys(properties).filter((name) => !optional.includes(name)),
    })
    const flags = { is_favorite: flag, is_deleted: flag }
    const entry = {
      ...{ user_id: text, is_favorite: flag },
      is_deleted: { ...flag, description: 'Whether it is in the trash' },
      ...{ creation_time: time, update_time: time },
    }
    const nullable = { type: ['string', 'null'] }
    const revision = { type: 'integer', description: 'Larger after each change of the entry' }
    const known = {
      type: ['integer', 'null'],
      description: 'The one that the client has read; null for a new entry',
    }
    const listOf = (items: object, maxItems?: number) => ({
      ...{ type: 'array', items },
      ...(maxItems !== undefined && { maxItems }),
    })
    const changesOf = (change: object) =>
      listOf({ anyOf: [change, { $ref: '#/components/schemas/EntryDeletion' }] }, 500)
    const state = { ...text, description: 'The state of the vault' }
    const record = {
      ...{ id: text, name: text, login: text, password: text, ...entry },
      additional_fields: listOf({ $ref: '#/components/schemas/AdditionalField' }),
    }
    const note = { id: text, name: text, content: text, ...entry }
    const recordInput = {
      ...{ id: idText, name: ciphertext, login: ciphertext, password: ciphertext, ...flags },
    }
    const noteInput = {
      ...{ id: idText, name: ciphertext, content: { ...ciphertext, maxLength: 524_288 }, ...flags },
    }
    const field = object({ id: idText, name: ciphertext, value: ciphertext })
    const token = {
      token: { ...text, description: 'Session token, for the header x-access-token' },
    }
    const stamp = object({ id: text, revision, creation_time: text, update_time: text })
    const oneOf = (...texts: string[]) => ({
      anyOf: texts.map((each) => ({ ...text, const: each })),
    })
    const count = (description: string) => ({ type: 'integer', description })
    const version = {
      version: count('Names the version; larger than that of all earlier ones'),
      reason: oneOf('replaced', 'deleted'),
      kept_time: count('When it was kept, in milliseconds since 1970'),
      size: count('Bytes that it takes of the history'),
    }
    expect(components.schemas).toEqual({
      Vault: object({
        state,
        records: listOf(object({ ...record, revision })),
        notes: listOf(object({ ...note, revision })),
        ...{ email: text, hint: nullable },
      }),
      VaultChanges: {
        type: 'object',
        properties: {
          records: changesOf(
            object({
              ...{ ...recordInput, revision: known },
              additional_fields: listOf(field),
            }),
          ),
          notes: changesOf(object({ ...noteInput, revision: known })),
        },
      },
      MasterPasswordChange: object(
        {
          ...{ master_password_hash: { ...idText, maxLength: 512 } },
          hint: { ...nullable, maxLength: 100 },
          email: { ...text, description: 'The one that the new keys were made with' },
          state: {
            ...{ ...text, minLength: 1 },
            description: 'The state of the vault that was encrypted again',
          },
          records: listOf(
            object({
              ...{ id: idText, name: ciphertext, login: ciphertext, password: ciphertext },
              additional_fields: listOf(field),
            }),
          ),
          notes: listOf(
            object({
              id: idText,
              name: ciphertext,
              content: { ...ciphertext, maxLength: 524_288 },
            }),
          ),
        },
        ['hint', 'email'],
      ),
      MasterPasswordChanged: object({ ...token, state }),
      EntryDeletion: object({
        ...{ id: text, revision: { type: 'integer' } },
        delete: { type: 'boolean', const: true },
      }),
      VaultWritten: object({ state, records: listOf(stamp), notes: listOf(stamp) }),
      History: object({
        is_kept: { ...flag, description: 'Whether this server keeps versions now' },
        max_size: count('Maximum sum of all sizes; the oldest versions go first'),
        versions: listOf(
          object({
            ...version,
            kind: oneOf('record', 'note'),
            entry: { ...text, description: 'id of the record or note' },
          }),
        ),
      }),
      Versions: object({
        records: listOf(object({ ...record, ...version })),
        notes: listOf(object({ ...note, ...version })),
      }),
      SignUp: object(
        {
          ...{ id: idText, email: { ...idText, format: 'email' } },
          master_password_hash: { ...idText, maxLength: 512 },
          hint: { ...nullable, maxLength: 100 },
        },
        ['hint'],
      ),
      User: object({ id: text, email: text, hint: nullable }),
      Token: object(token),
      Devices: object({
        devices: listOf(
          object({
            kind: { ...text, enum: [...deviceKinds] },
            network: { ...text, description: expect.any(String) },
            first_seen: { type: ['integer', 'null'], description: expect.any(String) },
            last_seen: { type: 'integer', description: expect.any(String) },
            is_current: { type: 'boolean', description: expect.any(String) },
          }),
        ),
      }),
      RecordInput: object(recordInput),
      Record: object(record),
      AdditionalFieldInput: object({
        ...{ id: idText, name: ciphertext, value: ciphertext, record_id: idText },
      }),
      AdditionalField: object({ id: text, name: text, value: text, record_id: text }),
      NoteInput: object(noteInput),
      Note: object(note),
      Success: object({ message: object({ success: text }) }),
      Error: object({ message: object({ error: { ...text, description: 'KIND. DETAIL' } }) }),
      FieldErrors: object({
        message: {
          ...object({ error: { ...text, description: 'Invalid Parameter. MEMBER: PROBLEM; …' } }),
          additionalProperties: text,
          description: 'What is wrong with each invalid member of the body',
        },
      }),
      Health: {
        ...object(
          {
            status: text,
            warnings: {
              type: 'array',
              items: object({ kind: text, detail: text }, ['detail']),
              description:
                'Problems that stop no request but need attention. `detail` is given only to requests from this machine',
            },
          },
          ['warnings'],
        ),
        additionalProperties: false,
      },
    })
  })

  test('is JSON, and does not describe itself or the challenges of certificate authorities', async () => {
    const answer = await createTestApi().ask('/openapi.json')
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
    const { paths } = await answer.json()
    expect(Object.keys(paths).filter((path) => /openapi|acme/.test(path))).toEqual([])
  })

  test('leaves out a route that nobody has described', () => {
    for (const hooks of [{}, { detail: null }, { detail: { summary: 'x' } }]) {
      const document = createOpenApiDocument([{ method: 'GET', path: '/x', hooks }], '1')
      expect(JSON.parse(document).paths).toEqual({})
    }
  })
})
