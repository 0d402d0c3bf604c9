import { expect, test } from 'bun:test'
import { requireSpace, type SpaceNeed } from '../../src/backup/space'
import { DomainError } from '../../src/domain/errors'
import { temporaryFolder } from '../support/executable'

function refusalAt(needs: readonly SpaceNeed[], free: number | null): string | null {
  try {
    requireSpace(needs, () => free)
    return null
  } catch (error) {
    return error instanceof DomainError && error.code === 'storage_full' ? error.message : 'a bug'
  }
}

test('an archive is begun only where all that is to be written on a disk has space, and what is kept free stays', () => {
  using folder = temporaryFolder()
  const at = { folder: folder.path }
  const backup = { ...at, toWrite: 3_000_000 }
  expect(refusalAt([backup], 3_000_000)).toBeNull()
  expect(refusalAt([backup], 2_900_000)).toBe(
    `no space is left for an archive: it takes about 3.0 MB, and 2.9 MB are free in ${folder.path}`,
  )
  // The draft of an encrypted one lies there as well.
  expect(refusalAt([backup, backup], 6_000_000)).toBeNull()
  expect(refusalAt([backup, backup], 5_000_000)).toContain('it takes about 6.0 MB')
  const kept = { ...at, keepFree: 64_000_000 }
  expect(refusalAt([backup, kept], 67_000_000)).toBeNull()
  expect(refusalAt([backup, kept], 66_900_000)).toContain(
    `66.9 MB are free in ${folder.path}, of which 64.0 MB are the database's to grow into`,
  )
})

test('an archive on another disk leaves what is kept free on this one alone', () => {
  using folder = temporaryFolder()
  const kept = { folder: folder.path, keepFree: 64_000_000 }
  expect(refusalAt([{ folder: '/dev', toWrite: 3_000_000 }, kept], 5_000_000)).toBeNull()
  expect(refusalAt([{ folder: folder.path, toWrite: 1 }], null)).toBeNull()
})
