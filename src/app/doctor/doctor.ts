/**
 * Doctor: checks of settings, database, machine and certificate, a file for each subject. A check returns a fact and
 * findings, each with what is wrong, why it matters and what to do. All of them work while servers run.
 */
import type { SettingsReport } from '../../config/reading'
import type { Settings } from '../../config/settings'
import type { Database, DatabaseContent } from '../../database/database'
import { DomainError, errorMessage, type Lines, listErrors } from '../../domain/errors'
import { isAccessRefusal } from '../../files/data-folder'
import { readSystemFile } from '../../files/system-files'
import { commit, platform, version } from '../../version'
import { isForRoot } from '../access'
import { localHosts } from '../local-addresses'
import { withRestoreHint } from '../lost-database'
import type { Runtime } from '../runtime'
import { openTargets, type Targets } from '../targets'
import { checkAccounts } from './accounts'
import { checkAuditLog } from './audit'
import { checkBackupFiles } from './backup-folder'
import { checkCertificate } from './certificate'
import { checkClock } from './clock'
import { checkBackups, checkDatabase, checkKey } from './database'
import { checkExposure } from './exposure'
import { checkPermissions, checkSpace } from './files'
import type { CheckResult, Finding, Outcome } from './findings'
import { checkHistory } from './history'
import { checkFileSystem, checkResourceLimits } from './machine'
import { checkMail } from './mail'
import { checkServer } from './server'

export type { CheckResult }

/**
 * Runs all checks and returns their results. With `fix`, fixes what can be fixed without a loss: permissions, and a missing
 * backup. Changes nothing else. Calls `onSettings` before it looks at what they name.
 */
export async function runChecks(
  reading: SettingsReport,
  runtime: Runtime,
  options: { fix: boolean; onSettings?: (settings: Settings) => void },
): Promise<readonly CheckResult[]> {
  const { fix } = options
  const { settings } = reading
  options.onSettings?.(settings)
  const targets = openTargets(settings, runtime)
  const { location } = targets
  const fileSystemChecks: readonly Check[] =
    location.engine === 'sqlite'
      ? [['file system', () => checkFileSystem(location.path, readSystemFile)]]
      : []
  const checks: readonly Check[] = [
    ['settings', () => checkSettings(reading)],
    ['version', () => checkVersion(targets)],
    ['server', () => checkServer(settings)],
    ['database', () => withRestoreHint(targets, async () => checkDatabase(targets))],
    ['secret key', () => checkKey(targets)],
    ['accounts', () => checkAccounts(targets)],
    ['history', () => checkHistory(targets)],
    ['audit', () => checkAuditLog(targets)],
    ['permissions', () => checkPermissions(targets, fix)],
    ['space', () => checkSpace(targets)],
    ...fileSystemChecks,
    ['limits', () => checkResourceLimits(readSystemFile)],
    ['clock', () => checkClock(targets)],
    ['backups', () => (isUsable(results) ? checkBackups(targets, fix) : checkBackupFiles(targets))],
    ['certificate', () => checkCertificate(targets)],
    ['mail', () => checkMail(targets, { isQueueReadable: isUsable(results) })],
    ['sign-up', () => checkExposure(settings, localHosts())],
  ]
  const results: CheckResult[] = []
  // One after another: in parallel, checks would slow each other down on a weak disk.
  for (const [name, check] of checks) {
    const obstacle = findObstacle(name, reading, results)
    results.push(
      obstacle === null ? await runCheck(name, check) : { ...emptyResult(name), failure: obstacle },
    )
  }
  return results
}

type Check = readonly [name: string, check: () => Outcome | Promise<Outcome>]

/** Checks that need the database. They are skipped if it can't be used: each would only repeat that. */
const databaseChecks = new Set(['secret key', 'accounts', 'history', 'audit', 'clock'])

/**
 * Checks that need no settings. Without valid settings the others are skipped: default values stand in for the invalid ones,
 * so they would look at another vault, or --fix would write a backup elsewhere or unencrypted.
 */
const checksWithoutSettings = new Set(['settings', 'limits'])

/** Returns why a check is skipped; null if it is not. */
function findObstacle(
  name: string,
  { error }: SettingsReport,
  results: readonly CheckResult[],
): string | null {
  if (error !== null && !checksWithoutSettings.has(name))
    return 'the settings have to be valid first'
  // Who may not read the database may not read its backups either, and would be told that there are none.
  const isBarred = results.some((other) => other.name === 'database' && other.failure !== null)
  const needsDatabase = databaseChecks.has(name) || (name === 'backups' && isBarred)
  return needsDatabase && !isUsable(results) ? 'the database has to be usable first' : null
}

/** Whether the check of the database, which is among the results, could read it. */
function isUsable(results: readonly CheckResult[]): boolean {
  const database = results.find((other) => other.name === 'database')
  return database === undefined || database.fact !== null
}

function emptyResult(name: string) {
  return { name, fact: null, findings: [], fixed: [] } as const
}

async function runCheck(
  name: string,
  check: () => Outcome | Promise<Outcome>,
): Promise<CheckResult> {
  try {
    const { fact, findings = [], fixed = [] } = await check()
    return { name, fact, findings, fixed, failure: null }
  } catch (error) {
    if (!(error instanceof DomainError))
      return { ...emptyResult(name), failure: errorMessage(error) }
    // The user of the server may have access.
    if (isAccessRefusal(error.cause))
      return {
        ...emptyResult(name),
        failure: `${error.message}: run this as the user of the server, or as root`,
        ...(isForRoot(error) && { isForRoot: true }),
      }
    const finding = {
      what: asText(error.lines),
      // What else is checked, a server uses when it starts, and would fail in the same way.
      why: name === 'backups' ? 'a backup may be needed at any time' : "the server can't start",
      fix: error.hint === null ? 'check the log of the server' : asText(error.hintLines),
    }
    return { ...emptyResult(name), findings: [finding], failure: null }
  }
}

/** Returns a single line as a text, as checks write it. */
function asText(lines: readonly string[]): Lines {
  const [first, ...rest] = lines
  return first !== undefined && rest.length === 0 ? first : lines
}

function checkSettings({ origins, warnings, error, file }: SettingsReport): Outcome {
  const set = [...origins.values()].filter(({ source }) => source !== 'default').length
  const findings: Finding[] = warnings.map((warning) => ({
    what: warning,
    why: 'the server ignores this setting, or does not use it as intended',
    fix: 'snailpass config',
  }))
  for (const { lines, hint, hintLines } of error === null ? [] : listErrors(error)) {
    findings.push({
      what: asText(lines),
      why: "the server can't start",
      fix: hint === null ? 'snailpass config' : asText(hintLines),
    })
  }
  return {
    fact: `${set} set, ${file === null ? 'no settings file' : `settings file ${file}`}`,
    findings,
  }
}

async function checkVersion({ database }: Targets): Promise<Outcome> {
  // If the database is not a SnailPass database, the next check reports that.
  const pending =
    (await contentOf(database)) === 'ours' ? await database.listPendingMigrations() : []
  const fact = `snailpass ${version} (${commit}, ${platform})`
  if (pending.length === 0) return { fact }
  return {
    fact,
    findings: [
      {
        what: 'the database belongs to an older snailpass',
        why: 'commands refuse to use it',
        fix: 'restart the server with this version: it migrates the database',
      },
    ],
  }
}

async function contentOf(database: Database): Promise<DatabaseContent | null> {
  try {
    return await database.inspect()
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}
