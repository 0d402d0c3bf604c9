import { expect, test } from 'bun:test'
import { connectToServer, type Failure, type Result } from '../../../../src/web/vault/api/server'
import { createSession } from '../../../../src/web/vault/api/session'
import { refused } from '../../../support/page-app'

const credentials = { email: 'marta@example.org', masterPasswordHash: 'hash' }
const ended = {
  ok: false,
  failure: { kind: 'refused', status: 401, retryAfter: null, detail: 'Invalid token' },
} as const

test('a token that was replaced while it was used is no end of the session', async () => {
  const api = connectToServer(() => Promise.reject(new TypeError('no network')))
  const session = createSession(api, credentials, 'old')
  const asked: string[] = []
  const ask = async (token: string): Promise<Result<true>> => {
    asked.push(token)
    if (token === 'new') return { ok: true, value: true }
    if (asked.length > 1) session.renew('new')
    return ended
  }
  expect(await session.ask(ask)).toEqual({ ok: false, failure: { kind: 'signed-out' } })
  expect(await session.ask(ask)).toEqual({ ok: true, value: true })
  expect(asked).toEqual(['old', 'old', 'new'])
})

/** A session whose server answers a sign-in in this way, and the tokens with which it was asked. */
function setUp(signIn: () => Result<string> | Promise<Result<string>>) {
  const api = connectToServer(() => Promise.reject(new TypeError('no network')))
  const signIns: unknown[] = []
  const withSignIn = {
    ...api,
    signIn: async (given: unknown) => {
      signIns.push(given)
      return await signIn()
    },
  }
  const asked: string[] = []
  const session = createSession(withSignIn, credentials, 'old')
  const askWith = (good: string, failure: Failure = refused(401, 'Token expired')) =>
    session.ask<string>((token) => {
      asked.push(token)
      return Promise.resolve(
        token === good ? { ok: true, value: token } : ({ ok: false, failure } as const),
      )
    })
  return { session, signIns, asked, askWith }
}

const signedOut = { ok: false, failure: { kind: 'signed-out' } } as const

test('an expired token is renewed once for all requests that find it expired', async () => {
  const signedIn = Promise.withResolvers<Result<string>>()
  const { session, signIns, asked, askWith } = setUp(() => signedIn.promise)
  expect(session.credentials).toEqual(credentials)
  const both = Promise.all([askWith('new'), askWith('new')])
  await Promise.resolve()
  signedIn.resolve({ ok: true, value: 'new' })
  const answer = { ok: true, value: 'new' } as const
  expect(await both).toEqual([answer, answer])
  expect(signIns).toEqual([credentials])
  expect(await askWith('new')).toEqual(answer)
  expect(asked).toEqual(['old', 'old', 'new', 'new', 'new'])
})

test('a later token that expired is renewed as well', async () => {
  let count = 0
  const { signIns, askWith } = setUp(() => {
    count++
    return { ok: true, value: `new ${count}` }
  })
  expect(await askWith('new 1')).toEqual({ ok: true, value: 'new 1' })
  expect(await askWith('new 2')).toEqual({ ok: true, value: 'new 2' })
  expect(signIns).toHaveLength(2)
})

test('a session ends if its credentials hold no more, and only then', async () => {
  const away = { ok: false, failure: { kind: 'offline' } } as const
  for (const [signedIn, outcome] of [
    [{ ok: false, failure: refused(401) }, signedOut],
    [away, away],
    [
      { ok: false, failure: refused(429) },
      { ok: false, failure: refused(429) },
    ],
    // The server takes the new token for none.
    [{ ok: true, value: 'bad' }, signedOut],
  ] as const) {
    const { asked, askWith } = setUp(() => signedIn)
    expect(await askWith('good')).toEqual(outcome)
    expect(asked).toEqual(signedIn.ok ? ['old', 'bad'] : ['old'])
  }
})

test('no other refusal makes a session sign in again', async () => {
  for (const failure of [
    ...[refused(401, 'Invalid token'), refused(403, 'Token expired'), refused(500)],
    ...([{ kind: 'offline' }, { kind: 'unexpected' }] as const),
  ]) {
    const { signIns, asked, askWith } = setUp(() => ({ ok: true, value: 'new' }))
    const isEnd = failure.kind === 'refused' && failure.status === 401
    expect(await askWith('new', failure)).toEqual(isEnd ? signedOut : { ok: false, failure })
    expect([signIns, asked]).toEqual([[], ['old']])
  }
})
