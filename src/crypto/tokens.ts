import { createHmac, hkdfSync } from 'node:crypto'
import { jwt } from '@elysiajs/jwt'
import { setNewest } from '../domain/newest-entries'
import type { Clock, MonotonicClock } from '../domain/runtime'
import type { TokenClaims, TokenPurpose, Tokens, Verified } from '../domain/tokens'

/** Maximum number of verified tokens that are cached: far more than a household has. */
const maxRemembered = 1_000

/** Milliseconds by which the clocks of servers may differ, and by which a token may outlive its lifetime. */
const clockTolerance = 5 * 60_000

/** In seconds, larger than any age: the library checks signature and form, and this file the times. */
const unlimitedAge = 100 * 365 * 24 * 3600

/** A token with a valid signature. Times are in milliseconds. */
interface VerifiedToken {
  readonly claims: TokenClaims
  /** By the clock. */
  readonly validFrom: number
  readonly validUntil: number
  /** By the monotonic clock: setting the clock back prolongs no token that was seen before. */
  readonly deadline: number
}

/**
 * Issues and verifies HS256 tokens (RFC 7519). Their key is derived from the secret key for this use only (RFC 5869), so no
 * other use of the secret key can issue or verify one. `lifetimes` are in seconds.
 *
 * A token is valid until its `exp`, but no longer than its lifetime and five minutes after its `iat`, and never before its
 * `iat`: otherwise a token that was issued while the clock was years ahead would be valid for years.
 */
export function createTokens(
  secretKey: Uint8Array,
  {
    clock,
    monotonicClock,
    lifetimes,
  }: {
    clock: Clock
    monotonicClock: MonotonicClock
    lifetimes: Readonly<Record<TokenPurpose, number>>
  },
): Tokens {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, '', 'snailpass tokens', 32))
  const library = jwt({ name: 'jwt', secret: key }).decorator.jwt

  /** Returns null unless the token is ours. */
  const read = async (token: string): Promise<VerifiedToken | null> => {
    const payload = await library.verify(token, {
      algorithms: ['HS256'],
      requiredClaims: ['exp'],
      currentDate: new Date(0),
      clockTolerance: unlimitedAge,
    })
    const claims = payload === false ? null : parseClaims(payload)
    if (payload === false || claims === null || typeof payload.exp !== 'number') return null
    const lifetime = lifetimes[claims.purpose]
    // Earlier versions issued tokens without `iat`.
    const issued = payload.iat ?? payload.exp - lifetime
    const validUntil = Math.min(payload.exp * 1000, (issued + lifetime) * 1000 + clockTolerance)
    return {
      claims,
      validFrom: issued * 1000 - clockTolerance,
      validUntil,
      deadline: monotonicClock() + validUntil - clock() + clockTolerance,
    }
  }

  const isValid = ({ validFrom, validUntil, deadline }: VerifiedToken) => {
    const now = clock()
    return now >= validFrom && now < validUntil && monotonicClock() < deadline
  }

  // Clients send their token with every request; the Windows client sends hundreds at once. Only tokens that were valid are
  // cached, so clients without a session can't fill the cache.
  const verified = new Map<string, VerifiedToken>()
  const remember = (token: string, read: VerifiedToken) =>
    setNewest(verified, { key: token, value: read, max: maxRemembered })

  /** Returns the claims of a token with a valid signature, if it is for this purpose and now is its time. */
  function check<P extends TokenPurpose>(purpose: P, found: VerifiedToken): Verified<P> {
    if (!hasPurpose(purpose, found.claims)) return 'invalid'
    return isValid(found) ? found.claims : 'expired'
  }

  async function verifyUnknown<P extends TokenPurpose>(
    purpose: P,
    token: string,
  ): Promise<Verified<P>> {
    const found = await read(token)
    const result = found === null ? 'invalid' : check(purpose, found)
    if (found !== null && typeof result === 'object') remember(token, found)
    return result
  }

  /** Returns when a token expires, in seconds since 1970. */
  async function endOf(token: string): Promise<number> {
    const found = verified.get(token) ?? (await read(token))
    if (found === null) throw new Error('a token of another server has no successor')
    return Math.floor(found.validUntil / 1000)
  }

  return {
    async issue({ userId, ...claims }, predecessor) {
      const iat = Math.floor(clock() / 1000)
      const end = predecessor === undefined ? Number.POSITIVE_INFINITY : await endOf(predecessor)
      const exp = Math.min(iat + lifetimes[claims.purpose], end)
      return sign({ sub: userId, ...claims, iat, exp }, key)
    },

    verify(purpose, token) {
      const known = verified.get(token)
      return known === undefined ? verifyUnknown(purpose, token) : check(purpose, known)
    },
  }
}

/** Returns a signed token. The library that verifies tokens takes `iat` from the clock of the system only. */
function sign(payload: Readonly<Record<string, string | number>>, key: Uint8Array): string {
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

function hasPurpose<P extends TokenPurpose>(
  purpose: P,
  claims: TokenClaims,
): claims is Extract<TokenClaims, { purpose: P }> {
  return claims.purpose === purpose
}

function parseClaims(payload: Readonly<Record<string, unknown>>): TokenClaims | null {
  const { purpose, sub: userId, epoch, email } = payload
  if (typeof userId !== 'string') return null
  if (purpose === 'session' && typeof epoch === 'string') return { purpose, userId, epoch }
  if (purpose === 'confirmation' && typeof email === 'string') return { purpose, userId, email }
  return null
}
