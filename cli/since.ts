import { DomainError } from '../src/domain/errors'
import type { Clock } from '../src/domain/runtime'

/** Lengths of time in milliseconds. */
const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * A time in milliseconds since 1970: one that is named (ISO 8601, in UTC unless it says otherwise), or so long ago. Throws
 * `invalid`.
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
  throw new DomainError('invalid', `--since is neither a time nor a length of time: ${text}`, {
    hint: 'write it as 2026-11-24, 2026-11-24T18:30Z, 7d, 12h or 30m',
  })
}
