import { describe, expect, test } from 'bun:test'
import { availableParallelism } from 'node:os'
import { createDerive, productionIterations } from '../../src/crypto/password-hash'
import vectors from '../data/vectors.json' with { type: 'json' }
import { createTestHasher } from '../support/hasher'
import { patientTiming } from '../support/timing'

const hasher = createTestHasher({ iterations: 10 })

describe('a password hash', () => {
  test('takes 220,000 iterations in production, and contains their number', async () => {
    expect(productionIterations).toBe(220_000)
    const passwordHash = await createTestHasher({ iterations: productionIterations }).hash(
      'aGFzaA==',
    )
    expect(passwordHash).toMatch(
      /^\$pbkdf2-sha512\$i=220000\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    )
  })

  test('matches the master password hash that it was created from, and no other', async () => {
    const passwordHash = await hasher.hash('aGFzaA==')
    const check = (masterPasswordHash: string) =>
      hasher.verify({ masterPasswordHash, email: 'a@b.c', passwordHash, includeLegacy: false })
    expect(await check('aGFzaA==')).toEqual({ matches: true, replacement: null })
    expect(await check('aGFzaB==')).toEqual({ matches: false, replacement: null })
  })

  test('has a salt of its own', async () => {
    expect(await hasher.hash('aGFzaA==')).not.toBe(await hasher.hash('aGFzaA=='))
  })

  test('is computed on all cores but one, and refused at once if no more may wait', async () => {
    const derive = createDerive(0, patientTiming())
    const free = Math.max(1, availableParallelism() - 1)
    const input = { password: 'x', salt: 'y', iterations: 1, length: 4 }
    const outcomes = await Promise.allSettled(Array.from({ length: free + 2 }, () => derive(input)))
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array(free).fill('fulfilled'),
      'rejected',
      'rejected',
    ])
  })

  test('equals the result of another PBKDF2 implementation', async () => {
    const salt = new Uint8Array(16).fill(7)
    const fixed = createTestHasher({ random: () => salt, iterations: 3 })
    const key = await crypto.subtle.importKey('raw', Buffer.from('улитка'), 'PBKDF2', false, [
      'deriveBits',
    ])
    const bits = await crypto.subtle.deriveBits(
      { name: 'PBKDF2', hash: 'SHA-512', salt, iterations: 3 },
      key,
      256,
    )
    const encode = (bytes: Uint8Array) => bytes.toBase64({ omitPadding: true })
    expect(await fixed.hash('улитка')).toBe(
      `$pbkdf2-sha512$i=3$${encode(salt)}$${encode(new Uint8Array(bits))}`,
    )
  })

  test.each([1, 9, 11, 40_000, 123_456])(
    'that was stored with %i iterations is checked with as many, and kept',
    async (iterations) => {
      const passwordHash = await createTestHasher({ iterations }).hash('aGFzaA==')
      expect(passwordHash).toStartWith(`$pbkdf2-sha512$i=${iterations}$`)
      const check = (masterPasswordHash: string) =>
        hasher.verify({ masterPasswordHash, email: 'a@b.c', passwordHash, includeLegacy: true })
      expect(await check('aGFzaA==')).toEqual({ matches: true, replacement: null })
      expect(await check('aGFzaB==')).toEqual({ matches: false, replacement: null })
      // The number is a part of it: with another one the hash is another.
      const other = passwordHash.replace(`i=${iterations}`, 'i=10')
      expect(
        await hasher.verify({
          masterPasswordHash: 'aGFzaA==',
          email: 'a@b.c',
          passwordHash: other,
          includeLegacy: false,
        }),
      ).toEqual({ matches: false, replacement: null })
    },
  )

  test('of the shortest salt or with the largest number of iterations is read, and no larger number', async () => {
    const inputs: unknown[] = []
    const recording = createTestHasher({
      random: () => new Uint8Array(16).fill(7),
      iterations: 10,
      derive: async ({ password, salt, iterations, length }) => {
        inputs.push({ password, salt: Buffer.from(salt).toString('base64'), iterations, length })
        return new Uint8Array(length)
      },
    })
    const attempt = { masterPasswordHash: 'sent', email: 'a@b.c', includeLegacy: false }
    for (const passwordHash of [
      '$pbkdf2-sha512$i=999999999$AA$AAAA',
      '$pbkdf2-sha512$i=1000000000$AA$AAAA',
    ]) {
      await recording.verify({ ...attempt, passwordHash })
    }
    const input = { password: 'sent', length: 32 }
    expect(inputs).toEqual([
      { ...input, salt: 'AA==', iterations: 999_999_999 },
      { ...input, salt: 'BwcHBwcHBwcHBwcHBwcHBw==', iterations: 10 },
    ])
  })

  test('that is a prefix of the right one does not match', async () => {
    const passwordHash = await hasher.hash('aGFzaA==')
    const check = (stored: string) =>
      hasher.verify({
        masterPasswordHash: 'aGFzaA==',
        email: 'a@b.c',
        passwordHash: stored,
        includeLegacy: false,
      })
    expect(await check(passwordHash.slice(0, -1))).toEqual({ matches: false, replacement: null })
    expect(await check(`${passwordHash}AAAA`)).toEqual({ matches: false, replacement: null })
  })

  test('in an unknown format matches nothing', async () => {
    for (const passwordHash of [
      '',
      '$',
      '$pbkdf2-sha512$i=0$AAAA$AAAA',
      '$argon2id$v=19$x$y',
      'ab',
    ]) {
      const verdict = await hasher.verify({
        masterPasswordHash: 'aGFzaA==',
        email: 'a@b.c',
        passwordHash,
        includeLegacy: true,
      })
      expect(verdict, passwordHash).toEqual({ matches: false, replacement: null })
    }
  })
})

describe('a legacy password hash', () => {
  test.each(vectors.server_legacy_hash)(
    'verifies for the known answer of $email, and is replaced',
    async (vector) => {
      const check = (masterPasswordHash: string) =>
        hasher.verify({
          masterPasswordHash,
          email: vector.email,
          passwordHash: vector.stored,
          includeLegacy: true,
        })
      const verdict = await check(vector.sent)
      expect(verdict.replacement).toStartWith('$pbkdf2-sha512$i=10$')
      expect(verdict.matches).toBeTrue()
      expect(await check(`${vector.sent}x`)).toEqual({ matches: false, replacement: null })

      const { replacement } = verdict
      if (replacement === null) throw new Error('no replacement')
      const again = { masterPasswordHash: vector.sent, email: '', passwordHash: replacement }
      expect(await hasher.verify({ ...again, includeLegacy: false })).toEqual({
        matches: true,
        replacement: null,
      })
    },
  )
})

describe('the work of checking a master password hash', () => {
  test.each([
    ['for an unknown account', null],
    ['for a current account', '$pbkdf2-sha512$i=10$AAAAAAAAAAAAAAAAAAAAAA$AAAA'],
    ['for a legacy account', vectors.server_legacy_hash[0]?.stored ?? ''],
  ])('%s is the same as for any other account', async (_name, passwordHash) => {
    const derived: number[] = []
    const counting = createTestHasher({
      iterations: 10,
      derive: async ({ iterations, length }) => {
        derived.push(iterations)
        return new Uint8Array(length)
      },
    })
    const attempt = { masterPasswordHash: 'x', email: 'bob@gmail.com', passwordHash }
    await counting.verify({ ...attempt, includeLegacy: false })
    expect(derived.splice(0)).toEqual([10])
    await counting.verify({ ...attempt, includeLegacy: true })
    expect(derived).toEqual([10, 40_000])
  })
})
