import { describe, expect, spyOn, test } from 'bun:test'
import { createHmac, hkdfSync } from 'node:crypto'
import { captureError } from '../support/capture-error'
import { fakeClock, random } from '../support/timing'
import { createTestTokens } from '../support/tokens'

const session = { purpose: 'session', userId: 'улитка', epoch: 'e' } as const
const confirmation = { purpose: 'confirmation', userId: 'u', email: 'a@b.c' } as const

function createTokenSetup() {
  const [clock, monotonicClock] = [fakeClock(), fakeClock(0)]
  const key = random(32)
  return { clock, monotonicClock, key, tokens: createTestTokens(key, clock, { monotonicClock }) }
}

/** Signs any claims with the key of the tokens. */
function signWith(
  key: Uint8Array,
  claims: Readonly<Record<string, unknown>>,
  alg: 'HS256' | 'HS512' = 'HS256',
): string {
  const derived = new Uint8Array(hkdfSync('sha256', key, '', 'snailpass tokens', 32))
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`
  const hmac = createHmac(alg === 'HS256' ? 'sha256' : 'sha512', derived)
  return `${signed}.${hmac.update(signed).digest('base64url')}`
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
    expect(await tokens.verify('session', await tokens.issue(session))).toEqual(session)
    expect(await tokens.verify('confirmation', await tokens.issue(confirmation))).toEqual(
      confirmation,
    )
  })

  test('is valid until it expires', async () => {
    const { clock, tokens } = createTokenSetup()
    const token = await tokens.issue(session)
    const unseen = await tokens.issue(session)
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

  test('with a predecessor expires with it, and no later than others', async () => {
    const { clock, tokens } = createTokenSetup()
    const first = await tokens.issue(session)
    clock.advance(590_000)
    const second = await tokens.issue({ ...session, epoch: 'f' }, first)
    // One that was not seen before either.
    const third = await tokens.issue({ ...session, epoch: 'g' }, second)
    clock.advance(9_999)
    expect(await tokens.verify('session', third)).toEqual({ ...session, epoch: 'g' })
    clock.advance(1)
    for (const token of [first, second, third])
      expect(await tokens.verify('session', token)).toBe('expired')
    const lasting = createTestTokens(random(32), clock, { session: 6_000 })
    const short = createTestTokens(random(32), clock)
    const failure = captureError(short.issue(session, await lasting.issue(session)))
    expect(await failure).toMatchObject({ message: expect.stringContaining('another server') })
  })

  test('has no other content than its claims, when it was issued and its expiry', async () => {
    const { clock, tokens } = createTokenSetup()
    clock.advance(999)
    const token = await tokens.issue(session)
    const [header, payload] = token
      .split('.')
      .slice(0, 2)
      .map((part) => {
        return JSON.parse(Buffer.from(part, 'base64url').toString())
      })
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT' })
    expect(payload).toEqual({
      ...{ sub: 'улитка', purpose: 'session', epoch: 'e' },
      iat: (clock() - 999) / 1000,
      exp: (clock() - 999) / 1000 + 600,
    })
  })

  test('is verified once, and again after others took its place in memory', async () => {
    const { clock, tokens } = createTokenSetup()
    const issued = await Promise.all(
      Array.from({ length: 1_001 }, (_, index) =>
        tokens.issue({ ...session, userId: String(index) }),
      ),
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
    // What is invalid, or had expired when it was first seen, is not kept.
    expect([await countOf(`${first}x`), await countOf(`${first}x`)]).toEqual([1, 1])
    const late = await tokens.issue({ ...session, userId: 'late' })
    clock.advance(600_000)
    expect([await countOf(late), await countOf(late)]).toEqual([1, 1])
  })

  test('never serves another purpose, not even after it expired', async () => {
    const { clock, tokens } = createTokenSetup()
    const token = await tokens.issue(confirmation)
    expect(await tokens.verify('session', token)).toBe('invalid')
    // Verified for its own purpose it is cached, and still serves no other.
    expect(await tokens.verify('confirmation', token)).toEqual(confirmation)
    expect(await tokens.verify('session', token)).toBe('invalid')
    clock.advance(3_600_000)
    expect(await tokens.verify('session', token)).toBe('invalid')
  })

  test('of another key is invalid', async () => {
    const { tokens, clock } = createTokenSetup()
    const foreign = await createTestTokens(random(32), clock).issue(session)
    expect(await tokens.verify('session', foreign)).toBe('invalid')
  })

  test('of another algorithm, or without a signature, is invalid', async () => {
    const { tokens } = createTokenSetup()
    const token = await tokens.issue(session)
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
    const sign = (claims: Readonly<Record<string, unknown>>, alg?: 'HS512') =>
      signWith(key, claims, alg)
    const claims = { sub: 'u', purpose: 'session', epoch: 'e', exp: clock() / 1000 + 600 }

    expect(await tokens.verify('session', sign(claims))).toMatchObject({ userId: 'u' })
    expect(await tokens.verify('session', sign(claims, 'HS512'))).toBe('invalid')
    const { epoch, ...withoutEpoch } = claims
    for (const other of [
      { ...withoutEpoch, email: 'a@b.c' },
      { ...claims, purpose: 'confirmation' },
      { ...claims, purpose: 'other', email: 'a@b.c' },
    ]) {
      const token = sign(other)
      expect(await tokens.verify('session', token)).toBe('invalid')
      expect(await tokens.verify('confirmation', token)).toBe('invalid')
    }
    expect(epoch).toBe('e')
    for (const missing of Object.keys(claims)) {
      const rest = Object.entries(claims).filter(([name]) => name !== missing)
      const token = sign(Object.fromEntries(rest))
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

const [minute, day] = [60_000, 86_400_000]

describe('a token that was issued while the clock was wrong', () => {
  test.each([3, 30, 365, 3653])(
    '%d days ahead has expired once the clock is right',
    async (days) => {
      const { clock, tokens } = createTokenSetup()
      clock.advance(days * day)
      const [token, link] = [await tokens.issue(session), await tokens.issue(confirmation)]
      expect(await tokens.verify('session', token)).toEqual(session)
      clock.advance(-days * day)
      // Seen before or not, and for as long as its `exp` is in the future.
      for (const later of [0, minute, day]) {
        clock.advance(later)
        expect(await tokens.verify('session', token)).toBe('expired')
        expect(await tokens.verify('confirmation', link)).toBe('expired')
      }
    },
  )

  test.each([-3, -365, -20_000])('%d days behind has expired as well', async (days) => {
    const { clock, tokens } = createTokenSetup()
    clock.advance(days * day)
    const token = await tokens.issue(session)
    expect(await tokens.verify('session', token)).toEqual(session)
    clock.advance(-days * day)
    expect(await tokens.verify('session', token)).toBe('expired')
  })

  test('by up to five minutes is valid: the clocks of servers differ', async () => {
    const { clock, tokens } = createTokenSetup()
    const token = await tokens.issue(session)
    clock.advance(-5 * minute)
    expect(await tokens.verify('session', token)).toEqual(session)
    clock.advance(-1)
    expect(await tokens.verify('session', token)).toBe('expired')
  })
})

describe('a token that was seen before', () => {
  test('lives no longer when the clock is set back again and again', async () => {
    const { clock, monotonicClock, tokens } = createTokenSetup()
    const token = await tokens.issue(session)
    for (let minutes = 0; minutes < 15; minutes++) {
      expect(await tokens.verify('session', token)).toEqual(session)
      monotonicClock.advance(minute)
    }
    expect(await tokens.verify('session', token)).toBe('expired')
    clock.advance(-minute)
    expect(await tokens.verify('session', token)).toBe('expired')
  })
})

describe('a token that our key signed', () => {
  const claims = { sub: 'u', purpose: 'session', epoch: 'e' }
  const valid = { purpose: 'session', userId: 'u', epoch: 'e' } as const

  test('is valid for its lifetime and five minutes at most, whatever its expiry is', async () => {
    const { clock, key } = createTokenSetup()
    const now = clock() / 1000
    for (const [lifetime, exp] of [
      [600, now + 86_400],
      [600, now + 315_360_000],
      [60, now + 600],
      [86_400, now + 1e11],
    ] as const) {
      const token = signWith(key, { ...claims, iat: now, exp })
      const end = Math.min(exp, now + lifetime + 300)
      const at = (time: number) =>
        createTestTokens(key, () => time, { session: lifetime }).verify('session', token)
      expect(await at(end * 1000 - 1)).toEqual(valid)
      expect(await at(end * 1000)).toBe('expired')
    }
  })

  test('without the time of its issue is valid until its expiry, unless that is too far away', async () => {
    const { clock, key, tokens } = createTokenSetup()
    const now = clock() / 1000
    const old = signWith(key, { ...claims, exp: now + 600 })
    expect(await tokens.verify('session', old)).toEqual(valid)
    clock.advance(599_999)
    expect(await tokens.verify('session', old)).toEqual(valid)
    clock.advance(1)
    expect(await tokens.verify('session', old)).toBe('expired')
    const far = signWith(key, { ...claims, exp: clock() / 1000 + 901 })
    expect(await tokens.verify('session', far)).toBe('expired')
    const farther = signWith(key, { ...claims, exp: clock() / 1000 + 315_360_000 })
    expect(await tokens.verify('session', farther)).toBe('expired')
  })

  test.each(['soon', null, {}])('with the time of its issue as %p is invalid', async (iat) => {
    const { clock, key, tokens } = createTokenSetup()
    const token = signWith(key, { ...claims, iat, exp: clock() / 1000 + 600 })
    expect(await tokens.verify('session', token)).toBe('invalid')
  })
})
