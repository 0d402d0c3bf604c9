import { describe, expect, spyOn, test } from 'bun:test'
import { hkdfSync } from 'node:crypto'
import { jwt } from '@elysiajs/jwt'
import { createTokens } from '../../src/crypto/tokens'
import { fakeClock, random } from '../support/timing'

const session = { purpose: 'session', userId: 'улитка', epoch: 'e' } as const
const confirmation = { purpose: 'confirmation', userId: 'u', email: 'a@b.c' } as const

function createTokenSetup() {
  const clock = fakeClock()
  const key = random(32)
  return { clock, key, tokens: createTokens(key, clock) }
}

/** Returns a token with another header or payload, and the signature of the given one. */
function withParts(token: string, parts: { header?: unknown; payload?: unknown }): string {
  const [header, payload, signature] = token.split('.')
  const encode = (part: unknown, original: string | undefined) =>
    part === undefined ? original : Buffer.from(JSON.stringify(part)).toString('base64url')
  return [encode(parts.header, header), encode(parts.payload, payload), signature].join('.')
}

describe('a token', () => {
  test('contains the claims that it was issued with', async () => {
    const { tokens } = createTokenSetup()
    expect(await tokens.verify('session', await tokens.issue(session, 600))).toEqual(session)
    expect(await tokens.verify('confirmation', await tokens.issue(confirmation, 600))).toEqual(
      confirmation,
    )
  })

  test('is valid until it expires', async () => {
    const { clock, tokens } = createTokenSetup()
    const token = await tokens.issue(session, 600)
    const unseen = await tokens.issue(session, 600)
    clock.advance(599_999)
    expect(await tokens.verify('session', token)).toEqual(session)
    // Verified before, or not.
    clock.advance(1)
    expect(await tokens.verify('session', token)).toBe('expired')
    expect(await tokens.verify('session', unseen)).toBe('expired')
    clock.advance(-1)
    expect(await tokens.verify('session', token)).toEqual(session)
    // However long ago.
    clock.advance(50 * 365 * 24 * 3_600_000)
    expect(await tokens.verify('session', token)).toBe('expired')
  })

  test('has no other content than its claims and its expiry', async () => {
    const { clock, tokens } = createTokenSetup()
    clock.advance(999)
    const token = await tokens.issue(session, 600)
    const [header, payload] = token
      .split('.')
      .slice(0, 2)
      .map((part) => {
        return JSON.parse(Buffer.from(part, 'base64url').toString())
      })
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT' })
    expect(payload).toEqual({
      ...{ sub: 'улитка', purpose: 'session', epoch: 'e' },
      exp: (clock() - 999) / 1000 + 600,
    })
  })

  test('is verified once, and again after others took its place in memory or it expired', async () => {
    const { clock, tokens } = createTokenSetup()
    const issued = await Promise.all(
      Array.from({ length: 1_001 }, (_, index) => tokens.issue(session, 600 + index)),
    )
    const [first = '', second = ''] = issued
    using spy = spyOn(crypto.subtle, 'verify')
    const countOf = async (token: string) => {
      const before = spy.mock.calls.length
      await tokens.verify('session', token)
      return spy.mock.calls.length - before
    }
    for (const token of issued.slice(0, 1_000)) await tokens.verify('session', token)
    expect(spy).toHaveBeenCalledTimes(1_000)
    expect([await countOf(first), await countOf(issued[999] ?? '')]).toEqual([0, 0])
    // One more than there is room for.
    expect(await countOf(issued[1_000] ?? '')).toBe(1)
    expect([await countOf(second), await countOf(first)]).toEqual([0, 1])
    clock.advance(600_000)
    expect(await countOf(first)).toBe(2)
    clock.advance(-1)
    expect([await countOf(first), await countOf(first)]).toEqual([1, 0])
    // What is invalid is not kept.
    expect([await countOf(`${first}x`), await countOf(`${first}x`)]).toEqual([2, 2])
  })

  test('never serves another purpose, not even after it expired', async () => {
    const { clock, tokens } = createTokenSetup()
    const token = await tokens.issue(confirmation, 600)
    expect(await tokens.verify('session', token)).toBe('invalid')
    // Verified for its own purpose it is cached, and still serves no other.
    expect(await tokens.verify('confirmation', token)).toEqual(confirmation)
    expect(await tokens.verify('session', token)).toBe('invalid')
    clock.advance(3_600_000)
    expect(await tokens.verify('session', token)).toBe('invalid')
  })

  test('of another key is invalid', async () => {
    const { tokens, clock } = createTokenSetup()
    const foreign = await createTokens(random(32), clock).issue(session, 600)
    expect(await tokens.verify('session', foreign)).toBe('invalid')
  })

  test('of another algorithm, or without a signature, is invalid', async () => {
    const { tokens } = createTokenSetup()
    const token = await tokens.issue(session, 600)
    const none = withParts(token, { header: { alg: 'none', typ: 'JWT' } })
    expect(await tokens.verify('session', none)).toBe('invalid')
    expect(await tokens.verify('session', `${none.split('.').slice(0, 2).join('.')}.`)).toBe(
      'invalid',
    )
    const other = withParts(token, { header: { alg: 'HS512', typ: 'JWT' } })
    expect(await tokens.verify('session', other)).toBe('invalid')
  })

  test('that was signed by our key with HS512, or without an expiry, is invalid', async () => {
    const { key, tokens, clock } = createTokenSetup()
    const derived = new Uint8Array(hkdfSync('sha256', key, '', 'snailpass tokens', 32))
    const sign = (claims: Record<string, string | number>, alg: 'HS256' | 'HS512' = 'HS256') =>
      jwt({ name: 'jwt', secret: derived, alg }).decorator.jwt.sign({ ...claims, iat: false })
    const claims = { sub: 'u', purpose: 'session', epoch: 'e', exp: clock() / 1000 + 600 }

    expect(await tokens.verify('session', await sign(claims))).toMatchObject({ userId: 'u' })
    expect(await tokens.verify('session', await sign(claims, 'HS512'))).toBe('invalid')
    const { epoch, ...withoutEpoch } = claims
    for (const other of [
      { ...withoutEpoch, email: 'a@b.c' },
      { ...claims, purpose: 'confirmation' },
      { ...claims, purpose: 'other', email: 'a@b.c' },
    ]) {
      const token = await sign(other)
      expect(await tokens.verify('session', token)).toBe('invalid')
      expect(await tokens.verify('confirmation', token)).toBe('invalid')
    }
    expect(epoch).toBe('e')
    for (const missing of Object.keys(claims)) {
      const rest = Object.entries(claims).filter(([name]) => name !== missing)
      const token = await sign(Object.fromEntries(rest))
      expect(await tokens.verify('session', token), missing).toBe('invalid')
    }
  })

  test.each([
    ['nothing', ''],
    ['dots', '..'],
    ['three characters', 'a.b.c'],
    ['a snail', '🐌'],
    ['very long', 'x'.repeat(16_000)],
  ])('is not %s', async (_name, text) => {
    const { tokens } = createTokenSetup()
    expect(await tokens.verify('session', text)).toBe('invalid')
  })
})
