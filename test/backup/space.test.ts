import { expect, test } from 'bun:test'
import { requireSpace, type SpaceNeed } from '../../src/backup/space'
import { DomainError } from '../../src/domain/errors'
import { temporaryFolder } from '../support/executable'

/** Returns the message of the refusal if so many bytes are free; null if there is none. */
function refusalWith(needs: readonly SpaceNeed[], free: number | null): string | null {
  try {
    requireSpace(needs, () => free)
    return null
  } catch (error) {
    return error instanceof DomainError && error.code === 'storage_full' ? error.message : 'a bug'
  }
}

test('a backup needs space for all that is written to a disk, besides what must stay free there', () => {
  using folder = temporaryFolder()
  const backup = { folder: folder.path, toWrite: 3_000_000 }
  expect(refusalWith([backup], 3_000_000)).toBeNull()
  expect(refusalWith([backup], 2_900_000)).toBe(
    `not enough space for a backup: it takes about 3.0 MB, and 2.9 MB are free in ${folder.path}`,
  )
  // The draft of an encrypted backup is on that disk too.
  expect(refusalWith([backup, backup], 6_000_000)).toBeNull()
  expect(refusalWith([backup, backup], 5_000_000)).toContain('it takes about 6.0 MB')
  const kept = { folder: folder.path, keepFree: 64_000_000 }
  expect(refusalWith([backup, kept], 67_000_000)).toBeNull()
  expect(refusalWith([backup, kept], 66_900_000)).toContain(
    `66.9 MB are free in ${folder.path}, of which 64.0 MB are reserved for the database`,
  )
})

test('a backup to another disk ignores what must stay free on this one, and unknown free space is enough', () => {
  using folder = temporaryFolder()
  const kept = { folder: folder.path, keepFree: 64_000_000 }
  expect(refusalWith([{ folder: '/dev', toWrite: 3_000_000 }, kept], 5_000_000)).toBeNull()
  expect(refusalWith([{ folder: folder.path, toWrite: 1 }], null)).toBeNull()
})
