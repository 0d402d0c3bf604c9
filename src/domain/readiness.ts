import { type BackupFolderReport, findDailyBackupProblem } from './backup-folder'
import type { Backups } from './backups'
import type { ClockWatch } from './clock-watch'
import { DomainError, errorMessageWithCauses } from './errors'
import type { Clock, MonotonicClock } from './runtime'
import type { Store } from './store'

/** Whether the server can serve requests now. */
export interface Readiness {
  /** Returns the problem that stops requests, null for none, and warnings that stop none. The texts are for operators. */
  check(): Promise<{ readonly problem: string | null; readonly warnings: readonly Warning[] }>
}

export interface Warning {
  readonly kind:
    | 'low_space'
    | 'backup_folder'
    | 'failed_backup'
    | 'stale_backup'
    | 'implausible_clock'
    | 'open_files'
    | 'unlisted_proxy'
  /** For operators. */
  readonly detail: string
}

/** Something that is watched all the time. */
export interface WarningWatch {
  readonly kind: Warning['kind']
  /** Returns what is wrong, for operators; null for nothing. */
  problem(): string | null
}

type ReadinessReport = Awaited<ReturnType<Readiness['check']>>

/** Milliseconds for which a report is cached, so that frequent requests don't load the database. A failed write counts at once. */
const cacheDuration = 1_000

export function createReadiness(deps: {
  store: Pick<Store, 'check' | 'isFailing' | 'isShortOfSpace'>
  /** Null if the server has no scheduled backups. */
  backups: Pick<Backups, 'state'> | null
  /** Returns what is known of the backup folder; null for nothing. */
  backupFolder?: () => BackupFolderReport | null
  clock: Clock
  monotonicClock: MonotonicClock
  clockWatch: Pick<ClockWatch, 'problem'>
  /** Returns what a check of the whole database has found; null for nothing. */
  damage?: () => string | null
  watches?: readonly WarningWatch[]
}): Readiness {
  let cached: { at: number; report: Promise<ReadinessReport> } | null = null
  return {
    check() {
      const now = deps.monotonicClock()
      if (cached === null || deps.store.isFailing() || now - cached.at >= cacheDuration)
        cached = { at: now, report: checkReadiness(deps) }
      return cached.report
    },
  }
}

async function checkReadiness(deps: Parameters<typeof createReadiness>[0]) {
  const { store, backups, backupFolder = () => null, clock, clockWatch } = deps
  const damage = deps.damage?.() ?? null
  if (damage !== null) return { problem: damage, warnings: [] }
  try {
    await store.check()
    const warnings: Warning[] = []
    if (store.isShortOfSpace()) {
      warnings.push({ kind: 'low_space', detail: 'writes are refused: the disk is nearly full' })
    }
    const folder = backupFolder()
    if (folder !== null && folder.problem !== null)
      warnings.push({ kind: 'backup_folder', detail: folder.problem })
    const warning = backups === null ? null : await backupWarning(backups, folder, clock())
    if (warning !== null) warnings.push(warning)
    const clockProblem = clockWatch.problem()
    if (clockProblem !== null) {
      warnings.push({ kind: 'implausible_clock', detail: clockProblem.detail })
    }
    for (const { kind, problem } of deps.watches ?? []) {
      const detail = problem()
      if (detail !== null) warnings.push({ kind, detail })
    }
    return { problem: null, warnings }
  } catch (error) {
    if (error instanceof DomainError)
      return { problem: errorMessageWithCauses(error), warnings: [] }
    throw error
  }
}

async function backupWarning(
  backups: Pick<Backups, 'state'>,
  folder: BackupFolderReport | null,
  now: number,
): Promise<Warning | null> {
  const state = await backups.state()
  switch (findDailyBackupProblem(state, folder, now)) {
    case 'failed':
      return { kind: 'failed_backup', detail: `the last backup failed: ${state.failure?.reason}` }
    case 'stale':
      return {
        kind: 'stale_backup',
        detail: `no verified backup since ${lastBackupTime(state)}`,
      }
    case 'gone':
      return {
        kind: 'stale_backup',
        detail: `the newest verified backup is gone: ${state.verified?.path}`,
      }
    case null:
      return null
  }
}

function lastBackupTime({ verified, since }: Awaited<ReturnType<Backups['state']>>): string {
  return new Date(verified?.time ?? since).toISOString()
}
