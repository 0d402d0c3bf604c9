import { describe, expect, test } from 'bun:test'
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
    clock.advance(599_000)
    expect(await tokens.verify('session', token)).toEqual(session)
    clock.advance(2_000)
    expect(await tokens.verify('session', token)).toBe('expired')
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
