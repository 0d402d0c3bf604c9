import { type Loop, startLoop } from '../../background'
import type { BackupFolderReport } from '../../domain/backup-folder'
import type { Backups } from '../../domain/backups'
import { withTimeout } from '../../domain/runtime'
import type { Log } from '../../log'
import { type BackupFolder, inspectBackupFolder } from '../backup-folder'
import type { Runtime } from '../runtime'

/** Milliseconds between two looks at the backup folder. */
const pollInterval = 60_000

/** Milliseconds that the disk gets to answer. A network disk whose server is gone does not answer for minutes. */
const answerTimeout = 10_000

export interface BackupFolderWatch {
  /** Returns what the last look found; null before the first one. */
  report(): BackupFolderReport | null
  readonly loop: Loop
}

/** Looks at the backup folder now and every minute, and logs what prevents backups there: not only at the next backup. */
export function watchBackupFolder(deps: {
  folder: BackupFolder
  backups: Pick<Backups, 'state'>
  runtime: Pick<Runtime, 'wait'>
  log: Log
  inspect?: typeof inspectBackupFolder
}): BackupFolderWatch {
  const { folder, backups, log, inspect = inspectBackupFolder } = deps
  const { wait } = deps.runtime
  let report: BackupFolderReport | null = null
  // A look that gets no answer keeps a thread: there must never be a second one.
  let pending: Promise<BackupFolderReport> | null = null

  const look = async (): Promise<BackupFolderReport> => {
    const state = await backups.state()
    pending ??= inspect(folder, state).finally(() => {
      pending = null
    })
    const onTimeout = () => ({
      problem: `the backup folder ${folder.path} does not answer`,
      otherWriters: report?.otherWriters ?? null,
      times: report?.times ?? [],
      isLastGone: false,
    })
    return await withTimeout({ wait, timeout: answerTimeout, onTimeout }, pending)
  }

  const loop = startLoop(
    { name: 'the check of the backup folder', wait, log, retryDelay: pollInterval },
    async () => {
      const before = report
      report = await look()
      if (report.otherWriters !== null && report.otherWriters !== before?.otherWriters)
        log.warn(`other users can change the backups in ${folder.path}: ${report.otherWriters}`)
      if (report.problem !== (before?.problem ?? null)) {
        if (report.problem !== null)
          log.error(`${report.problem}: no backup can be written`, undefined, {
            hint: 'see `snailpass doctor`',
          })
        else log.info(`the backup folder ${folder.path} can be used again`)
      }
      return pollInterval
    },
  )
  return { report: () => report, loop }
}
