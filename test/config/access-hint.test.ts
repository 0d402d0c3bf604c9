import { describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { accessHint } from '../../src/config/access-hint'
import { readSettings } from '../../src/config/reading'
import { DomainError } from '../../src/domain/errors'
import { temporaryFolder } from '../support/executable'
import { onPlatform } from '../support/platform'

const refusal = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })

test('an error that is about something else has no such hint', () => {
  const missing = Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
  for (const cause of [missing, new Error('not UTF-8'), 'EACCES'])
    expect(accessHint('/etc/passwd', cause)).toBeNull()
})

test('Windows has no such commands', () => {
  using _ = onPlatform('win32')
  expect(accessHint('/etc/passwd', refusal)).toBeNull()
})

// Only root can give a file to a group, and become a user who may not read it.
describe.skipIf(process.getuid?.() !== 0)('a settings file that its reader may not read', () => {
  /** Has this process be `nobody`, in no group but its own, until the returned object is disposed. */
  function beNobody(): Disposable {
    const groups = process.getgroups?.() ?? []
    process.setgroups?.([])
    process.setegid?.(65_534)
    process.seteuid?.(65_534)
    return {
      [Symbol.dispose]() {
        process.seteuid?.(0)
        process.setegid?.(0)
        process.setgroups?.(groups)
      },
    }
  }

  /** Returns the hint of the error that `nobody` gets for a settings file. */
  function hintFor(owner: { gid: number; mode: number; folderMode?: number; name?: string }) {
    using folder = temporaryFolder()
    chmodSync(folder.path, 0o755)
    const path = join(folder.path, 'etc', owner.name ?? 'snailpass.env')
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '')
    chownSync(path, 0, owner.gid)
    chmodSync(path, owner.mode)
    chmodSync(join(folder.path, 'etc'), owner.folderMode ?? 0o755)
    using _ = beNobody()
    try {
      readSettings({ environment: {}, flags: {}, file: path })
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      expect(error.code).toBe('invalid')
      expect(error.message).toStartWith(`can't read the settings file ${path}: EACCES`)
      return error.hint?.replaceAll(folder.path, '')
    }
    throw new Error('nobody could read the file')
  }

  test('is given to its group', () => {
    const hint =
      'let the user nobody read the file, as root: chgrp nogroup /etc/snailpass.env && chmod g+r /etc/snailpass.env'
    expect(hintFor({ gid: 0, mode: 0o600 })).toBe(hint)
    expect(hintFor({ gid: 0, mode: 0o640 })).toBe(hint)
    // A group that may not read it either gives nothing to a member.
    expect(hintFor({ gid: 12, mode: 0o600 })).toBe(hint)
  })

  test('may stay with the group that reads it, which its reader can join', () => {
    expect(hintFor({ gid: 4, mode: 0o640, name: 'of admins.env' })).toBe(
      `let the user nobody read the file, as root: chgrp nogroup '/etc/of admins.env' && chmod g+r '/etc/of admins.env'; or add it to the group adm: usermod -aG adm nobody`,
    )
    expect(hintFor({ gid: 61_234, mode: 0o660 })).toEndWith('group 61234: usermod -aG 61234 nobody')
  })

  test('may be in a folder that has to be opened first', () => {
    expect(hintFor({ gid: 0, mode: 0o644, folderMode: 0o700 })).toBe(
      'let the user nobody into the folder, as root: chmod o+x /etc',
    )
    expect(hintFor({ gid: 0, mode: 0o644, folderMode: 0o700, name: 'sub/x.env' })).toBe(
      'let the user nobody into the folder, as root: chmod o+x /etc',
    )
  })
})
