import { describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createSecretKey, findSecretKey, writeSecretKey } from '../../src/files/secret-key'
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
    const key = writeSecretKey(folder, random(32))
    expect(findSecretKey(folder)).toEqual(Buffer.from(key))
    expect(modeOf(folder.secretKey)).toBe('600')
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
