import { Secret, TOTP, URI } from 'otpauth'

/** A one-time code as it is now. */
export interface OneTimeCode {
  readonly code: string
  /** Whole seconds until the next code, at least 1. */
  readonly secondsLeft: number
  /** Seconds for which each code is shown. */
  readonly period: number
}

export interface CodeSource {
  codeAt(time: number): OneTimeCode
  /** As an `otpauth://` address, in which other programs read it. */
  readonly address: string
}

const algorithms = ['SHA1', 'SHA256', 'SHA512']
const bounds = { digits: { min: 6, max: 8 }, period: { min: 5, max: 300 } }

/**
 * Reads an `otpauth://totp/…` address or a bare Base32 secret, as people and programs write them: in groups, in lower case, with
 * padding. Returns null for anything else, and for parameters of which RFC 6238 knows nothing.
 */
export function parseCodeSource(text: string, label = 'SnailPass'): CodeSource | null {
  const totp = parseTotp(text.trim(), label)
  if (totp === null || totp.secret.bytes.length === 0) return null
  const { digits, period } = totp
  if (!algorithms.includes(totp.algorithm.replace('-', ''))) return null
  if (!isWithin(digits, bounds.digits) || !isWithin(period, bounds.period)) return null
  return {
    address: totp.toString(),
    codeAt: (timestamp) => ({
      code: totp.generate({ timestamp }),
      secondsLeft: Math.ceil(totp.remaining({ timestamp }) / 1000),
      period,
    }),
  }
}

function parseTotp(text: string, label: string): TOTP | null {
  try {
    if (/^otpauth:/i.test(text)) {
      const parsed = URI.parse(text)
      return parsed instanceof TOTP ? parsed : null
    }
    const secret = parseBareSecret(text)
    if (secret === null) return null
    return new TOTP({ secret: Secret.fromBase32(secret), label: label || 'SnailPass' })
  } catch {
    return null
  }
}

/** Returns Base32 without groups and padding. Fewer than 80 bits, and groups of unequal length, are rather words. */
function parseBareSecret(text: string): string | null {
  const groups = text
    .replace(/=+$/, '')
    .toUpperCase()
    .split(/[\s-]+/)
  const [length = 0] = groups.map((group) => group.length)
  const areGroups = groups.every((group, at) =>
    at < groups.length - 1 ? group.length === length : group.length <= length,
  )
  const secret = groups.join('')
  return areGroups && /^[A-Z2-7]{16,}$/.test(secret) ? secret : null
}

function isWithin(value: number, { min, max }: { min: number; max: number }): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max
}
