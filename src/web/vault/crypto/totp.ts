import type { Bytes } from './encoding'

/** A one-time code as it is now. */
export interface OneTimeCode {
  readonly code: string
  /** Whole seconds until the next code, at least 1. */
  readonly secondsLeft: number
  /** Seconds for which each code is shown. */
  readonly period: number
}

export interface CodeSource {
  /** Returns the code of this time, in milliseconds since 1970, if it was computed before. */
  knownAt(time: number): OneTimeCode | null
  codeAt(time: number): Promise<OneTimeCode>
  /** What is known without computing a code. */
  countdownAt(time: number): Omit<OneTimeCode, 'code'>
  /** As an `otpauth://` address, in which other programs read it. */
  readonly address: string
}

/** What an address or a secret says (RFC 6238, and the key URI format of Google Authenticator). */
interface Parameters {
  readonly secret: Bytes
  /** A name of Web Crypto. */
  readonly hash: string
  readonly digits: number
  /** Seconds. */
  readonly period: number
}

const hashes: Readonly<Record<string, string>> = {
  SHA1: 'SHA-1',
  SHA256: 'SHA-256',
  SHA512: 'SHA-512',
}
const bounds = { digits: { min: 6, max: 8 }, period: { min: 5, max: 300 } }

/**
 * Reads an `otpauth://totp/…` address or a bare Base32 secret, as people and programs write them: in groups, in lower case, with
 * padding. Returns null for anything else, and for parameters of which RFC 6238 knows nothing.
 */
export function parseCodeSource(text: string, label = 'SnailPass'): CodeSource | null {
  const trimmed = text.trim()
  if (/^otpauth:/i.test(trimmed)) {
    const parameters = parseAddress(trimmed)
    return parameters === null ? null : createSource(parameters, trimmed)
  }
  const bare = parseBareSecret(trimmed)
  const secret = bare === null ? null : decodeBase32(bare)
  if (secret === null) return null
  const address = `otpauth://totp/${encodeURIComponent(label || 'SnailPass')}?secret=${bare}`
  return createSource({ secret, hash: 'SHA-1', digits: 6, period: 30 }, address)
}

function parseAddress(text: string): Parameters | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.host.toLowerCase() !== 'totp') return null
  const query = new Map([...url.searchParams].map(([name, value]) => [name.toLowerCase(), value]))
  const secret = decodeBase32(query.get('secret') ?? '')
  const hash = hashes[(query.get('algorithm') ?? 'SHA1').toUpperCase().replace('-', '')]
  const [digits, period] = [Number(query.get('digits') ?? 6), Number(query.get('period') ?? 30)]
  if (secret === null || hash === undefined) return null
  if (!isWithin(digits, bounds.digits) || !isWithin(period, bounds.period)) return null
  return { secret, hash, digits, period }
}

function createSource(parameters: Parameters, address: string): CodeSource {
  const { period } = parameters
  let known: { readonly counter: number; readonly code: string } | null = null
  const counterAt = (time: number) => Math.floor(time / 1000 / period)
  const countdownAt = (time: number) => {
    const secondsLeft = Math.ceil(period - ((time / 1000) % period))
    return { secondsLeft, period }
  }
  return {
    address,
    countdownAt,
    knownAt: (time) =>
      known?.counter === counterAt(time) ? { code: known.code, ...countdownAt(time) } : null,
    async codeAt(time) {
      const counter = counterAt(time)
      const code = await computeCode(parameters, counter)
      known = { counter, code }
      return { code, ...countdownAt(time) }
    },
  }
}

/** RFC 4226, section 5.3. */
async function computeCode({ secret, hash, digits }: Parameters, counter: number): Promise<string> {
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash }, false, ['sign'])
  const message = new DataView(new ArrayBuffer(8))
  message.setBigUint64(0, BigInt(counter))
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, message))
  const offset = mac.getUint8(mac.byteLength - 1) & 0x0f
  const number = (mac.getUint32(offset) & 0x7fffffff) % 10 ** digits
  return String(number).padStart(digits, '0')
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

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Returns null for what is no Base32 (RFC 4648), and for nothing. */
function decodeBase32(text: string): Bytes | null {
  const digits = text.toUpperCase().replaceAll(/[\s-]|=+$/g, '')
  const bytes = new Uint8Array(Math.floor((digits.length * 5) / 8))
  let [bits, value, at] = [0, 0, 0]
  for (const digit of digits) {
    const five = base32.indexOf(digit)
    if (five === -1) return null
    value = ((value << 5) | five) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at] = value >> bits
    at++
  }
  return bytes.length === 0 ? null : bytes
}

function isWithin(value: number, { min, max }: { min: number; max: number }): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max
}
