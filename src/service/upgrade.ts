import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '../domain/errors'
import { findText, placeExecutable, placeText } from './files'
import { goBack } from './go-back'
import { type GroundedJob, stepsBy } from './job'
import { clearWorkshop, findJournal, type Journal, workshopOf, writeJournal } from './journal'
import { requireFree, startUntilReady } from './listening'
import { run } from './process'
import type { Outlook } from './steps'
import { reloadUnits, serviceState, stopService } from './systemd'
import { unitText } from './unit'

/**
 * Replaces the installed version by this one. Up to the moment at which the new one was ready on a trial, whatever
 * fails or ends this leads back: to the old executable, and to the database as it was. Throws `unavailable` once it
 * has gone back, saying so.
 */
export async function upgrade(job: GroundedJob, outlook: Outlook): Promise<void> {
  const { layout, say } = job
  const oldVersion = await versionOf(layout.executable)
  say(`upgrading from ${oldVersion} to ${job.version}`)
  const journal = await prepare(job, outlook, oldVersion)
  try {
    if (layout.unit !== null) {
      await stopService()
      say('stopped the service')
    }
    await secure(job, journal)
    say('trying the new version, where no client reaches it')
    await stepsBy(workshopOf(layout).newExecutable, job).trial(job.patience)
    // From here on the way leads forward: what clients write after the start must not be undone.
    writeJournal(layout, { ...journal, phase: 'proven' })
    say('it was ready')
    await goOn(job, outlook)
  } catch (error) {
    throw await goBack(job, outlook, findJournal(layout) ?? journal, error)
  }
  // A migration has kept a copy of its own.
  if (journal.copy !== null) rmSync(journal.copy, { force: true })
  clearWorkshop(layout)
  say(`${job.version} is in place`)
}

/** Everything that can be refused, and the way back, before anything is stopped. */
async function prepare(job: GroundedJob, outlook: Outlook, oldVersion: string): Promise<Journal> {
  const { layout, say } = job
  const { oldExecutable } = workshopOf(layout)
  if (layout.unit === null && outlook.isServed) {
    throw new DomainError('conflict', `a server is at work on ${outlook.database}`, {
      hint: 'stop it first, and start it again after the upgrade',
    })
  }
  const archive =
    outlook.content === 'ours' ? await stepsBy(layout.executable, job).archive(null) : null
  if (archive !== null) say(`archive: ${archive}`)
  placeExecutable(layout.executable, oldExecutable)
  const time = new Date(job.clock()).toISOString().replaceAll(/[-:.]/g, '')
  const copyName = `snailpass-before-upgrade-${time}.${outlook.engine === 'sqlite' ? 'db' : 'sqlite'}`
  const journal: Journal = {
    phase: 'trying',
    oldVersion,
    newVersion: job.version,
    archive,
    pending: outlook.pending,
    engine: outlook.engine,
    copy: outlook.pending.length === 0 ? null : join(outlook.dataDir, copyName),
    isCleared: false,
    wasRunning: layout.unit !== null && (await serviceState()).active === 'active',
    unit: layout.unit === null ? null : findText(layout.unit),
  }
  writeJournal(layout, journal)
  return journal
}

/**
 * With the old server stopped: keeps the database as it is, where a migration is going to change it. What was written
 * since the archive must come back as well.
 */
async function secure(job: GroundedJob, { copy, engine }: Journal): Promise<void> {
  if (copy === null) return
  const { newExecutable, oldExecutable } = workshopOf(job.layout)
  if (engine === 'sqlite') await stepsBy(newExecutable, job).copy(copy)
  // Of the old version's format, for it is the one that would restore it.
  else await stepsBy(oldExecutable, job).archive(copy)
  job.say(`copied the database: ${copy}`)
}

/** After the trial: the new version takes the old one's place. */
async function goOn(job: GroundedJob, outlook: Outlook): Promise<void> {
  const { layout, say } = job
  placeExecutable(workshopOf(layout).newExecutable, layout.executable)
  if (layout.unit === null) return
  placeText(layout.unit, unitText(layout, outlook), 0o644)
  await reloadUnits()
  say('put the new version in place')
  await requireFree(outlook.endpoints)
  await startUntilReady(outlook.endpoints, job.patience, job.wait)
  say('started the service')
}

/** What the installed version says of itself. Throws `unavailable` when it does not even do that. */
async function versionOf(executable: string): Promise<string> {
  const { code, stdout } = await run(executable, ['--version'], { patience: 20_000 })
  const version = /^snailpass (\S+ \([^)]*\))/.exec(stdout)?.[1]
  if (code === 0 && version !== undefined) return version
  throw new DomainError('unavailable', `${executable} does not run, so it can't make an archive`, {
    hint: `copy the database by hand, remove ${executable}, and run this again`,
  })
}
