import { expect, test } from 'bun:test'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { withUpdateFolder } from '../../src/update/folder'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

const isRoot = process.getuid?.() === 0
const nobody = 65_534

/** Returns what is in a folder while an update has it. */
const listDuring = (folder: string) =>
  withUpdateFolder(folder, () => Promise.resolve(readdirSync(folder)))

test('an update has an empty folder of its own, which is gone afterwards, also if it fails', async () => {
  using parent = temporaryFolder()
  const folder = join(parent.path, 'update')
  mkdirSync(join(folder, 'left', 'behind'), { recursive: true })
  writeFileSync(join(folder, 'file'), 'x')
  expect(await listDuring(folder)).toEqual(['lock'])
  expect(existsSync(folder)).toBeFalse()
  const failing = withUpdateFolder(folder, () => {
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    writeFileSync(join(folder, 'download'), 'x')
    return Promise.reject(new Error('no network'))
  })
  expect(await captureError(failing)).toMatchObject({ message: 'no network' })
  expect(existsSync(folder)).toBeFalse()
})

test('a second update is refused while the first one runs', async () => {
  using parent = temporaryFolder()
  const folder = join(parent.path, 'update')
  const second = await withUpdateFolder(folder, () => captureError(listDuring(folder)))
  expect(second).toMatchObject({ code: 'conflict', message: 'another update is running' })
})

test('an update keeps its folder until its work is done', async () => {
  using parent = temporaryFolder()
  const folder = join(parent.path, 'lib', 'update')
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
  const running = withUpdateFolder(folder, async () => {
    writeFileSync(join(folder, 'download'), 'x')
    await isOver
    return readdirSync(folder)
  })
  expect(await captureError(listDuring(folder))).toMatchObject({ code: 'conflict' })
  end()
  expect(await running).toEqual(['download', 'lock'])
  expect(readdirSync(join(parent.path, 'lib'))).toEqual([])
  // The folder for all versions is readable by every user, unlike the one of the update.
  expect(statSync(join(parent.path, 'lib')).mode & 0o777).toBe(0o755)
})

test('an update that removes its own folder has ended well', async () => {
  using parent = temporaryFolder()
  const folder = join(parent.path, 'update')
  // As the installer does.
  const work = () => Promise.resolve(rmSync(folder, { recursive: true }))
  await withUpdateFolder(folder, work)
  expect(existsSync(folder)).toBeFalse()
})

test.each([
  ['ENOSPC', true],
  ['EDQUOT', true],
  ['EACCES', false],
])('what the system refuses with %s is told with what to do', async (code, isFull) => {
  using parent = temporaryFolder()
  const folder = join(parent.path, 'update')
  const cause = Object.assign(new Error(code), { code, syscall: 'write' })
  expect(await captureError(withUpdateFolder(folder, () => Promise.reject(cause)))).toMatchObject({
    ...{ code: 'unavailable', message: `nothing was installed: ${code}`, cause },
    hint: isFull
      ? `free 600 MB on the disk of ${parent.path}, and run this again`
      : `check the permissions of ${parent.path}`,
  })
})

const others: readonly (readonly [what: string, create: (folder: string) => void])[] = [
  ['a file', (folder) => writeFileSync(folder, 'x')],
  ['a link', (folder) => symlinkSync(join(folder, '..', 'elsewhere'), folder)],
  ['a folder of another user', createOfNobody],
]

test.each(
  // Only root can give a folder away.
  others.filter(([, create]) => isRoot || create !== createOfNobody),
)('%s in its place is replaced, and nothing outside of it is touched', async (_, create) => {
  using parent = temporaryFolder()
  const folder = join(parent.path, 'update')
  const elsewhere = join(parent.path, 'elsewhere')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'file'), 'kept')
  create(folder)
  expect(await listDuring(folder)).toEqual(['lock'])
  expect(readFileSync(join(elsewhere, 'file'), 'utf8')).toBe('kept')
})

/** Creates a folder with a file, in which its owner could change what was verified. */
function createOfNobody(folder: string): void {
  mkdirSync(folder)
  writeFileSync(join(folder, 'file'), 'x')
  for (const path of [join(folder, 'file'), folder]) chownSync(path, nobody, nobody)
}
