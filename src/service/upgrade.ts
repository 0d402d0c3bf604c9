import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError, messageLinesAfter } from '../domain/errors'
import { helperCommandsFor, type InstallContext } from './context'
import {
  asFileError,
  findFileText,
  installExecutable,
  linkExecutable,
  writeTextFile,
} from './files'
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
import { isStarted, reloadUnits, serviceState, stopService } from './systemd'
import { renderUnit } from './unit'
import { readUnitEndpoints } from './unit-endpoints'

/**
 * Replaces the installed version with the new one. Until the new version has passed its smoke test, any failure leads
 * to a rollback: the old executable and the database as it was are restored. After that nothing is rolled back, since
 * clients may have written to the new version; a failure leaves the journal, and the next run completes the upgrade.
 * Throws `unavailable`, with a message that tells which of both happened.
 */
export async function upgrade(context: InstallContext, preflight: Preflight): Promise<void> {
  const { layout, info } = context
  const oldVersion = await versionOf(layout.executable)
  info(`upgrading from ${oldVersion} to ${context.version}`)
  const journal = await prepare(context, preflight, oldVersion)
  try {
    await testNewVersion(context, journal)
  } catch (error) {
    const cause = asFileError(error)
    // What is on disk decides: writing the journal may have failed after it was in place.
    const found = findJournal(layout) ?? journal
    if (found.phase === 'proven') throw incompleteUpgrade(journal, cause)
    throw await rollBack(context, { preflight, journal: found, cause })
  }
  try {
    await switchOver(context, preflight)
  } catch (error) {
    throw incompleteUpgrade(journal, asFileError(error))
  }
  // The migration has made a backup of its own, which stays.
  if (journal.copy !== null) rmSync(journal.copy, { force: true })
  removeStagingDir(layout)
  info(`upgraded to ${context.version}`)
}

/** Prepares a rollback, and finds every reason to refuse the upgrade, before anything is stopped. */
async function prepare(
  context: InstallContext,
  preflight: Preflight,
  oldVersion: string,
): Promise<Journal> {
  const { layout, info } = context
  const { oldExecutable } = stagingPathsOf(layout)
  if (layout.unit === null && preflight.isServed) {
    throw new DomainError('conflict', `a running server is using ${preflight.database}`, {
      hint: 'stop it before the upgrade, and start it again after it',
    })
  }
  const backup =
    preflight.content === 'ours'
      ? await helperCommandsFor(layout.executable, context).backUp(null)
      : null
  if (backup !== null) info(`backup: ${backup}`)
  installExecutable(layout.executable, oldExecutable)
  const time = new Date(context.clock()).toISOString().replaceAll(/[-:.]/g, '')
  const copyName = `snailpass-before-upgrade-${time}.${preflight.engine === 'sqlite' ? 'db' : 'sqlite'}`
  const journal: Journal = {
    phase: 'trying',
    oldVersion,
    newVersion: context.version,
    backup,
    pending: preflight.pending,
    engine: preflight.engine,
    copy: preflight.pending.length === 0 ? null : join(preflight.dataDir, copyName),
    isCleared: false,
    wasRunning: layout.unit !== null && isStarted(await serviceState()),
    unit: layout.unit === null ? null : findFileText(layout.unit),
  }
  writeJournal(layout, journal)
  return journal
}

/** Stops the service, copies the database and runs the smoke test. Returns once the journal says `proven`. */
async function testNewVersion(context: InstallContext, journal: Journal): Promise<void> {
  const { layout, info } = context
  if (layout.unit !== null) {
    await stopService()
    info('stopped the service')
  }
  await copyDatabase(context, journal)
  info('testing the new version, where no client can reach it')
  const { newExecutable, oldExecutable } = stagingPathsOf(layout)
  await helperCommandsFor(newExecutable, context).smokeTest(context.readyTimeout)
  writeJournal(layout, { ...journal, phase: 'proven' })
  // Nothing goes back to it any more, and the disk may be nearly full.
  rmSync(oldExecutable, { force: true })
  info('the new version passed its test')
}

/**
 * Copies the database, if a migration is pending. The server is stopped, so the copy also has what clients wrote since
 * the backup.
 */
async function copyDatabase(context: InstallContext, { copy, engine }: Journal): Promise<void> {
  if (copy === null) return
  const { newExecutable, oldExecutable } = stagingPathsOf(context.layout)
  if (engine === 'sqlite') await helperCommandsFor(newExecutable, context).copyDatabase(copy)
  // In the format of the old version, which would restore it.
  else await helperCommandsFor(oldExecutable, context).backUp(copy)
  context.info(`copied the database: ${copy}`)
}

/** Installs the new executable and its unit, and starts the service. */
async function switchOver(context: InstallContext, preflight: Preflight): Promise<void> {
  const { layout, info } = context
  linkExecutable(stagingPathsOf(layout).newExecutable, layout.executable)
  if (layout.unit === null) return
  writeTextFile(layout.unit, renderUnit(layout, preflight), { mode: 0o644 })
  await reloadUnits()
  info('installed the new version')
  const { endpoints } = await readUnitEndpoints(context, preflight)
  await requireFreePorts(endpoints)
  await startAndWaitUntilReady(endpoints, context)
  info('started the service')
}

/** Returns the error to throw when something fails after the smoke test; `cause` itself if it is a bug. */
function incompleteUpgrade({ newVersion, backup, copy }: Journal, cause: unknown): unknown {
  if (!(cause instanceof DomainError)) return cause
  const hint = [
    ...cause.hintLines,
    'fix this and run the installer again: it completes the upgrade',
    ...(backup === null ? [] : [`backup from before: ${backup}`]),
    ...(copy === null ? [] : [`the database from before the migration: ${copy}`]),
  ]
  return new DomainError(
    'unavailable',
    [
      ...messageLinesAfter(`the upgrade to ${newVersion} is not complete: `, cause),
      'the new version passed its test, so it is not rolled back',
    ],
    { hint, cause },
  )
}

/** Returns the version that an executable prints. Throws `unavailable` if it does not run. */
async function versionOf(executable: string): Promise<string> {
  const { code, stdout } = await runProgram(executable, ['--version'], { timeout: 20_000 })
  const version = /^snailpass (\S+ \([^)]*\))/.exec(stdout)?.[1]
  if (code === 0 && version !== undefined) return version
  throw new DomainError('unavailable', `${executable} does not run, so it can't make a backup`, {
    hint: `copy the database by hand, remove ${executable}, and run this again`,
  })
}
