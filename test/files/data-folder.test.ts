import { describe, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataFolder, ensureDataFolder, tightenPermissions } from '../../src/files/data-folder'
import { createSecretKey } from '../../src/files/secret-key'
import { createDataFolder, modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'
import { random } from '../support/timing'

describe('the data folder', () => {
  test('is created private, with every missing folder above it', () => {
    using temporary = temporaryFolder()
    const folder = dataFolder(join(temporary.path, 'a', 'b'))
    ensureDataFolder(folder)
    expect(modeOf(folder.path)).toBe('700')
  })

  test('that can not be created is named in the error', () => {
    using temporary = temporaryFolder()
    writeFileSync(join(temporary.path, 'file'), '')
    const folder = dataFolder(join(temporary.path, 'file', 'below'))
    expect(() => ensureDataFolder(folder)).toThrow(`the data folder ${folder.path} can't be used`)
  })

  test('gets its files restricted, and a warning about its own permissions', () => {
    using folder = createDataFolder()
    createSecretKey(folder, random)
    chmodSync(folder.secretKey, 0o644)
    chmodSync(folder.path, 0o755)
    expect(tightenPermissions(folder, [folder.database])).toEqual([
      `${folder.secretKey} was readable by other users; its mode is 0600 now`,
      `the data folder ${folder.path} is readable by other users: run chmod 700 ${folder.path}`,
    ])
    expect(modeOf(folder.secretKey)).toBe('600')
    chmodSync(folder.path, 0o700)
    expect(tightenPermissions(folder, [folder.database])).toEqual([])
  })
})
