import { defaultMaxQueuedHashes } from '../domain/password-hash'
import {
  defaultRateLimits,
  type RateLimit,
  type RateLimits,
  rateLimitNames,
} from '../domain/rate-limits'
import { fixedDefault, InvalidSetting, parseInteger, parseList, type SettingTable } from './values'

export interface RateLimitSettings {
  /** `off`: nothing is limited. */
  readonly rateLimits: RateLimits | 'off'
  /** Maximum number of sign-ins and sign-ups that wait to be hashed. */
  readonly loginQueue: number
}

const keys = Object.keys(rateLimitNames) as (keyof RateLimits)[]

/** Units of time in seconds, shortest first. */
const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

export const rateLimitSettings: SettingTable<RateLimitSettings> = {
  rateLimits: {
    name: 'SNAILPASS_RATE_LIMITS',
    meaning: 'rate limits, e.g. `guesses=10/15m,sign-ups=20/1h`; off for none',
    ...fixedDefault(defaultRateLimits, formatRateLimits),
    parse: parseRateLimits,
    format: formatRateLimits,
  },
  loginQueue: {
    name: 'SNAILPASS_LOGIN_QUEUE',
    meaning: 'maximum queued sign-ins; more are rejected',
    ...fixedDefault(defaultMaxQueuedHashes),
    parse: (text) => parseInteger(text, { min: 1, max: 100_000 }),
  },
}

function parseRateLimits(text: string): RateLimits | 'off' {
  if (/^off$/i.test(text.trim())) return 'off'
  let limits = defaultRateLimits
  for (const part of parseList(text)) {
    const groups =
      /^(?<name>[a-z-]+)=(?<max>\d{1,6})\/(?<count>\d{1,5})(?<unit>[smhd])$/.exec(part)?.groups ??
      {}
    const key = keys.find((each) => rateLimitNames[each] === groups['name'])
    const max = Number(groups['max'])
    const seconds = Number(groups['count']) * (units[groups['unit'] ?? ''] ?? 0)
    if (key === undefined || max < 1 || !(seconds >= 1 && seconds <= 86_400)) {
      throw new InvalidSetting('use NAME=COUNT/TIME with a time of at most one day, or off', {
        value: part,
        noun: 'rate limit',
        hint: `the default limits are ${formatRateLimits(defaultRateLimits)}`,
      })
    }
    limits = { ...limits, [key]: { max, seconds } }
  }
  return limits
}

function formatRateLimits(limits: RateLimits | 'off'): string {
  if (limits === 'off') return 'off'
  return keys.map((key) => `${rateLimitNames[key]}=${formatLimit(limits[key])}`).join(', ')
}

/** Uses the largest unit that needs no fraction. */
function formatLimit({ max, seconds }: RateLimit): string {
  const [unit = 's', factor = 1] =
    Object.entries(units).findLast(([, length]) => seconds % length === 0) ?? []
  return `${max}/${seconds / factor}${unit}`
}
