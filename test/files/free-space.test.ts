import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { freeSpace } from '../../src/files/free-space'
import { temporaryFolder } from '../support/executable'

test('free space is known for a folder, and unknown for a path that does not exist', () => {
  using folder = temporaryFolder()
  expect(freeSpace(folder.path)).toBeGreaterThan(0)
  expect(freeSpace(join(folder.path, 'missing'))).toBeNull()
})
