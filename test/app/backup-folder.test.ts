import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import {
  backupFolderOf,
  destinationOf,
  inspectBackupFolder,
  listBackupPaths,
} from '../../src/app/backup-folder'
import { temporaryFolder } from '../support/executable'
import { targetsIn } from '../support/test-database'

const names = {
  first: 'snailpass-20261120T020000Z.sqlite',
  encrypted: 'snailpass-20261121T020000Z.sqlite.age',
  second: 'snailpass-20261122T020000Z-2.sqlite',
  before: 'snailpass-before-restore-20261123T020000Z.sqlite',
  partial: 'snailpass-20261124T020000Z.sqlite.partial',
} as const

const day = (number: number) => Date.UTC(2026, 10, number, 2)

/** A data folder, and a backup folder beside it that the settings name. Neither exists. */
function createFolders() {
  const folder = temporaryFolder()
  const [dataDir, other] = [join(folder.path, 'data'), join(folder.path, 'other')]
  return {
    ...{ dataDir, other, backups: join(dataDir, 'backups') },
    targets: targetsIn(dataDir, { SNAILPASS_BACKUP_DIR: other }),
    byDefault: targetsIn(dataDir),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

function fill(folder: string, ...files: readonly string[]): void {
  mkdirSync(folder, { recursive: true })
  for (const name of files) writeFileSync(join(folder, name), 'x')
}

test('the backup folder is that of the settings, else one in the data folder', () => {
  using folders = createFolders()
  const { dataDir, other, backups } = folders
  expect(backupFolderOf(folders.targets)).toEqual({ path: other, isConfigured: true, dataDir })
  expect(backupFolderOf(folders.byDefault)).toEqual({
    ...{ path: backups, isConfigured: false, dataDir },
  })
})

test('a backup goes where it is told, or to the folder of the settings, without which only one before an operation can do', async () => {
  using folders = createFolders()
  const { targets, byDefault, other, backups, dataDir } = folders
  const ofSettings = { folder: other, name: null, origin: 'settings' } as const
  const ofDefault = { folder: backups, name: null, origin: 'default' } as const
  const to = join(dataDir, 'x', 'mine.sqlite')
  expect(await destinationOf(targets, { to, before: 'restore' })).toMatchObject({
    ...{ folder: join(dataDir, 'x'), name: 'mine.sqlite' },
  })
  expect(await destinationOf(targets, { to: null, before: null })).toEqual(ofSettings)
  expect(await destinationOf(targets, { to: null, before: 'restore' })).toEqual(ofDefault)
  mkdirSync(other)
  expect(await destinationOf(targets, { to: null, before: 'restore' })).toEqual(ofSettings)
  for (const before of [null, 'restore'])
    expect(await destinationOf(byDefault, { to: null, before })).toEqual(ofDefault)
})

test('the complete backups of both folders are listed, the newest first', () => {
  using folders = createFolders()
  const { targets, byDefault, other, backups } = folders
  expect(listBackupPaths(targets)).toEqual([])
  fill(other, names.first, names.second, names.partial, 'other.sqlite')
  fill(backups, names.encrypted, names.before)
  mkdirSync(join(other, 'snailpass-20261125T020000Z.sqlite'))
  const undated = join(backups, 'snailpass-mine.sqlite')
  writeFileSync(undated, 'x')
  utimesSync(undated, new Date(day(21) + 1), new Date(day(21) + 1))
  const inDefault = [
    { path: join(backups, names.before), time: day(23) },
    { path: undated, time: day(21) + 1 },
    { path: join(backups, names.encrypted), time: day(21) },
  ]
  expect(listBackupPaths(byDefault)).toEqual(inDefault)
  expect(listBackupPaths(targets)).toEqual([
    ...inDefault.slice(0, 1),
    { path: join(other, names.second), time: day(22) },
    ...inDefault.slice(1),
    { path: join(other, names.first), time: day(20) },
  ])
})

describe('a look at the backup folder', () => {
  const none = { verified: null }

  test('finds no problem with a missing one only if that is the default one', async () => {
    using folders = createFolders()
    const { targets, byDefault, other, backups, dataDir } = folders
    const report = { otherWriters: null, times: [], isLastGone: false }
    expect(await inspectBackupFolder(backupFolderOf(targets), none)).toEqual({
      ...{ ...report, problem: `the backup folder ${other} does not exist` },
    })
    expect(await inspectBackupFolder(backupFolderOf(byDefault), none)).toEqual({
      ...{ ...report, problem: null },
    })
    mkdirSync(dataDir)
    writeFileSync(backups, 'x')
    expect(await inspectBackupFolder(backupFolderOf(byDefault), none)).toEqual({
      ...{ ...report, problem: `the backup folder ${backups} is not a folder` },
    })
  })

  test('finds the times of those that are complete and have something in them', async () => {
    using folders = createFolders()
    const { targets, other } = folders
    fill(other, ...Object.values(names), 'snailpass-mine.sqlite', 'x-20261125T020000Z.sqlite')
    writeFileSync(join(other, 'snailpass-20261126T020000Z.sqlite'), '')
    mkdirSync(join(other, 'snailpass-20261127T020000Z.sqlite'))
    const { times, problem } = await inspectBackupFolder(backupFolderOf(targets), none)
    expect(problem).toBeNull()
    expect(times.toSorted((one, next) => one - next)).toEqual([20, 21, 22, 23].map(day))
  })

  test('tells who else can write there', async () => {
    using folders = createFolders()
    const { targets, dataDir, other } = folders
    for (const path of [dataDir, other]) mkdirSync(path, { mode: 0o700 })
    chmodSync(other, 0o777)
    expect(await inspectBackupFolder(backupFolderOf(targets), none)).toMatchObject({
      otherWriters: 'all users can write there',
    })
  })

  test('tells that the last backup is gone, if this machine has written it', async () => {
    using folders = createFolders()
    const { targets, other } = folders
    fill(other, names.first, names.second)
    const look = (file: string, host = hostname()) =>
      inspectBackupFolder(backupFolderOf(targets), {
        verified: { path: file, host, time: day(20) },
      })
    const [gone, present] = [{ isLastGone: true }, { isLastGone: false }]
    const path = join(other, names.first)
    expect(await look(path)).toMatchObject(present)
    rmSync(path)
    expect(await look(path)).toMatchObject(gone)
    expect(await look(path, `not ${hostname()}`)).toMatchObject(present)
    // A file in the place of its folder.
    expect(await look(join(other, names.second, names.first))).toMatchObject(gone)
    // One that the system does not show is not gone.
    expect(await look(join(other, 'x'.repeat(300)))).toMatchObject(present)
  })
})
