import { expect, spyOn, test } from 'bun:test'
import {
  type EmergencyCopy,
  openEmergencyCopy,
  parseEmergencyCopy,
  sealEmergencyCopy,
} from '../../../../src/web/vault/crypto/emergency-copy'

const password = 'пароль-улитки'
const text = JSON.stringify({ items: [{ name: 'Почта', login: 'улитка 🐌' }] })
const copy = await sealEmergencyCopy(password, text, 1000)

test('opens with the password alone, also after it was written to a file', async () => {
  const read = parseEmergencyCopy(JSON.parse(JSON.stringify(copy)))
  if (read === null) throw new Error('it is no copy')
  expect(await openEmergencyCopy(password, read)).toBe(text)
  expect(await openEmergencyCopy('пароль-улитка', read)).toBeNull()
  expect(JSON.stringify(copy)).not.toContain('Почта')
})

test('makes each guess cost five times what it costs at the server', async () => {
  const { iterations } = await sealEmergencyCopy(password, text)
  expect(iterations).toBe(600_000)
})

test('opens with the description of the format, by other means', async () => {
  const { createDecipheriv, pbkdf2Sync } = await import('node:crypto')
  const salt = Buffer.from(copy.salt, 'base64')
  const key = pbkdf2Sync(password, salt, copy.iterations, 32, 'sha512')
  const data = Buffer.from(copy.data, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(copy.iv, 'base64'))
  decipher.setAAD(Buffer.from(`snailpass-emergency-copy\n1\n${copy.iterations}\n${copy.salt}`))
  decipher.setAuthTag(data.subarray(-16))
  expect(decipher.update(data.subarray(0, -16)).toString() + decipher.final().toString()).toBe(text)
})

test('refuses a copy in which anything was changed', async () => {
  const flip = (base64: string) => (base64.startsWith('A') ? 'B' : 'A') + base64.slice(1)
  const changed: EmergencyCopy[] = [
    { ...copy, data: flip(copy.data) },
    { ...copy, data: copy.data.slice(0, -4) },
    { ...copy, iv: flip(copy.iv) },
    { ...copy, iv: '' },
    { ...copy, salt: flip(copy.salt) },
    { ...copy, salt: 'AAAA' },
    { ...copy, iterations: 0 },
    { ...copy, iterations: 1.5 },
    { ...copy, iterations: 1e12 },
    { ...copy, data: 'not base64' },
  ]
  for (const each of changed) expect(await openEmergencyCopy(password, each)).toBeNull()
})

test('takes nothing else for a copy', () => {
  const others: unknown[] = [
    ...[null, 'x', [], {}, { ...copy, format: 'other' }, { ...copy, version: 2 }],
    ...['iterations', 'salt', 'iv', 'data'].map((name) => ({ ...copy, [name]: null })),
  ]
  expect(others.filter((each) => parseEmergencyCopy(each) !== null)).toEqual([])
})

test('seals under a salt and an IV of its own each time', async () => {
  const other = await sealEmergencyCopy(password, text, 1000)
  expect([other.salt, other.iv]).not.toEqual([copy.salt, copy.iv])
})

test('has a salt of 32 bytes and an IV of 12', () => {
  const sizes = [copy.salt, copy.iv].map((base64) => Uint8Array.fromBase64(base64).length)
  expect(sizes).toEqual([32, 12])
})

test('derives no key for parameters that are none of its own, or would take minutes', async () => {
  using derive = spyOn(crypto.subtle, 'deriveKey')
  derive.mockImplementation(() => Promise.reject(new Error('not now')))
  const bytes = (count: number) => new Uint8Array(count).toBase64()
  const isTried = async (change: Partial<EmergencyCopy>) => {
    derive.mockClear()
    expect(await openEmergencyCopy(password, { ...copy, ...change })).toBeNull()
    return derive.mock.calls.length === 1
  }
  const tried: boolean[] = []
  for (const iterations of [1, 20_000_000]) tried.push(await isTried({ iterations }))
  expect(tried).toEqual([true, true])
  const others: readonly Partial<EmergencyCopy>[] = [
    ...[0, -1, 1.5, 20_000_001, Number.NaN].map((iterations) => ({ iterations })),
    ...[31, 33].map((count) => ({ salt: bytes(count) })),
    ...[11, 13].map((count) => ({ iv: bytes(count) })),
    ...['salt', 'iv', 'data'].map((name) => ({ [name]: 'not base64' })),
  ]
  for (const other of others) expect([other, await isTried(other)]).toEqual([other, false])
})
