import type { DeviceKind } from '../domain/devices'

/**
 * What browsers write of themselves, the most specific first: nearly each of them also names those below it. The names are from
 * the documentation of the browsers, `…iOS` those on iPhones and iPads.
 */
const browsers: readonly (readonly [pattern: RegExp, kind: DeviceKind])[] = [
  [/ Edg(?:e|A|iOS)?\//, 'edge'],
  [/ (?:OPR|OPT|OPiOS)\//, 'opera'],
  [/ SamsungBrowser\//, 'samsung'],
  [/ (?:Firefox|FxiOS)\//, 'firefox'],
  [/ (?:Chrome|Chromium|CriOS)\//, 'chrome'],
  [/ Version\/.* Safari\//, 'safari'],
]

/**
 * Returns the kind of client that sends a `User-Agent` header (RFC 9110, section 10.1.5), null if it sends none. The header itself is
 * kept nowhere: it can be any text.
 */
export function deviceKindOf(userAgent: string | null): DeviceKind {
  // The HttpClient of .NET, which the Windows client uses, sends none.
  if (userAgent === null || userAgent === '') return 'windows'
  if (userAgent.startsWith('okhttp/')) return 'android'
  if (!userAgent.startsWith('Mozilla/5.0 ')) return 'other'
  return browsers.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'other'
}
