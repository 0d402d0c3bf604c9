import { describe, expect, test } from 'bun:test'
import { type BackupFolderReport, findDailyBackupProblem } from '../../src/domain/backup-folder'
import type { BackupState } from '../../src/domain/backup-state'

const hour = 3_600_000
const now = 1_000 * hour

const stateWith = (change: Partial<BackupState>): BackupState => ({
  ...{ since: 0, verified: null, failure: null, claimedUntil: 0 },
  ...change,
})
const folderWith = (change: Partial<BackupFolderReport>): BackupFolderReport => ({
  ...{ problem: null, otherWriters: null, times: [], isLastGone: false },
  ...change,
})
const backupOf = (age: number) => ({ time: now - age, path: '/stick/a.sqlite', host: 'pi' })

describe('the daily backups', () => {
  const recent = stateWith({ verified: backupOf(20 * hour) })
  const old = stateWith({ verified: backupOf(49 * hour) })
  const failed = stateWith({ failure: { time: now, reason: 'x' }, verified: backupOf(20 * hour) })

  test.each<[string, BackupState, BackupFolderReport | null, string | null]>([
    ['are fine as recorded if nothing is known of the folder', recent, null, null],
    ['are stale as recorded if nothing is known of the folder', old, null, 'stale'],
    ['are fine while the last one is there', recent, folderWith({}), null],
    ['are gone with the last one', recent, folderWith({ isLastGone: true }), 'gone'],
    [
      'are fine without the last one if the folder has one of the same night',
      recent,
      folderWith({ isLastGone: true, times: [now - 21 * hour] }),
      null,
    ],
    [
      'are gone with the last one if those of the folder are old',
      recent,
      folderWith({ isLastGone: true, times: [now - 48 * hour - 1, 0] }),
      'gone',
    ],
    [
      'are gone with the last one if that of the folder is from the future',
      recent,
      folderWith({ isLastGone: true, times: [now + hour + 1] }),
      'gone',
    ],
    [
      'are fine if only the folder has a recent one',
      old,
      folderWith({ times: [0, now - 48 * hour] }),
      null,
    ],
    [
      'are fine if none is recorded, and the folder has one',
      stateWith({}),
      folderWith({ times: [now] }),
      null,
    ],
    ['are stale if neither has one', old, folderWith({ isLastGone: true, times: [0] }), 'stale'],
    ['have failed, whatever the folder has', failed, folderWith({ times: [now] }), 'failed'],
    [
      'are judged without the problem of the folder, which is told by itself',
      recent,
      folderWith({ problem: 'the backup folder /x does not exist' }),
      null,
    ],
  ])('%s', (_, state, folder, expected) => {
    expect(findDailyBackupProblem(state, folder, now)).toBe(expected as never)
  })
})
