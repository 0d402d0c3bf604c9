import { expect, spyOn, test } from 'bun:test'
import fc from 'fast-check'
import {
  ciphertextLength,
  decryptText,
  decryptTexts,
  encryptText,
} from '../../../../src/web/vault/crypto/ciphertexts'
import vectors from '../../../data/vectors.json' with { type: 'json' }

function importKey(base64: string): Promise<CryptoKey> {
  const raw = Uint8Array.fromBase64(base64)
  return crypto.subtle.importKey('raw', raw, 'AES-CBC', false, ['encrypt', 'decrypt'])
}

const key = await importKey(vectors.client_keys[0]?.encryption_key ?? '')

/** Any character but halves of surrogate pairs, which UTF-8 does not have. */
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((value) => String.fromCodePoint(value))

/** Encrypts bytes that need not be a text. */
async function encryptBytes(bytes: readonly number[]): Promise<string> {
  const iv = new Uint8Array(16)
  const data = await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, new Uint8Array(bytes))
  return `${new Uint8Array(data).toBase64()}:${iv.toBase64()}`
}

test('decrypts the ciphertexts of the wire contract', async () => {
  for (const { encryption_key, plaintext, ciphertext } of vectors.ciphertext) {
    expect(await decryptText(await importKey(encryption_key), ciphertext)).toBe(plaintext)
  }
})

test('reads back every text, under a fresh IV each time', async () => {
  // At once: each turn of Web Crypto waits for a thread.
  const texts = fc.sample(fc.string({ unit: codePoint, maxLength: 80 }), 50)
  await Promise.all(
    texts.map(async (text) => {
      const [one, other] = await Promise.all([encryptText(key, text), encryptText(key, text)])
      expect(await decryptText(key, one)).toBe(text)
      expect(one.split(':')[1]).not.toBe(other.split(':')[1])
      expect(one.length).toBe(ciphertextLength(text))
    }),
  )
  expect(await decryptText(key, await encryptText(key, '\u{feff}пароль'))).toBe('\u{feff}пароль')
  const long = '🐌'.repeat(50_000)
  expect(await decryptText(key, await encryptText(key, long))).toBe(long)
})

test('reads many texts in one run as it reads each, whatever lies between them', async () => {
  const other = await importKey(vectors.client_keys[1]?.encryption_key ?? '')
  const long = 'длинный '.repeat(100_000)
  const texts = ['', 'a', '🐌'.repeat(15), long, 'x'.repeat(16), long, long, long, '', 'конец']
  const good = await Promise.all(texts.map((text) => encryptText(key, text)))
  const bad = [
    ':',
    'a:b',
    await encryptText(other, 'under another key'),
    await encryptBytes([0xff]),
  ]
  const mixed = good.flatMap((ciphertext, at) => [ciphertext, bad[at % bad.length] ?? ''])
  const expected = mixed.map((ciphertext, at) =>
    at % 2 === 0 ? (texts[at / 2] ?? '') : { ciphertext },
  )
  expect(await decryptTexts(key, mixed)).toEqual(expected)
  expect(await decryptTexts(key, [])).toEqual([])
  expect(await decryptTexts(key, bad)).toEqual(bad.map((ciphertext) => ({ ciphertext })))
})

test('decrypts runs of up to 4 MiB, and a longer text alone', async () => {
  const max = 4 * 1024 ** 2
  // The length in a run is that of the ciphertext with its IV.
  const sealed = (length: number) => encryptText(key, 'x'.repeat(length - 17))
  const [half, more, longer, short] = await Promise.all(
    [max / 2, max / 2 + 16, max + 16, 32].map(sealed),
  )
  using decrypt = spyOn(crypto.subtle, 'decrypt')
  const runsOf = async (...ciphertexts: (string | undefined)[]) => {
    decrypt.mockClear()
    const texts = await decryptTexts(key, ciphertexts.map(String))
    expect(texts.map((text) => typeof text)).toEqual(ciphertexts.map(() => 'string'))
    // Each has a block of padding at its end.
    return decrypt.mock.calls.map(([, , run]) => run.byteLength - 16)
  }
  expect(await runsOf(half, half)).toEqual([max])
  expect(await runsOf(half, more)).toEqual([max / 2, max / 2 + 16])
  expect(await runsOf(longer, short)).toEqual([max + 16, 32])
})

test('accepts no padding that PKCS#7 does not have', async () => {
  // Without padding of its own: what Web Crypto adds is cut off.
  const seal = async (block: readonly number[]) => {
    const [data = '', iv = ''] = (await encryptBytes(block)).split(':')
    return `${Uint8Array.fromBase64(data).slice(0, 16).toBase64()}:${iv}`
  }
  const text = [...new TextEncoder().encode('hunter2 hunter2')]
  expect(await decryptText(key, await seal([...text, 1]))).toBe('hunter2 hunter2')
  expect(await decryptText(key, await seal(Array(16).fill(16)))).toBe('')
  for (const block of [
    [...text, 0],
    [...text, 2],
    [...text, 17],
    [...text, 255],
    [...text.slice(0, 14), 3, 3],
  ]) {
    const ciphertext = await seal(block)
    expect(await decryptText(key, ciphertext)).toEqual({ ciphertext })
  }
})

test('returns what it can’t read as it is, and throws for nothing', async () => {
  const [good, other] = await Promise.all([
    encryptText(key, 'hunter2'),
    importKey(vectors.client_keys[1]?.encryption_key ?? ''),
  ])
  const [data = '', iv = ''] = good.split(':')
  const broken = [
    '',
    ':',
    data,
    `${data}:`,
    `:${iv}`,
    `${data}:${iv}:${iv}`,
    `${data.slice(0, -4)}:${iv}`,
    `${data.slice(0, -1)}:${iv}`,
    `${data} :${iv}`,
    `${data}:${iv.slice(4)}`,
    `${data}:${iv}AAAA`,
    `${data.replace(/=+$/, '')}:${iv}`,
    `${data.replace(/^./, '-')}:${iv}`,
    `${'A'.repeat(10 * 1024 ** 2)}:${iv}`,
    await encryptBytes([0xff, 0xfe, 0x41]),
    await encryptBytes([0xed, 0xa0, 0x80]),
  ]
  for (const ciphertext of broken)
    expect(await decryptText(key, ciphertext)).toEqual({ ciphertext })
  expect(await decryptText(other, good)).toEqual({ ciphertext: good })
})
