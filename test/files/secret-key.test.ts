import { describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import {
  createSecretKey,
  findNewSecretKey,
  findSecretKey,
  removeNewSecretKey,
  useNewSecretKey,
  writeNewSecretKey,
} from '../../src/files/secret-key'
import { createDataFolder, modeOf } from '../support/data-folder'
import { random } from '../support/timing'

describe('the secret key', () => {
  test('is created once, private, with 32 bytes', () => {
    using folder = createDataFolder()
    expect(findSecretKey(folder)).toBeNull()
    const key = createSecretKey(folder, random)
    expect(key).toHaveLength(32)
    expect(modeOf(folder.secretKey)).toBe('600')
    expect(findSecretKey(folder)).toEqual(Buffer.from(key))
    expect(readdirSync(folder.path)).toEqual(['secret.key'])
  })

  test('is the existing one if another process was faster', () => {
    using folder = createDataFolder()
    const theirs = createSecretKey(folder, random)
    expect(createSecretKey(folder, random)).toEqual(Buffer.from(theirs))
    expect(readdirSync(folder.path)).toEqual(['secret.key'])
  })

  test('is replaced only on demand, even if it is invalid', () => {
    using folder = createDataFolder()
    writeFileSync(folder.secretKey, 'short')
    const key = random(32)
    writeNewSecretKey(folder, key)
    useNewSecretKey(folder)
    expect(findSecretKey(folder)).toEqual(Buffer.from(key))
    expect(modeOf(folder.secretKey)).toBe('600')
    expect(readdirSync(folder.path)).toEqual(['secret.key'])
  })

  test.each(['', 'short', '!'.repeat(43)])('of %p is refused, not replaced', (text) => {
    using folder = createDataFolder()
    writeFileSync(folder.secretKey, text)
    expect(() => findSecretKey(folder)).toThrow('does not contain a secret key')
    expect(readFileSync(folder.secretKey, 'utf8')).toBe(text)
  })

  test('that can not be read is an error that names the folder, not a bug', () => {
    using folder = createDataFolder()
    mkdirSync(folder.secretKey)
    expect(() => findSecretKey(folder)).toThrow(`the data folder ${folder.path} can't be used`)
  })
})

describe('a new secret key', () => {
  test('lies beside the old one, private, until it is used', () => {
    using folder = createDataFolder()
    const [old, first, second] = [createSecretKey(folder, random), random(32), random(32)]
    expect(findNewSecretKey(folder)).toBeNull()
    writeNewSecretKey(folder, first)
    writeNewSecretKey(folder, second)
    expect(findNewSecretKey(folder)).toEqual(Buffer.from(second))
    expect(findSecretKey(folder)).toEqual(Buffer.from(old))
    expect(modeOf(folder.newSecretKey)).toBe('600')
    useNewSecretKey(folder)
    expect(findSecretKey(folder)).toEqual(Buffer.from(second))
    expect(findNewSecretKey(folder)).toBeNull()
    // As a server that starts on the same folder at the same time.
    useNewSecretKey(folder)
    expect(findSecretKey(folder)).toEqual(Buffer.from(second))
  })

  test('is removed without a trace', () => {
    using folder = createDataFolder()
    const old = createSecretKey(folder, random)
    writeNewSecretKey(folder, random(32))
    removeNewSecretKey(folder)
    removeNewSecretKey(folder)
    expect(readdirSync(folder.path)).toEqual(['secret.key'])
    expect(findSecretKey(folder)).toEqual(Buffer.from(old))
  })

  test.each(['', 'short', 'A'.repeat(42), '!'.repeat(43)])(
    'of %p was cut off, and is none',
    (text) => {
      using folder = createDataFolder()
      writeFileSync(folder.newSecretKey, text)
      expect(findNewSecretKey(folder)).toBeNull()
    },
  )

  test('that can not be read, written or used is an error that names the folder', () => {
    using folder = createDataFolder()
    const problem = `the data folder ${folder.path} can't be used`
    createSecretKey(folder, random)
    mkdirSync(folder.newSecretKey)
    expect(() => findNewSecretKey(folder)).toThrow(problem)
    expect(() => writeNewSecretKey(folder, random(32))).toThrow(problem)
    expect(() => useNewSecretKey(folder)).toThrow(problem)
    expect(() => removeNewSecretKey(folder)).toThrow(problem)
  })
})
