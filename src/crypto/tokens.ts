import { hkdfSync } from 'node:crypto'
import { jwt } from '@elysiajs/jwt'
import type { Clock } from '../domain/runtime'
import type { TokenClaims, Tokens } from '../domain/tokens'

/** Maximum number of verified tokens that are cached: far more than a household has. */
const maxRemembered = 1_000

/** Clock tolerance in seconds, larger than any age. A token that is valid only with this tolerance has expired. */
const unlimitedAge = 100 * 365 * 24 * 3600

/**
 * Issues and verifies HS256 tokens (RFC 7519). Their key is derived from the secret key for this use only (RFC 5869), so no
 * other use of the secret key can issue or verify one.
 */
export function createTokens(secretKey: Uint8Array, clock: Clock): Tokens {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, '', 'snailpass tokens', 32))
  const signer = jwt({ name: 'jwt', secret: key }).decorator.jwt

  const verifyJwt = (token: string, clockTolerance: number) =>
    signer.verify(token, {
      algorithms: ['HS256'],
      requiredClaims: ['exp'],
      currentDate: new Date(clock()),
      clockTolerance,
    })

  // Clients send their token with every request; the Windows client sends hundreds at once. Only valid tokens are cached,
  // so clients without a session can't fill the cache.
  const verified = new Map<string, { claims: TokenClaims; expiry: number }>()
  const remember = (token: string, claims: TokenClaims, expiry: unknown) => {
    if (typeof expiry !== 'number') return
    const [oldest] = verified.keys()
    if (oldest !== undefined && verified.size >= maxRemembered) verified.delete(oldest)
    verified.set(token, { claims, expiry })
  }

  return {
    issue({ userId, ...claims }, seconds) {
      const exp = Math.floor(clock() / 1000) + seconds
      return signer.sign({ sub: userId, ...claims, iat: false, exp })
    },

    async verify(purpose, token) {
      const known = verified.get(token)
      if (known !== undefined && clock() < known.expiry * 1000) {
        return hasPurpose(purpose, known.claims) ? known.claims : 'invalid'
      }
      verified.delete(token)
      const payload = await verifyJwt(token, 0)
      if (payload !== false) {
        const claims = claimsOf(purpose, payload)
        if (claims === null) return 'invalid'
        remember(token, claims, payload.exp)
        return claims
      }
      const expired = await verifyJwt(token, unlimitedAge)
      return expired !== false && claimsOf(purpose, expired) !== null ? 'expired' : 'invalid'
    },
  }
}

/** Returns the claims of a verified payload, null if they are not for the purpose. */
function claimsOf<P extends TokenClaims['purpose']>(
  purpose: P,
  payload: Readonly<Record<string, unknown>>,
): Extract<TokenClaims, { purpose: P }> | null {
  const claims = parseClaims(payload)
  return claims !== null && hasPurpose(purpose, claims) ? claims : null
}

function hasPurpose<P extends TokenClaims['purpose']>(
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
