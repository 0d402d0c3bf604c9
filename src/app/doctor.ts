import { type Reading, readSettings } from '../config/reading'
import type { Settings } from '../config/settings'
import { DomainError, reasonOf } from '../domain/errors'
import { createMailTransport, MailFault } from '../mail/transport'
import type { Content, Database } from '../store/database'
import { commit, platform, version } from '../version'
import { placesOf } from './database'
import { checkTrail } from './doctor/audit'
import { checkCertificate } from './doctor/certificate'
import { checkClock } from './doctor/clock'
import { checkBackups, checkDatabase, checkKey } from './doctor/database'
import { checkExposure } from './doctor/exposure'
import { checkPermissions, checkSpace } from './doctor/files'
import type { Checked, Finding, Outcome } from './doctor/findings'
import { checkFileSystem, checkLimits, readSystemFile } from './doctor/machine'
import { ownHosts } from './own-hosts'
import type { World } from './world'

export type { Checked }

/**
 * Looks at everything that fails servers of this kind, and says what was found. With `fix`, what can be mended without
 * a loss is: permissions, and an archive that is missing. Changes nothing else, and works beside a server.
 */
export async function examine(
  input: Parameters<typeof readSettings>[0],
  world: World,
  { fix }: { fix: boolean },
): Promise<readonly Checked[]> {
  const reading = readSettings(input)
  const { settings } = reading
  const { location } = placesOf(settings, world)
  const ofFile: readonly Check[] =
    location.engine === 'sqlite'
      ? [['file system', () => checkFileSystem(location.path, readSystemFile)]]
      : []
  const checks: readonly Check[] = [
    ['settings', () => checkSettings(reading)],
    ['version', () => checkVersion(settings, world)],
    ['database', () => checkDatabase(settings, world)],
    ['secret key', () => checkKey(settings, world)],
    ['audit', () => checkTrail(settings, world)],
    ['permissions', () => checkPermissions(settings, world, fix)],
    ['space', () => checkSpace(settings, world)],
    ...ofFile,
    ['limits', () => checkLimits(readSystemFile)],
    ['clock', () => checkClock(settings, world)],
    ['archives', () => checkBackups(settings, world, fix)],
    ['certificate', () => checkCertificate(settings, world)],
    ['mail', () => checkMail(settings)],
    ['sign-up', () => checkExposure(settings, ownHosts())],
  ]
  const checked: Checked[] = []
  // One after another: a disk that is asked for everything at once tells of its load alone.
  for (const [name, check] of checks) {
    const database = checked.find((other) => other.name === 'database')
    const isMoot = askingIt.has(name) && database !== undefined && database.fact === null
    checked.push(
      isMoot
        ? { ...nothing(name), failure: 'the database must be usable first' }
        : await outcomeOf(name, check),
    )
  }
  return checked
}

/** What is looked at, and how. */
type Check = readonly [name: string, check: () => Outcome | Promise<Outcome>]

/** Checks that ask the database: when it can't be used, they would only say that once more. */
const askingIt = new Set(['secret key', 'audit', 'clock', 'archives'])

function nothing(name: string) {
  return { name, fact: null, findings: [], mended: [] } as const
}

async function outcomeOf(name: string, check: () => Outcome | Promise<Outcome>): Promise<Checked> {
  try {
    const { fact, findings = [], mended = [] } = await check()
    return { name, fact, findings, mended, failure: null }
  } catch (error) {
    if (!(error instanceof DomainError)) return { ...nothing(name), failure: reasonOf(error) }
    if (isForbidden(error))
      return {
        ...nothing(name),
        failure: `${error.message}: run this as the user of the server, or as root`,
      }
    // What is refused here is refused to a server too.
    const finding = {
      what: error.message,
      why: 'no server can work like that',
      fix: error.hint ?? 'see the log of the server',
    }
    return { ...nothing(name), findings: [finding], failure: null }
  }
}

/** Whether it is only this user who may not look. */
function isForbidden({ cause }: DomainError): boolean {
  return (
    cause instanceof Error && 'code' in cause && ['EACCES', 'EPERM'].includes(String(cause.code))
  )
}

function checkSettings({ origins, warnings, problem, file }: Reading): Outcome {
  const set = [...origins.values()].filter(({ source }) => source !== 'default').length
  const findings: Finding[] = warnings.map((warning) => ({
    what: warning,
    why: 'the server may do something else than you mean',
    fix: 'snailpass config',
  }))
  if (problem !== null) {
    findings.push({
      what: problem.message,
      why: 'the server does not start like that',
      fix: problem.hint ?? 'snailpass config',
    })
  }
  return {
    fact: `${set} set, ${file === null ? 'without a settings file' : `with ${file}`}`,
    findings,
  }
}

async function checkVersion(settings: Settings, world: World): Promise<Outcome> {
  const { database } = placesOf(settings, world)
  // What else may lie there, or not, is the next check's to tell.
  const pending = (await contentOf(database)) === 'ours' ? await database.pending() : []
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

async function contentOf(database: Database): Promise<Content | null> {
  try {
    return await database.look()
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
