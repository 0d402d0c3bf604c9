import { describe, expect, test } from 'bun:test'
import type { Credentials } from '../../src/domain/credential-check'
import { DomainError } from '../../src/domain/errors'
import type { LoginRequest } from '../../src/domain/login'
import type { SignUp, SignUpRequest } from '../../src/domain/users'
import { parseBasicCredentials } from '../../src/http/basic-credentials'
import { createNeedsHttps } from '../../src/http/require-https'
import { createTestApi, handleRequest } from '../support/api'

const encode = (text: string) => Buffer.from(text).toString('base64')

describe('Basic credentials', () => {
  test.each([
    [`Basic ${encode('a@b.cc:hash')}`, 'a@b.cc', 'hash'],
    [`bASIC   ${encode('a@b.cc:hash')}  `, 'a@b.cc', 'hash'],
    [`Basic ${encode('a@b.cc::a:b=')}`, 'a@b.cc', ':a:b='],
    [`Basic ${encode('é@b.cc:x')}`, 'é@b.cc', 'x'],
    [`Basic ${Buffer.from('é@b.cc:ÿ', 'latin1').toString('base64')}`, 'é@b.cc', 'ÿ'],
    [`Basic ${encode('a:b')}`, 'a', 'b'],
  ])('%p are parsed', (header, email, masterPasswordHash) => {
    expect(parseBasicCredentials(header)).toEqual({ email, masterPasswordHash })
  })

  test.each([
    null,
    '',
    'Basic',
    'Basic ',
    `Basic${encode('a:b')}`,
    `Bearer ${encode('a:b')}`,
    `x Basic ${encode('a:b')}`,
    `Basic ${encode('a:b')} x`,
    `Basic ${encode('a:b')}===`,
    `Basic ${encode('no colon')}`,
    `Basic ${encode(':hash')}`,
    `Basic ${encode('a@b.cc:')}`,
    'Basic a-_b',
  ])('%p are missing or incomplete', (header) => {
    expect(parseBasicCredentials(header)).toBeNull()
  })
})

const client = { address: '203.0.113.9', isSecure: false }
const forbidden = {
  message: { error: 'Access Denied. Sign in over HTTPS: this connection can be overheard' },
}

/** Where a request came from, with the base URL for it. */
type Where<R> = Omit<R, 'baseUrl'> & { readonly baseUrl: string }

/** An API that asks for HTTPS from a client at a public address, and what its rules were called with. */
function createRecordingApi(isHttpAllowed = true) {
  const logins: (Credentials & Where<LoginRequest>)[] = []
  const signUps: (SignUp & Where<SignUpRequest>)[] = []
  const user = {
    ...{ id: 'u', email: 'a@b.cc', passwordHash: '', hint: null, emailConfirmed: true },
    ...{
      sessionEpoch: '',
      creationTime: 0,
      isDisabled: false,
      loginTime: null,
      deletionTime: null,
    },
  }
  const { api, ask } = createTestApi({
    needsHttps: createNeedsHttps((address) => {
      expect(address).toBe(client.address)
      return isHttpAllowed
    }),
    resolveBaseUrl: (request, { address }) => `${new URL(request.url).pathname} of ${address}`,
    login: {
      login: (credentials, request) => {
        logins.push({ ...credentials, ...request, baseUrl: request.baseUrl() })
        return Promise.resolve({ user, token: 'a token' })
      },
    },
    users: {
      signUp: (signUp, request) => {
        signUps.push({ ...signUp, ...request, baseUrl: request.baseUrl() })
        return Promise.resolve()
      },
    },
  })
  return { api, ask, logins, signUps }
}

const authorization = `Basic ${encode('a@b.cc:hash')}`
const signUpBody = { id: 'i', email: 'A@b.cc', master_password_hash: 'hash', hint: 'a hint' }
const signUpInit = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(signUpBody),
}

describe('a login', () => {
  test('passes its credentials, where they come from and its bounds to the rule', async () => {
    const { api, logins } = createRecordingApi()
    const request = new Request('http://pi/login', {
      headers: { authorization, 'x-access-token': 'stale', 'user-agent': 'okhttp/4.9.0' },
    })
    const answer = await handleRequest(api, request, { client })
    expect([answer.status, await answer.json()]).toEqual([200, { token: 'a token' }])
    expect(logins).toEqual([
      {
        ...{ email: 'a@b.cc', masterPasswordHash: 'hash', address: client.address },
        kind: 'android',
        ...{ bounds: api.contexts.get(request), baseUrl: '/login of 203.0.113.9' },
      },
    ])
    expect(api.contexts.get(request).userId).toBe('u')
  })

  test('without credentials is refused before the rule', async () => {
    const { ask, logins } = createRecordingApi()
    const answer = await ask('/login', {}, { client })
    expect([answer.status, await answer.json()]).toEqual([
      401,
      {
        message: {
          error: "Authentication Error. Authentication info missing or it's incomplete",
        },
      },
    ])
    expect(logins).toEqual([])
  })

  test('needs HTTPS unless the client is allowed to do without', async () => {
    const { ask, logins } = createRecordingApi(false)
    for (const init of [{ headers: { authorization } }, {}]) {
      const answer = await ask('/login', init, { client })
      expect([answer.status, await answer.json()]).toEqual([403, forbidden])
    }
    expect(logins).toEqual([])
    const secure = { client: { ...client, isSecure: true } }
    expect((await ask('/login', { headers: { authorization } }, secure)).status).toBe(200)
  })
})

describe('a sign-up', () => {
  test('passes its members and where it comes from to the rule', async () => {
    const { api, signUps } = createRecordingApi()
    const request = new Request('http://pi/users', signUpInit)
    const answer = await handleRequest(api, request, { client })
    expect([answer.status, await answer.json()]).toEqual([
      201,
      {
        message: {
          success: "User created successfully i. Confirmation link is sent to user's email",
        },
      },
    ])
    expect(signUps).toEqual([
      {
        ...{ id: 'i', email: 'A@b.cc', masterPasswordHash: 'hash', hint: 'a hint' },
        ...{ address: client.address, baseUrl: '/users of 203.0.113.9' },
        bounds: api.contexts.get(request),
      },
    ])
    expect(api.contexts.get(request).userId).toBe('i')
  })

  test('needs no hint', async () => {
    const { ask, signUps } = createRecordingApi()
    for (const hint of [null, undefined]) {
      const body = JSON.stringify({ ...signUpBody, hint })
      expect((await ask('/users', { ...signUpInit, body }, { client })).status).toBe(201)
    }
    expect(signUps.map(({ hint }) => hint)).toEqual([null, null])
  })

  test('needs HTTPS unless the client is allowed to do without, whatever its body is', async () => {
    const { ask, signUps } = createRecordingApi(false)
    for (const init of [signUpInit, { ...signUpInit, body: '' }]) {
      const answer = await ask('/users', init, { client })
      expect([answer.status, await answer.json()]).toEqual([403, forbidden])
    }
    expect(signUps).toEqual([])
    const secure = { client: { ...client, isSecure: true } }
    expect((await ask('/users', signUpInit, secure)).status).toBe(201)
  })

  test('that the rule refuses names no user in the log', async () => {
    const error = new DomainError('conflict', 'taken')
    const { api } = createTestApi({ users: { signUp: () => Promise.reject(error) } })
    const request = new Request('http://pi/users', signUpInit)
    expect((await handleRequest(api, request)).status).toBe(409)
    expect(api.contexts.get(request).userId).toBeNull()
  })
})
