import { readSettings, type SettingsReport } from '../../config/reading'
import type { Settings } from '../../config/settings'
import type { Database, DatabaseContent } from '../../database/database'
import { DomainError, errorMessage } from '../../domain/errors'
import { createMailTransport, MailFault } from '../../mail/transport'
import { commit, platform, version } from '../../version'
import { localHosts } from '../local-addresses'
import type { Runtime } from '../runtime'
import { openTargets, type Targets } from '../targets'
import { checkAuditLog } from './audit'
import { checkCertificate } from './certificate'
import { checkClock } from './clock'
import { checkBackups, checkDatabase, checkKey } from './database'
import { checkExposure } from './exposure'
import { checkPermissions, checkSpace } from './files'
import type { CheckResult, Finding, Outcome } from './findings'
import { checkFileSystem, checkResourceLimits, readSystemFile } from './machine'

export type { CheckResult }

/**
 * Looks at everything that fails servers of this kind, and says what was found. With `fix`, what can be mended without
 * a loss is: permissions, and an archive that is missing. Changes nothing else, and works beside a server.
 */
export async function runChecks(
  input: Parameters<typeof readSettings>[0],
  runtime: Runtime,
  { fix }: { fix: boolean },
): Promise<readonly CheckResult[]> {
  const reading = readSettings(input)
  const { settings } = reading
  const targets = openTargets(settings, runtime)
  const { location } = targets
  const fileSystemChecks: readonly Check[] =
    location.engine === 'sqlite'
      ? [['file system', () => checkFileSystem(location.path, readSystemFile)]]
      : []
  const checks: readonly Check[] = [
    ['settings', () => checkSettings(reading)],
    ['version', () => checkVersion(targets)],
    ['database', () => checkDatabase(targets)],
    ['secret key', () => checkKey(targets)],
    ['audit', () => checkAuditLog(targets)],
    ['permissions', () => checkPermissions(targets, fix)],
    ['space', () => checkSpace(targets)],
    ...fileSystemChecks,
    ['limits', () => checkResourceLimits(readSystemFile)],
    ['clock', () => checkClock(targets)],
    ['archives', () => checkBackups(targets, fix)],
    ['certificate', () => checkCertificate(targets)],
    ['mail', () => checkMail(settings)],
    ['sign-up', () => checkExposure(settings, localHosts())],
  ]
  const results: CheckResult[] = []
  // One after another: a disk that is asked for everything at once tells of its load alone.
  for (const [name, check] of checks) {
    const database = results.find((other) => other.name === 'database')
    const isSkipped = databaseChecks.has(name) && database !== undefined && database.fact === null
    results.push(
      isSkipped
        ? { ...emptyResult(name), failure: 'the database must be usable first' }
        : await runCheck(name, check),
    )
  }
  return results
}

/** What is looked at, and how. */
type Check = readonly [name: string, check: () => Outcome | Promise<Outcome>]

/** Checks that ask the database: when it can't be used, they would only say that once more. */
const databaseChecks = new Set(['secret key', 'audit', 'clock', 'archives'])

function emptyResult(name: string) {
  return { name, fact: null, findings: [], mended: [] } as const
}

async function runCheck(
  name: string,
  check: () => Outcome | Promise<Outcome>,
): Promise<CheckResult> {
  try {
    const { fact, findings = [], mended = [] } = await check()
    return { name, fact, findings, mended, failure: null }
  } catch (error) {
    if (!(error instanceof DomainError))
      return { ...emptyResult(name), failure: errorMessage(error) }
    if (isPermissionError(error))
      return {
        ...emptyResult(name),
        failure: `${error.message}: run this as the user of the server, or as root`,
      }
    // What is refused here is refused to a server too.
    const finding = {
      what: error.message,
      why: 'no server can work like that',
      fix: error.hint ?? 'see the log of the server',
    }
    return { ...emptyResult(name), findings: [finding], failure: null }
  }
}

/** Whether it is only this user who may not look. */
function isPermissionError({ cause }: DomainError): boolean {
  return (
    cause instanceof Error && 'code' in cause && ['EACCES', 'EPERM'].includes(String(cause.code))
  )
}

function checkSettings({ origins, warnings, error, file }: SettingsReport): Outcome {
  const set = [...origins.values()].filter(({ source }) => source !== 'default').length
  const findings: Finding[] = warnings.map((warning) => ({
    what: warning,
    why: 'the server may do something else than you mean',
    fix: 'snailpass config',
  }))
  if (error !== null) {
    findings.push({
      what: error.message,
      why: 'the server does not start like that',
      fix: error.hint ?? 'snailpass config',
    })
  }
  return {
    fact: `${set} set, ${file === null ? 'without a settings file' : `with ${file}`}`,
    findings,
  }
}

async function checkVersion({ database }: Targets): Promise<Outcome> {
  // What else may lie there, or not, is the next check's to tell.
  const pending =
    (await contentOf(database)) === 'ours' ? await database.listPendingMigrations() : []
  const fact = `snailpass ${version} (${commit}, ${platform})`
  if (pending.length === 0) return { fact }
  return {
    fact,
    findings: [
      {
        what: 'the database belongs to an older version',
        why: 'commands refuse to work on it',
        fix: 'restart the server with this version once: it brings the database up to date',
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

async function checkMail({ mail }: Settings): Promise<Outcome> {
  if (mail === null) return { fact: 'no mail is set up' }
  const server = `${mail.host}:${mail.port}`
  try {
    await createMailTransport(mail).check()
    return { fact: `${server} lets us in` }
  } catch (error) {
    if (!(error instanceof MailFault)) throw error
    return {
      fact: `${server} does not let us in`,
      findings: [
        {
          what: `the mail server ${server} can't be used: ${error.message}`,
          why: 'nobody who signs up gets the letter that confirms it',
          fix: 'snailpass mail test ADDRESS',
        },
      ],
    }
  }
}
