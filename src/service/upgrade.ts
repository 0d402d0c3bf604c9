import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '../domain/errors'
import { helperCommandsFor, type InstallContext } from './context'
import { findFileText, installExecutable, writeTextAtomic } from './files'
import type { Preflight } from './helper-commands'
import {
  findJournal,
  type Journal,
  removeStagingDir,
  stagingPathsOf,
  writeJournal,
} from './journal'
import { runProgram } from './process'
import { requireFreePorts, startAndWaitUntilReady } from './readiness'
import { rollBack } from './rollback'
import { reloadUnits, serviceState, stopService } from './systemd'
import { renderUnit } from './unit'

/**
 * Replaces the installed version by this one. Up to the moment at which the new one was ready on a trial, whatever
 * fails or ends this leads back: to the old executable, and to the database as it was. Throws `unavailable` once it
 * has gone back, saying so.
 */
export async function upgrade(context: InstallContext, preflight: Preflight): Promise<void> {
  const { layout, info } = context
  const oldVersion = await versionOf(layout.executable)
  info(`upgrading from ${oldVersion} to ${context.version}`)
  const journal = await prepare(context, preflight, oldVersion)
  try {
    if (layout.unit !== null) {
      await stopService()
      info('stopped the service')
    }
    await backUpDatabase(context, journal)
    info('trying the new version, where no client reaches it')
    await helperCommandsFor(stagingPathsOf(layout).newExecutable, context).smokeTest(
      context.readyTimeout,
    )
    // From here on the way leads forward: what clients write after the start must not be undone.
    writeJournal(layout, { ...journal, phase: 'proven' })
    info('it was ready')
    await switchOver(context, preflight)
  } catch (error) {
    throw await rollBack(context, preflight, findJournal(layout) ?? journal, error)
  }
  // A migration has kept a copy of its own.
  if (journal.copy !== null) rmSync(journal.copy, { force: true })
  removeStagingDir(layout)
  info(`${context.version} is in place`)
}

/** Everything that can be refused, and the way back, before anything is stopped. */
async function prepare(
  context: InstallContext,
  preflight: Preflight,
  oldVersion: string,
): Promise<Journal> {
  const { layout, info } = context
  const { oldExecutable } = stagingPathsOf(layout)
  if (layout.unit === null && preflight.isServed) {
    throw new DomainError('conflict', `a server is at work on ${preflight.database}`, {
      hint: 'stop it first, and start it again after the upgrade',
    })
  }
  const backup =
    preflight.content === 'ours'
      ? await helperCommandsFor(layout.executable, context).backUp(null)
      : null
  if (backup !== null) info(`archive: ${backup}`)
  installExecutable(layout.executable, oldExecutable)
  const time = new Date(context.clock()).toISOString().replaceAll(/[-:.]/g, '')
  const copyName = `snailpass-before-upgrade-${time}.${preflight.engine === 'sqlite' ? 'db' : 'sqlite'}`
  const journal: Journal = {
    phase: 'trying',
    oldVersion,
    newVersion: context.version,
    archive: backup,
    pending: preflight.pending,
    engine: preflight.engine,
    copy: preflight.pending.length === 0 ? null : join(preflight.dataDir, copyName),
    isCleared: false,
    wasRunning: layout.unit !== null && (await serviceState()).activeState === 'active',
    unit: layout.unit === null ? null : findFileText(layout.unit),
  }
  writeJournal(layout, journal)
  return journal
}

/**
 * With the old server stopped: keeps the database as it is, where a migration is going to change it. What was written
 * since the archive must come back as well.
 */
async function backUpDatabase(context: InstallContext, { copy, engine }: Journal): Promise<void> {
  if (copy === null) return
  const { newExecutable, oldExecutable } = stagingPathsOf(context.layout)
  if (engine === 'sqlite') await helperCommandsFor(newExecutable, context).copyDatabase(copy)
  // Of the old version's format, for it is the one that would restore it.
  else await helperCommandsFor(oldExecutable, context).backUp(copy)
  context.info(`copied the database: ${copy}`)
}

/** After the trial: the new version takes the old one's place. */
async function switchOver(context: InstallContext, preflight: Preflight): Promise<void> {
  const { layout, info } = context
  installExecutable(stagingPathsOf(layout).newExecutable, layout.executable)
  if (layout.unit === null) return
  writeTextAtomic(layout.unit, renderUnit(layout, preflight), 0o644)
  await reloadUnits()
  info('put the new version in place')
  await requireFreePorts(preflight.endpoints)
  await startAndWaitUntilReady(preflight.endpoints, context.readyTimeout, context.wait)
  info('started the service')
}

/** What the installed version says of itself. Throws `unavailable` when it does not even do that. */
async function versionOf(executable: string): Promise<string> {
  const { code, stdout } = await runProgram(executable, ['--version'], { timeout: 20_000 })
  const version = /^snailpass (\S+ \([^)]*\))/.exec(stdout)?.[1]
  if (code === 0 && version !== undefined) return version
  throw new DomainError('unavailable', `${executable} does not run, so it can't make an archive`, {
    hint: `copy the database by hand, remove ${executable}, and run this again`,
  })
}
