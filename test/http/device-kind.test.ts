import { expect, test } from 'bun:test'
import { deviceKindOf } from '../../src/http/device-kind'

const [mac, linux, windows, phone] = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0)',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)',
]

test.each([
  [null, 'windows'],
  ['', 'windows'],
  ['okhttp/4.9.0', 'android'],
  ['okhttp/5.1.0', 'android'],
  [`${linux} Gecko/20100101 Firefox/140.0`, 'firefox'],
  [`${phone} FxiOS/144.0 Mobile/15E148 Safari/605.1.15`, 'firefox'],
  [`${windows} Chrome/142.0.0.0 Safari/537.36`, 'chrome'],
  [`${phone} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1`, 'chrome'],
  [`${windows} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0`, 'edge'],
  [`${windows} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0`, 'edge'],
  [`${phone} Version/18.0 EdgiOS/142.0.3595.66 Mobile/15E148 Safari/604.1`, 'edge'],
  [`${windows} Chrome/142.0.0.0 Safari/537.36 OPR/125.0.0.0`, 'opera'],
  [`${phone} Version/18.6 Mobile/15E148 Safari/604.1 OPT/6.1.0`, 'opera'],
  [`${windows} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36`, 'samsung'],
  [`${mac} Version/26.1 Safari/605.1.15`, 'safari'],
  [`${phone} Version/26.1 Mobile/15E148 Safari/604.1`, 'safari'],
  ['curl/8.14.1', 'other'],
  ['Mozilla/5.0 (compatible; a robot)', 'other'],
  ['Mozilla/4.0 okhttp/4.9.0', 'other'],
  ["okhttp'); drop table devices; --", 'other'],
  ['x'.repeat(10_000), 'other'],
] as const)('a client that names itself %p is of the kind %s', (userAgent, kind) => {
  expect(deviceKindOf(userAgent)).toBe(kind)
})
