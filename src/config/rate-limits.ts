import { defaultRateLimits, type RateLimit, type RateLimits } from '../domain/rate-limits'
import { InvalidSetting, parseInteger, parseList, type SettingTable } from './values'

export interface RateLimitSettings {
  /** Off: nobody is limited. */
  readonly rateLimits: RateLimits | 'off'
  /** Sign-ins and sign-ups that may wait while others are hashed. */
  readonly loginQueue: number
}

/** As they are written, by what they are called in the program. */
const names: Readonly<Record<keyof RateLimits, string>> = {
  guesses: 'guesses',
  accountGuesses: 'account-guesses',
  guessedAccounts: 'guessed-accounts',
  signUps: 'sign-ups',
  confirmations: 'confirmations',
}

const keys = Object.keys(names) as (keyof RateLimits)[]

/** Lengths of time in seconds, the shortest first. */
const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

export const rateLimitSettings: SettingTable<RateLimitSettings> = {
  rateLimits: {
    name: 'SNAILPASS_RATE_LIMITS',
    meaning:
      'how often strangers may try, as guesses=10/15m with commas between several; off for no limits',
    defaultText: formatRateLimits(defaultRateLimits),
    default: () => defaultRateLimits,
    parse: parseRateLimits,
    format: formatRateLimits,
  },
  loginQueue: {
    name: 'SNAILPASS_LOGIN_QUEUE',
    meaning: 'sign-ins and sign-ups that may wait for the processor; further ones are refused',
    defaultText: '256',
    default: () => 256,
    parse: (text) => parseInteger(text, { min: 1, max: 100_000 }),
  },
}

function parseRateLimits(text: string): RateLimits | 'off' {
  if (/^off$/i.test(text.trim())) return 'off'
  let limits = defaultRateLimits
  for (const part of parseList(text)) {
    const groups =
      /^(?<name>[a-z-]+)=(?<most>\d{1,6})\/(?<count>\d{1,5})(?<unit>[smhd])$/.exec(part)?.groups ??
      {}
    const key = keys.find((each) => names[each] === groups['name'])
    const max = Number(groups['most'])
    const seconds = Number(groups['count']) * (units[groups['unit'] ?? ''] ?? 0)
    if (key === undefined || max < 1 || !(seconds >= 1 && seconds <= 86_400)) {
      throw new InvalidSetting(
        `holds what is no limit: ${part}`,
        `write them as ${formatRateLimits(defaultRateLimits)}, within a day at most, or off`,
      )
    }
    limits = { ...limits, [key]: { max, seconds } }
  }
  return limits
}

function formatRateLimits(limits: RateLimits | 'off'): string {
  if (limits === 'off') return 'off'
  return keys.map((key) => `${names[key]}=${formatLimit(limits[key])}`).join(', ')
}

/** In the largest unit that says it whole. */
function formatLimit({ max, seconds }: RateLimit): string {
  const [unit = 's', factor = 1] =
    Object.entries(units).findLast(([, length]) => seconds % length === 0) ?? []
  return `${max}/${seconds / factor}${unit}`
}
