import { expect, test } from 'bun:test'
import { parseCodeSource } from '../../../../src/web/vault/crypto/totp'

/** RFC 6238, appendix B: seconds, and the codes of eight digits by algorithm. */
const rfc6238 = [
  [59, '94287082', '46119246', '90693936'],
  [1111111109, '07081804', '68084774', '25091201'],
  [1111111111, '14050471', '67062674', '99943326'],
  [1234567890, '89005924', '91819424', '93441116'],
  [2000000000, '69279037', '90698825', '38618901'],
  [20000000000, '65353130', '77737706', '47863826'],
] as const

// The ASCII digits 1234567890 repeated to 20, 32 and 64 bytes.
const secrets = {
  SHA1: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
  SHA256: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA',
  SHA512:
    'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA',
}

const codeOf = async (text: string, seconds: number) =>
  (await parseCodeSource(text)?.codeAt(seconds * 1000))?.code

test('computes the codes of RFC 6238, with eight digits and with six', async () => {
  for (const [seconds, ...codes] of rfc6238) {
    for (const [at, [algorithm, secret]] of Object.entries(secrets).entries()) {
      const address = `otpauth://totp/Test?secret=${secret}&algorithm=${algorithm}`
      expect(await codeOf(`${address}&digits=8`, seconds)).toBe(codes[at] ?? '')
      expect(await codeOf(address, seconds)).toBe(codes[at]?.slice(2) ?? '')
    }
  }
})

test('reads a bare secret as people write it down', async () => {
  const expected = await codeOf(`otpauth://totp/x?secret=${secrets.SHA1}`, 59)
  const lower = secrets.SHA1.toLowerCase()
  const written = [lower, ` ${secrets.SHA1}\n`, lower.replaceAll(/(.{4})/g, '$1 '), `${lower}====`]
  for (const text of [...written, lower.replaceAll(/(.{4})/g, '$1-')])
    expect(await codeOf(text, 59)).toBe(expected ?? '')
})

test('counts the seconds until the next code', async () => {
  const source = parseCodeSource('otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&period=60')
  expect(await source?.codeAt(0)).toMatchObject({ secondsLeft: 60, period: 60 })
  expect(await source?.codeAt(59_999)).toMatchObject({ secondsLeft: 1 })
  expect(await source?.codeAt(60_000)).toMatchObject({ secondsLeft: 60 })
})

test('knows a code for as long as it is shown, without computing it again', async () => {
  const source = parseCodeSource('GEZDGNBVGY3TQOJQ')
  expect(source?.knownAt(0)).toBeNull()
  const computed = await source?.codeAt(0)
  expect(source?.knownAt(29_999)?.code).toBe(computed?.code ?? '')
  expect(source?.knownAt(30_000)).toBeNull()
})

test('writes the whole address for other programs', async () => {
  const address = parseCodeSource('gezd gnbv gy3t qojq', 'Почта')?.address ?? ''
  expect(new URL(address).searchParams.get('secret')).toBe('GEZDGNBVGY3TQOJQ')
  expect(decodeURIComponent(address)).toStartWith('otpauth://totp/Почта?')
  expect(await codeOf(address, 59)).toBe((await codeOf('GEZDGNBVGY3TQOJQ', 59)) ?? '')
})

test('refuses what is no source of codes', () => {
  const refused = [
    ...[
      '',
      ' ',
      'hunter2',
      'in the phone',
      'correct horse battery staple',
      'GEZDGNBVGY3T',
      'ABC',
      '12345678',
      'https://example.org/',
      'otpauth://totp/x',
      'otpauth:',
    ],
    ...[
      'otpauth://totp/x?secret=',
      'otpauth://totp/x?secret=!!!',
      'otpauth://hotp/x?secret=GEZDGNBV',
    ],
    ...['digits=0', 'digits=40', 'period=0', 'period=-30', 'period=1e9', 'algorithm=MD5'].map(
      (parameter) => `otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&${parameter}`,
    ),
    `${'A'.repeat(100_000)}!`,
  ]
  expect(refused.filter((text) => parseCodeSource(text) !== null)).toEqual([])
})

test('takes six to eight digits, and codes that are shown for 5 to 300 seconds', () => {
  const isTaken = (parameter: string) =>
    parseCodeSource(`otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&${parameter}`) !== null
  const digits = [5, 6, 7, 8, 9].map((count) => isTaken(`digits=${count}`))
  expect(digits).toEqual([false, true, true, true, false])
  const periods = [4, 5, 300, 301, 29.5].map((seconds) => isTaken(`period=${seconds}`))
  expect(periods).toEqual([false, true, true, false, false])
})

test('takes 80 bits in equal groups for a bare secret, and fewer or other ones for words', () => {
  const taken = [
    'ABCDEFGHIJKLMNOP',
    'ABCDE FGHIJ KLMNO P',
    'ABCDEFGH-IJKLMNOP',
    'ABCDEFGHIJ KLMNOP',
  ]
  const refused = ['ABCDEFGHIJKLMNO', 'ABC DEFGHIJ KLMNOP', 'ABCDEF GHIJKLMNOP', 'ABCDEFGHIJKLMNO1']
  expect(taken.map((text) => parseCodeSource(text) !== null)).toEqual(taken.map(() => true))
  expect(refused.map((text) => parseCodeSource(text) !== null)).toEqual(refused.map(() => false))
})

test('computes a code every 30 seconds from a bare secret, for SnailPass if it has no other name', () => {
  const address = 'otpauth://totp/SnailPass?secret=GEZDGNBVGY3TQOJQ'
  for (const source of [
    parseCodeSource('GEZDGNBVGY3TQOJQ'),
    parseCodeSource('GEZDGNBVGY3TQOJQ', ''),
    parseCodeSource(address),
  ]) {
    expect(source?.address).toBe(address)
    expect(source?.countdownAt(0)).toEqual({ secondsLeft: 30, period: 30 })
    expect(source?.countdownAt(29_001)).toEqual({ secondsLeft: 1, period: 30 })
    expect(source?.countdownAt(28_999)).toEqual({ secondsLeft: 2, period: 30 })
  }
})
