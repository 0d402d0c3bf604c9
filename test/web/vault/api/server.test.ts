import { expect, spyOn, test } from 'bun:test'
import { connectToServer, type ServerApi } from '../../../../src/web/vault/api/server'
import type { WireRekeyedVault } from '../../../../src/web/vault/model/rekey'

const credentials = { email: 'märta@example.org', masterPasswordHash: 'aGFzaA==' }
const authorization = `Basic ${Buffer.from('märta@example.org:aGFzaA==').toString('base64')}`
const token = { 'x-access-token': 'token' }
const json = { 'content-type': 'application/json' }

const rekeyed: WireRekeyedVault = {
  ...{ master_password_hash: 'aGFzaA==', hint: 'h', email: 'm', state: 's' },
  ...{ records: [], notes: [] },
}
const changes = { records: [], notes: [{ id: 'n', revision: 1, delete: true } as const] }
const vault = { state: 's2', email: 'm', hint: null, records: [], notes: [] }
const written = { state: 's2', records: [], notes: [] }
const history = { is_kept: true, versions: [] }

interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly text: string
}

/** The API of a server that answers everything in this way, and the requests that it gets. */
function setUp({ status, headers, text }: Answer) {
  const asked: object[] = []
  const api = connectToServer((address, { signal, ...init }) => {
    expect(signal?.aborted).toBe(false)
    asked.push({ address, ...init })
    const hasBody = status !== 304
    return Promise.resolve(
      new Response(hasBody ? text : null, {
        ...(status !== undefined && { status }),
        ...(headers !== undefined && { headers }),
      }),
    )
  })
  return { api, asked }
}

const questions: readonly {
  readonly what: string
  readonly ask: (api: ServerApi) => Promise<unknown>
  readonly request: readonly [string, string, Record<string, string>, object?]
  readonly answer: object
  readonly value: unknown
}[] = [
  {
    what: 'a sign-in',
    ask: (api) => api.signIn(credentials),
    request: ['GET', '../login', { authorization }],
    ...{ answer: { token: 't' }, value: 't' },
  },
  {
    what: 'a new account',
    ask: (api) => api.signUp({ ...credentials, id: 'u', hint: 'h' }),
    request: [
      ...(['POST', '../users', json] as const),
      { id: 'u', email: credentials.email, hint: 'h', master_password_hash: 'aGFzaA==' },
    ],
    ...{ answer: {}, value: true },
  },
  {
    what: 'the vault',
    ask: (api) => api.readVault('token', null),
    request: ['GET', '../account/vault', token],
    ...{ answer: vault, value: vault },
  },
  {
    what: 'the vault since a state',
    ask: (api) => api.readVault('token', 's1'),
    request: ['GET', '../account/vault', { ...token, 'if-none-match': 'W/"s1"' }],
    ...{ answer: vault, value: vault },
  },
  {
    what: 'changes',
    ask: (api) => api.writeVault('token', changes),
    request: ['POST', '../account/vault', { ...token, ...json }, changes],
    ...{ answer: written, value: written },
  },
  {
    what: 'devices',
    ask: (api) => api.listDevices('token'),
    request: ['GET', '../account/devices', token],
    ...{ answer: { devices: [] }, value: [] },
  },
  {
    what: 'the end of sessions',
    ask: (api) => api.endSessions('token'),
    request: ['DELETE', '../account/sessions', token],
    ...{ answer: { token: 't' }, value: 't' },
  },
  {
    what: 'another master password',
    ask: (api) => api.changeMasterPassword(credentials, rekeyed),
    request: ['PUT', '../account/master-password', { authorization, ...json }, rekeyed],
    ...{ answer: { token: 't' }, value: { token: 't' } },
  },
  {
    what: 'the end of the account',
    ask: (api) => api.leave(credentials),
    request: ['DELETE', '../account', { authorization }],
    ...{ answer: {}, value: true },
  },
  {
    what: 'the history',
    ask: (api) => api.listHistory('token'),
    request: ['GET', '../account/history', token],
    ...{ answer: history, value: { isKept: true, versions: [] } },
  },
  {
    what: 'the versions of an entry',
    ask: (api) => api.readVersions('token', 'a/b'),
    request: ['GET', '../account/history/a%2Fb', token],
    ...{ answer: { records: [], notes: [] }, value: { state: '', records: [], notes: [] } },
  },
  {
    what: 'a version to be brought back',
    ask: (api) => api.restoreVersion('token', 7),
    request: ['POST', '../account/history/7/restore', token],
    ...{ answer: {}, value: true },
  },
  {
    what: 'the end of the history',
    ask: (api) => api.forgetHistory('token'),
    request: ['DELETE', '../account/history', token],
    ...{ answer: {}, value: true },
  },
]

const failureOf = async (answer: Answer) => {
  const { api } = setUp(answer)
  return await api.writeVault('token', changes)
}

test.each(questions)('asks for $what in one request, and tells no cache', async (question) => {
  const { ask, request, answer, value } = question
  const [method, address, headers, body] = request
  const { api, asked } = setUp({ text: JSON.stringify(answer) })
  expect(await ask(api)).toEqual({ ok: true, value })
  expect(asked).toEqual([
    {
      ...{ address, method, headers },
      ...{ cache: 'no-store', credentials: 'omit', redirect: 'error' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    },
  ])
  for (const text of ['<html>', 'null', '7']) {
    expect(await ask(setUp({ text }).api)).toEqual({ ok: false, failure: { kind: 'unexpected' } })
  }
})

test('asks for a file of the page beside it', async () => {
  const { api, asked } = setUp({ text: '{"a":1}' })
  expect(await api.readFile('app.js')).toEqual({ ok: true, value: '{"a":1}' })
  expect(asked).toEqual([
    {
      ...{ address: '../vault/app.js', method: 'GET', headers: {} },
      ...{ cache: 'no-store', credentials: 'omit', redirect: 'error' },
    },
  ])
})

test('has no other vault if the state is the known one, and takes 304 for that alone', async () => {
  expect(await setUp({ status: 304, text: '' }).api.readVault('token', 's1')).toEqual({
    ...{ ok: true, value: null },
  })
  const failure = { kind: 'refused', status: 404, retryAfter: null, detail: '' } as const
  expect(await setUp({ status: 404, text: '' }).api.readVault('token', 's1')).toEqual({
    ...{ ok: false, failure },
  })
})

test('tells what the server says of a refusal, and nothing of what it does not', async () => {
  const refused = (detail: string, retryAfter: number | null = null) =>
    ({ ok: false, failure: { kind: 'refused', status: 400, retryAfter, detail } }) as const
  const texts = [
    ...['{"message":{"error":"Too long"}}', '{"message":{"error":7}}', '{"message":"error"}'],
    ...['{"message":null}', '{"error":"Too long"}', 'null', '<html>'],
  ]
  const failures = await Promise.all(texts.map((text) => failureOf({ status: 400, text })))
  expect(failures).toEqual([refused('Too long'), ...texts.slice(1).map(() => refused(''))])
  for (const [seconds, retryAfter] of [
    ['90', 90],
    ['0', 0],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
  ] as const) {
    const headers = { 'retry-after': seconds }
    expect(await failureOf({ status: 400, headers, text: '{}' })).toEqual(refused('', retryAfter))
  }
})

test('has the entries as they are now with a refused change', async () => {
  const text = JSON.stringify(written)
  expect(await failureOf({ status: 412, text })).toEqual({
    ...{ ok: false, failure: { kind: 'outdated', present: written } },
  })
  const refused = (status: number) =>
    ({ ok: false, failure: { kind: 'refused', status, retryAfter: null, detail: '' } }) as const
  expect(await failureOf({ status: 412, text: '{}' })).toEqual(refused(412))
  expect(await failureOf({ status: 409, text })).toEqual(refused(409))
})

test('waits half a minute for each part of an answer, and for the request in a slow network', async () => {
  using timer = spyOn(globalThis, 'setTimeout')
  const delaysOf = async (ask: (api: ServerApi) => Promise<unknown>, answer: object) => {
    timer.mockClear()
    await ask(setUp({ text: JSON.stringify(answer) }).api)
    return timer.mock.calls.map(([, delay]) => delay)
  }
  const parts = [30_000, 30_000]
  expect(await delaysOf((api) => api.readVault('token', null), vault)).toEqual([30_000, ...parts])
  // 32 bytes a millisecond.
  const request = JSON.stringify(changes).length / 32
  expect(await delaysOf((api) => api.writeVault('token', changes), written)).toEqual([
    ...[30_000 + request, ...parts],
  ])
})
