import { existsSync, rmSync } from 'node:fs'
import { DomainError, reasonOf } from '../domain/errors'
import type { Wait } from '../domain/world'
import { areSame, placeExecutable, placeText } from './files'
import { type GroundedJob, stepsBy } from './job'
import { clearWorkshop, findJournal, type Journal, workshopOf, writeJournal } from './journal'
import { startUntilReady } from './listening'
import type { Outlook, Steps } from './steps'
import { reloadUnits, startService, stopService } from './systemd'

/** How long a server may take to end whose installer was killed, and how often it is looked for, in milliseconds. */
const patience = 10_000
const pause = 100

/**
 * Ends what an interrupted upgrade has begun: forward where the new version was proven, back where it was not.
 * Interrupted itself, it is done again. Throws `unavailable`.
 */
export async function recover(job: GroundedJob): Promise<void> {
  const { layout, say } = job
  const journal = findJournal(layout)
  if (journal === null) return
  say(`an upgrade from ${journal.oldVersion} to ${journal.newVersion} was interrupted`)
  if (journal.phase === 'proven') {
    placeExecutable(workshopOf(layout).newExecutable, layout.executable)
    if (journal.copy !== null) rmSync(journal.copy, { force: true })
    clearWorkshop(layout)
    say(`${journal.newVersion} had been ready: it is in place now`)
    return
  }
  await restoreOld(job, journal)
  say(`${journal.oldVersion} is back in place, with the database as it was`)
  if (journal.wasRunning) await startService()
}

/** Goes back after a failure, and answers what to throw. */
export async function goBack(
  job: GroundedJob,
  outlook: Outlook,
  journal: Journal,
  cause: unknown,
): Promise<unknown> {
  job.say(`that failed; going back to ${journal.oldVersion}`)
  const archive = journal.archive === null ? [] : [`the archive from before: ${journal.archive}`]
  const failed = `the upgrade to ${journal.newVersion} failed: ${reasonOf(cause)}`
  const hint = cause instanceof DomainError && cause.hint !== null ? [cause.hint] : []
  try {
    const aside = await restoreOld(job, journal)
    const kept = aside === null ? [] : [`what the new version made of the database: ${aside}`]
    const back = `${journal.oldVersion} is back in place, with the database as it was`
    if (journal.wasRunning) await startUntilReady(outlook.endpoints, job.patience, job.wait)
    // A bug is told as one, now that its harm is undone.
    if (!(cause instanceof DomainError)) return cause
    return new DomainError(
      'unavailable',
      `${failed}\n${back}${journal.wasRunning ? ', and runs again' : ''}`,
      { hint: [...hint, ...archive, ...kept].join('\n'), cause },
    )
  } catch (second) {
    return new DomainError('unavailable', `${failed}\nand going back failed: ${reasonOf(second)}`, {
      hint: [...hint, ...archive, 'mend that, and run this again: it goes on from here'].join('\n'),
      cause: second,
    })
  }
}

/**
 * Puts the old executable, its unit and the database from before back. Answers where what the new version made of
 * the database is kept, null where it had made nothing.
 */
async function restoreOld(job: GroundedJob, journal: Journal): Promise<string | null> {
  const { layout, say } = job
  const { oldExecutable } = workshopOf(layout)
  writeJournal(layout, { ...journal, phase: 'reverting' })
  if (layout.unit !== null) await stopService()
  const aside = await restoreDatabase(job, journal)
  if (!existsSync(layout.executable) || !areSame(oldExecutable, layout.executable)) {
    placeExecutable(oldExecutable, layout.executable)
    say('put the old version back')
  }
  if (layout.unit !== null && journal.unit !== null) {
    placeText(layout.unit, journal.unit, 0o644)
    await reloadUnits()
  }
  // Before the old one starts: what clients write from now on is not to be undone.
  clearWorkshop(layout)
  return aside
}

async function restoreDatabase(job: GroundedJob, journal: Journal): Promise<string | null> {
  const { layout, say } = job
  const { newExecutable, oldExecutable } = workshopOf(layout)
  // By the one that may have migrated: it alone knows what it did.
  const steps = stepsBy(newExecutable, job)
  const { copy, engine } = journal
  // It is whole before a migration begins.
  if (copy === null || !existsSync(copy)) return null
  await untilLetGo(steps, job.wait)
  if (!journal.isCleared && (await isUntouched(steps, journal))) {
    rmSync(copy)
    return null
  }
  if (engine === 'sqlite') {
    const aside = copy.replace('-before-upgrade-', '-after-upgrade-')
    await steps.putBack({ copy, aside })
    say('put the database from before the migration back')
    return aside
  }
  writeJournal(layout, { ...journal, phase: 'reverting', isCleared: true })
  // No client has reached a version that was not proven: it has nothing of theirs.
  const aside = await steps.clear({ keep: journal.phase !== 'trying' })
  await stepsBy(oldExecutable, job).restore(copy)
  rmSync(copy)
  say('put what the database held before the migration back')
  return aside
}

/**
 * Waits for the server on trial of an installer that was killed, which ends a moment later: what it migrates until then
 * must not be missed. Of a Postgres database nobody tells who is at work on it.
 */
async function untilLetGo(steps: Steps, wait: Wait): Promise<void> {
  for (let waited = 0; waited < patience; waited += pause) {
    const found = await steps.outlook().catch(() => null)
    if (found?.isServed !== true) return
    await wait(pause)
  }
}

/** Whether the migrations that were to be run still are. What can't be read any more was touched. */
async function isUntouched(steps: Steps, { pending }: Journal): Promise<boolean> {
  try {
    const found = await steps.outlook()
    return found.content === 'ours' && found.pending.join() === pending.join()
  } catch {
    return false
  }
}
