import { existsSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { findAccount, makeAccount } from './account'
import {
  areSame,
  ensurePrivateFolder,
  ensurePublicFolder,
  explained,
  findText,
  placeExecutable,
  placeText,
} from './files'
import { recover } from './go-back'
import { type GroundedJob, type Job, stepsBy } from './job'
import { clearWorkshop, workshopOf } from './journal'
import { isAnyPort, isReady, requireFree, startUntilReady } from './listening'
import type { Account } from './process'
import { settingsFileText } from './settings-file'
import type { Outlook } from './steps'
import { enableService, reloadUnits, requireSystemd, serviceState, stopService } from './systemd'
import { unitText } from './unit'
import { upgrade } from './upgrade'

/**
 * Installs this program, or upgrades to it, or sees that everything of it is in place, and has systemd run it.
 * Interrupted at any point, the next call ends what was begun. Throws a DomainError.
 */
export function install(job: Job): Promise<Outlook> {
  return explained(async () => {
    await requirePossible(job)
    const grounded = { ...job, account: await accountFor(job) }
    prepareGround(grounded)
    await recover(grounded)
    try {
      return await installOn(grounded)
    } finally {
      // Unless it still has something to go back to.
      if (!existsSync(workshopOf(job.layout).journal)) clearWorkshop(job.layout)
    }
  })
}

async function requirePossible({ layout }: Job): Promise<void> {
  if (process.platform === 'win32') {
    throw new DomainError('unavailable', 'there is no service on Windows yet', {
      hint: 'run `snailpass serve` by the task scheduler',
    })
  }
  if (layout.user === null) return
  requireRoot()
  if (process.platform !== 'linux') {
    throw new DomainError('unavailable', 'this system has no systemd and no useradd', {
      hint: 'install below a folder of your own with --prefix',
    })
  }
  if (layout.unit !== null) await requireSystemd()
}

/** Throws `forbidden`. */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return
  throw new DomainError('forbidden', 'this takes root: it makes a user and a service', {
    hint: 'run it with sudo or, for an installation below a folder of your own, with --prefix',
  })
}

async function accountFor({ layout, say }: Job): Promise<Account | null> {
  if (layout.user === null) return null
  const found = findAccount(layout.user)
  if (found !== null) return found
  const made = await makeAccount(layout.user, layout.dataDir)
  say(`made the system user ${layout.user}`)
  return made
}

/** The folders and the settings file; what is there stays. */
function prepareGround({ layout, account, say }: GroundedJob): void {
  ensurePrivateFolder(layout.dataDir, account)
  ensurePublicFolder(layout.workshop)
  if (existsSync(layout.settingsFile)) return
  // It may come to hold passwords: the server may read it, and nobody change it but root.
  const mode = account === null ? 0o600 : 0o640
  placeText(layout.settingsFile, settingsFileText(layout.dataDir), mode, account?.gid)
  say(`wrote ${layout.settingsFile}`)
}

async function installOn(job: GroundedJob): Promise<Outlook> {
  const { layout, say } = job
  const { newExecutable } = workshopOf(layout)
  placeExecutable(job.program, newExecutable)
  const outlook = await stepsBy(newExecutable, job).outlook()
  if (layout.unit !== null && outlook.endpoints.some(isAnyPort)) {
    throw new DomainError('invalid', 'the settings have a service listen on port 0, any free one', {
      hint: `choose a port in ${layout.settingsFile}`,
    })
  }
  for (const folder of outlook.folders) ensurePrivateFolder(folder, job.account)
  if (!existsSync(layout.executable)) {
    if (layout.unit !== null) await requireFree(outlook.endpoints)
    placeExecutable(job.program, layout.executable)
    say(`installed ${layout.executable}, ${job.version}`)
  } else if (areSame(job.program, layout.executable)) {
    say(`${job.version} is installed already`)
  } else {
    await upgrade(job, outlook)
  }
  if (layout.unit !== null) await ensureService(job, layout.unit, outlook)
  return outlook
}

async function ensureService(job: GroundedJob, unit: string, outlook: Outlook): Promise<void> {
  const text = unitText(job.layout, outlook)
  const isNew = findText(unit) !== text
  if (isNew) {
    placeText(unit, text, 0o644)
    await reloadUnits()
    job.say(`wrote ${unit}`)
  }
  await enableService()
  const isRunning = (await serviceState()).active === 'active'
  if (isRunning && !isNew && (await isReady(outlook.endpoints))) return
  if (isRunning) await stopService()
  await requireFree(outlook.endpoints)
  await startUntilReady(outlook.endpoints, job.patience, job.wait)
  job.say('started the service')
}
