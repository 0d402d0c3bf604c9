/**
 * How commands show times, counts, yes and no, and lists of named values to people. In `--json` output only
 * `formatJsonTime` is used.
 */
import { formatCount, formatTime } from '../src/domain/text'

export { formatCount, formatTime }

/** Largest distance from 1970 that a Date can represent, in milliseconds (ECMAScript, section 21.4.1.1). */
const maxTime = 8.64e15

/**
 * Returns a time (milliseconds since 1970) in ISO 8601, UTC: `2026-11-25T16:31:05.123Z`. A number that is no time, as a
 * forged row can hold, is returned in digits.
 */
export function formatJsonTime(time: number): string {
  return Math.abs(time) <= maxTime ? new Date(time).toISOString() : String(time)
}

/** Returns a time to the second, without spaces, for lists: `2026-11-25T16:31:05Z`. */
export function formatTimestamp(time: number): string {
  return formatJsonTime(time).replace(/\.\d+/, '')
}

/** Returns the day of a time in UTC: `2026-11-25`. */
export function formatDay(time: number): string {
  return formatJsonTime(time).replace(/T.*/, '')
}

/** Returns a number of bytes for people: `999 bytes`, `1.2 KB`, `34.5 MB`, `70.1 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return formatCount(bytes, 'byte')
  // A unit ends where one digit after the point would round up to the next one.
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)} KB`
  return bytes < 999_950_000 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

export function formatYesNo(value: boolean): string {
  return value ? 'yes' : 'no'
}

/** Returns the text of a table cell: `-` for null. */
export function formatCell(value: string | number | null): string {
  return value === null ? '-' : String(value)
}

/** Returns one line for each pair of label and value, with the values below each other. */
export function formatFields(
  fields: readonly (readonly [label: string, value: string])[],
): readonly string[] {
  const width = Math.max(...fields.map(([label]) => label.length)) + 2
  return fields.map(([label, value]) => `${label.padEnd(width)}${value}`)
}
