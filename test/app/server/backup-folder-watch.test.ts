import { expect, test } from 'bun:test'
import { watchBackupFolder } from '../../../src/app/server/backup-folder-watch'
import type { BackupFolderReport } from '../../../src/domain/backup-folder'
import { createLog } from '../../../src/log'
import { manualTiming } from '../../support/timing'

const fine: BackupFolderReport = {
  problem: null,
  otherWriters: null,
  times: [5],
  isLastGone: false,
}
const state = { since: 0, verified: null, failure: null, claimedUntil: 0 }

/** A watch over a folder whose state a test sets. */
function startTestWatch() {
  const timing = manualTiming()
  const log: string[] = []
  const answers = { next: (): Promise<BackupFolderReport> => Promise.resolve(fine), looks: 0 }
  const watch = watchBackupFolder({
    folder: { path: '/backups', isConfigured: true, dataDir: '/data' },
    backups: { state: () => Promise.resolve(state) },
    runtime: timing,
    log: createLog('json', timing.clock, (line) => log.push(line)),
    inspect() {
      answers.looks++
      return answers.next()
    },
  })
  return {
    watch,
    answers,
    advance: timing.advance,
    takeLog: () =>
      log.splice(0).map((line) => {
        const { level, message } = JSON.parse(line)
        return `${level}: ${message}`
      }),
    [Symbol.asyncDispose]: async () => void (await watch.loop.stop()),
  }
}

const missing = { ...fine, problem: 'the backup folder /backups does not exist', times: [] }

test('the backup folder is looked at at once and every minute, and each change is logged once', async () => {
  await using test = startTestWatch()
  const { watch, answers, advance, takeLog } = test
  expect(watch.report()).toBeNull()
  await advance(0)
  expect(watch.report()).toEqual(fine)
  await advance(59_999)
  expect(answers.looks).toBe(1)
  answers.next = () => Promise.resolve(missing)
  await advance(1)
  expect(watch.report()).toEqual(missing)
  await advance(120_000)
  expect(takeLog()).toEqual([
    'error: the backup folder /backups does not exist: no backup can be written',
  ])
  answers.next = () => Promise.resolve(fine)
  await advance(60_000)
  expect(takeLog()).toEqual(['info: the backup folder /backups can be used again'])
})

test('other users who can change the backups are logged once', async () => {
  await using test = startTestWatch()
  test.answers.next = () => Promise.resolve({ ...fine, otherWriters: 'all users can write there' })
  await test.advance(180_000)
  expect(test.takeLog()).toEqual([
    'warn: other users can change the backups in /backups: all users can write there',
  ])
})

test('a disk that does not answer is a problem after ten seconds, and occupies one thread only', async () => {
  await using test = startTestWatch()
  const { watch, answers, advance, takeLog } = test
  await advance(0)
  const answer = Promise.withResolvers<BackupFolderReport>()
  answers.next = () => answer.promise
  await advance(60_000 + 9_999)
  expect(watch.report()).toEqual(fine)
  await advance(1)
  expect(watch.report()).toEqual({
    ...fine,
    problem: 'the backup folder /backups does not answer',
  })
  await advance(300_000)
  expect(answers.looks).toBe(2)
  expect(takeLog()).toEqual([
    'error: the backup folder /backups does not answer: no backup can be written',
  ])
  answers.next = () => Promise.resolve(fine)
  answer.resolve(fine)
  await advance(140_000)
  expect(watch.report()).toEqual(fine)
  expect(takeLog()).toEqual(['info: the backup folder /backups can be used again'])
})
