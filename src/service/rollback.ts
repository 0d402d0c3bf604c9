import { existsSync, rmSync } from 'node:fs'
import { DomainError, errorMessage } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import { helperCommandsFor, type InstallContext } from './context'
import { haveSameContent, installExecutable, writeTextAtomic } from './files'
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

/** How long a server may take to end whose installer was killed, and how often it is looked for, in milliseconds. */
const releaseTimeout = 10_000
const pollInterval = 100

/**
 * Ends what an interrupted upgrade has begun: forward where the new version was proven, back where it was not.
 * Interrupted itself, it is done again. Throws `unavailable`.
 */
export async function recoverInterruptedUpgrade(context: InstallContext): Promise<void> {
  const { layout, info } = context
  const journal = findJournal(layout)
  if (journal === null) return
  info(`an upgrade from ${journal.oldVersion} to ${journal.newVersion} was interrupted`)
  if (journal.phase === 'proven') {
    installExecutable(stagingPathsOf(layout).newExecutable, layout.executable)
    if (journal.copy !== null) rmSync(journal.copy, { force: true })
    removeStagingDir(layout)
    info(`${journal.newVersion} had been ready: it is in place now`)
    return
  }
  await restoreOldVersion(context, journal)
  info(`${journal.oldVersion} is back in place, with the database as it was`)
  if (journal.wasRunning) await startService()
}

/** Goes back after a failure, and answers what to throw. */
export async function rollBack(
  context: InstallContext,
  preflight: Preflight,
  journal: Journal,
  cause: unknown,
): Promise<unknown> {
  context.info(`that failed; going back to ${journal.oldVersion}`)
  const backup = journal.archive === null ? [] : [`the archive from before: ${journal.archive}`]
  const failed = `the upgrade to ${journal.newVersion} failed: ${errorMessage(cause)}`
  const hint = cause instanceof DomainError && cause.hint !== null ? [cause.hint] : []
  try {
    const replacedCopy = await restoreOldVersion(context, journal)
    const kept =
      replacedCopy === null ? [] : [`what the new version made of the database: ${replacedCopy}`]
    const back = `${journal.oldVersion} is back in place, with the database as it was`
    if (journal.wasRunning)
      await startAndWaitUntilReady(preflight.endpoints, context.readyTimeout, context.wait)
    // A bug is told as one, now that its harm is undone.
    if (!(cause instanceof DomainError)) return cause
    return new DomainError(
      'unavailable',
      `${failed}\n${back}${journal.wasRunning ? ', and runs again' : ''}`,
      { hint: [...hint, ...backup, ...kept].join('\n'), cause },
    )
  } catch (second) {
    return new DomainError(
      'unavailable',
      `${failed}\nand going back failed: ${errorMessage(second)}`,
      {
        hint: [...hint, ...backup, 'mend that, and run this again: it goes on from here'].join(
          '\n',
        ),
        cause: second,
      },
    )
  }
}

/**
 * Puts the old executable, its unit and the database from before back. Answers where what the new version made of
 * the database is kept, null where it had made nothing.
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
    installExecutable(oldExecutable, layout.executable)
    info('put the old version back')
  }
  if (layout.unit !== null && journal.unit !== null) {
    writeTextAtomic(layout.unit, journal.unit, 0o644)
    await reloadUnits()
  }
  // Before the old one starts: what clients write from now on is not to be undone.
  removeStagingDir(layout)
  return replacedCopy
}

async function restoreDatabase(context: InstallContext, journal: Journal): Promise<string | null> {
  const { layout, info } = context
  const { newExecutable, oldExecutable } = stagingPathsOf(layout)
  // By the one that may have migrated: it alone knows what it did.
  const helper = helperCommandsFor(newExecutable, context)
  const { copy, engine } = journal
  // It is whole before a migration begins.
  if (copy === null || !existsSync(copy)) return null
  await waitUntilReleased(helper, context.wait)
  if (!journal.isCleared && (await isUntouched(helper, journal))) {
    rmSync(copy)
    return null
  }
  if (engine === 'sqlite') {
    const replacedCopy = copy.replace('-before-upgrade-', '-after-upgrade-')
    await helper.restoreCopy({ copy, replacedCopy })
    info('put the database from before the migration back')
    return replacedCopy
  }
  writeJournal(layout, { ...journal, phase: 'reverting', isCleared: true })
  // No client has reached a version that was not proven: it has nothing of theirs.
  const replacedCopy = await helper.dropTables({ keep: journal.phase !== 'trying' })
  await helperCommandsFor(oldExecutable, context).restore(copy)
  rmSync(copy)
  info('put what the database held before the migration back')
  return replacedCopy
}

/**
 * Waits for the server on trial of an installer that was killed, which ends a moment later: what it migrates until then
 * must not be missed. Of a Postgres database nobody tells who is at work on it.
 */
async function waitUntilReleased(helper: HelperCommands, wait: Wait): Promise<void> {
  for (let waited = 0; waited < releaseTimeout; waited += pollInterval) {
    const found = await helper.preflight().catch(() => null)
    if (found?.isServed !== true) return
    await wait(pollInterval)
  }
}

/** Whether the migrations that were to be run still are. What can't be read any more was touched. */
async function isUntouched(helper: HelperCommands, { pending }: Journal): Promise<boolean> {
  try {
    const found = await helper.preflight()
    return found.content === 'ours' && found.pending.join() === pending.join()
  } catch {
    return false
  }
}
