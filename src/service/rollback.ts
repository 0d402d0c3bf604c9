import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DomainError, messageLinesAfter } from '../domain/errors'
import { pollUntil, type Wait } from '../domain/runtime'
import { removeDurably } from '../files/atomic-file'
import { helperCommandsFor, type InstallContext } from './context'
import { asFileError, haveSameContent, linkExecutable, writeTextFile } from './files'
import type { HelperCommands, Preflight } from './helper-commands'
import {
  findJournal,
  type Journal,
  removeStagingDir,
  stagingPathsOf,
  writeJournal,
} from './journal'
import { startAndWaitUntilReady } from './readiness'
import { reloadUnits, startService, stopService } from './systemd'

/** How long, and how often, to check whether a smoke test has released the database. In milliseconds. */
const releaseTimeout = 10_000
const pollInterval = 100

/**
 * Ends an interrupted upgrade: completes it if the new version has passed its smoke test, else rolls it back. If this
 * is interrupted too, the next run repeats it. Throws `unavailable`.
 */
export async function recoverInterruptedUpgrade(context: InstallContext): Promise<void> {
  const { layout, info } = context
  const journal = findJournal(layout)
  if (journal === null) return
  info(`an upgrade from ${journal.oldVersion} to ${journal.newVersion} was interrupted`)
  if (journal.phase === 'proven') {
    linkExecutable(stagingPathsOf(layout).newExecutable, layout.executable)
    if (journal.copy !== null) rmSync(journal.copy, { force: true })
    removeStagingDir(layout)
    info(`${journal.newVersion} had passed its test and is installed now`)
  } else {
    await restoreOldVersion(context, journal)
    info(`restored ${journal.oldVersion} and its database`)
  }
  if (journal.wasRunning) await startService()
}

/**
 * Rolls an upgrade back whose new version has not passed its smoke test. Returns the error to throw: `unavailable`,
 * which tells whether the rollback succeeded, or `cause` itself if it is a bug.
 */
export async function rollBack(
  context: InstallContext,
  {
    preflight,
    journal,
    cause,
  }: { readonly preflight: Preflight; readonly journal: Journal; readonly cause: unknown },
): Promise<unknown> {
  context.info(`the upgrade failed; rolling back to ${journal.oldVersion}`)
  const backup = journal.backup === null ? [] : [`backup from before: ${journal.backup}`]
  const failed = messageLinesAfter(`the upgrade to ${journal.newVersion} failed: `, cause)
  const hint = cause instanceof DomainError ? cause.hintLines : []
  try {
    const replacedCopy = await restoreOldVersion(context, journal)
    const kept =
      replacedCopy === null ? [] : [`the database as the new version left it: ${replacedCopy}`]
    if (journal.wasRunning) await startAndWaitUntilReady(preflight.endpoints, context)
    if (!(cause instanceof DomainError)) return cause
    const restored = `restored ${journal.oldVersion} and its database`
    return new DomainError(
      'unavailable',
      [...failed, `${restored}${journal.wasRunning ? '; the service is running again' : ''}`],
      { hint: [...hint, ...backup, ...kept], cause },
    )
  } catch (second) {
    const next = 'fix this and run the installer again: it continues the rollback'
    return new DomainError(
      'unavailable',
      [...failed, ...messageLinesAfter('and the rollback failed: ', asFileError(second))],
      { hint: [...hint, ...backup, next], cause: second },
    )
  }
}

/**
 * Restores the old executable, its unit and the database from before the upgrade. Returns the path where the database
 * is kept as the new version left it; null if the new version had not changed it.
 */
async function restoreOldVersion(
  context: InstallContext,
  journal: Journal,
): Promise<string | null> {
  const { layout, info } = context
  const { oldExecutable } = stagingPathsOf(layout)
  writeJournal(layout, { ...journal, phase: 'reverting' })
  if (layout.unit !== null) await stopService()
  const replacedCopy = await restoreDatabase(context, journal)
  if (!existsSync(layout.executable) || !haveSameContent(oldExecutable, layout.executable)) {
    linkExecutable(oldExecutable, layout.executable)
    info('restored the old executable')
  }
  if (layout.unit !== null && journal.unit !== null) {
    writeTextFile(layout.unit, journal.unit, { mode: 0o644 })
    await reloadUnits()
  }
  // Before the old version starts: what clients write from then on must not be rolled back by a later run.
  removeStagingDir(layout)
  return replacedCopy
}

async function restoreDatabase(context: InstallContext, journal: Journal): Promise<string | null> {
  const { layout, info } = context
  const { newExecutable, oldExecutable } = stagingPathsOf(layout)
  // The new executable may have migrated the database, so only it can read it.
  const helper = helperCommandsFor(newExecutable, context)
  const { copy, engine } = journal
  if (copy === null) return null
  removeDraftsOf(copy)
  // The copy is complete before a migration starts: without a copy there was no migration.
  if (!existsSync(copy)) return null
  await waitUntilReleased(helper, context.wait)
  if (!journal.isCleared && (await isUntouched(helper, journal))) {
    removeDurably(copy)
    return null
  }
  if (engine === 'sqlite') {
    const replacedCopy = copy.replace('-before-upgrade-', '-after-upgrade-')
    await helper.restoreCopy({ copy, replacedCopy })
    info('restored the database from before the migration')
    return replacedCopy
  }
  writeJournal(layout, { ...journal, phase: 'reverting', isCleared: true })
  // In the first attempt the database holds nothing of clients that the copy lacks: they never reached the new version.
  const replacedCopy = await helper.dropTables({ keep: journal.phase !== 'trying' })
  await helperCommandsFor(oldExecutable, context).restore(copy)
  removeDurably(copy)
  info('restored the database from before the migration')
  return replacedCopy
}

/** Removes what a process that was killed has left of the copy. */
function removeDraftsOf(copy: string): void {
  const folder = dirname(copy)
  if (!existsSync(folder)) return
  const drafts = readdirSync(folder).filter((name) => name.startsWith(`${basename(copy)}.`))
  for (const name of drafts) rmSync(join(folder, name), { force: true })
}

/**
 * If the previous installer was killed, its smoke test may still be migrating for a moment. Waits until it releases
 * the database, or until `releaseTimeout` has passed. Postgres can't tell who is connected, so this does not wait there.
 */
async function waitUntilReleased(helper: HelperCommands, wait: Wait): Promise<void> {
  await pollUntil({ wait, timeout: releaseTimeout, interval: pollInterval }, async () => {
    const preflight = await helper.preflight().catch(() => null)
    return preflight?.isServed === true ? null : 'released'
  })
}

/** Whether no pending migration has run. A database that can't be read counts as changed. */
async function isUntouched(helper: HelperCommands, { pending }: Journal): Promise<boolean> {
  try {
    const preflight = await helper.preflight()
    return preflight.content === 'ours' && preflight.pending.join() === pending.join()
  } catch {
    return false
  }
}
