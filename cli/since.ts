import { DomainError } from '../src/domain/errors'
import type { Clock } from '../src/domain/runtime'

/** Units of an age, in milliseconds. */
const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Parses the value of `--since`: a time (ISO 8601, UTC unless it has an offset) or an age (`7d`, `12h`, `30m`). Returns
 * milliseconds since 1970. Throws `invalid`.
 */
export function parseSince(text: string, clock: Clock): number {
  const { count, unit } = /^(?<count>\d{1,6})(?<unit>[mhd])$/.exec(text)?.groups ?? {}
  if (count !== undefined) return clock() - Number(count) * (units[unit ?? ''] ?? 0)
  const groups =
    /^(?<day>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?))?(?<zone>Z|[+-]\d{2}:\d{2})?$/.exec(
      text,
    )?.groups
  const time = Date.parse(
    `${groups?.['day']}T${groups?.['time'] ?? '00:00'}${groups?.['zone'] ?? 'Z'}`,
  )
  if (groups !== undefined && !Number.isNaN(time)) return time
  throw new DomainError('invalid', `invalid --since "${text}"`, {
    hint: 'use a time such as 2026-11-24 or 2026-11-24T18:30Z, or an age such as 7d, 12h or 30m',
  })
}
