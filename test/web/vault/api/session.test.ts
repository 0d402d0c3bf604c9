import { expect, test } from 'bun:test'
import { connectToServer, type Result } from '../../../../src/web/vault/api/server'
import { createSession } from '../../../../src/web/vault/api/session'

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
