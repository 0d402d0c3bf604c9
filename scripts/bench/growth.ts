/**
 * How the cost of a request grows: not at all with the number of accounts, and linearly with the vault that it is about. The
 * databases are in memory, so that no wait for a disk hides the work.
 */
import { join } from 'node:path'
import { aRecord, basicAuth } from '../../test/support/client'
import { creationScript, measureRate, tokensScript } from './load'
import { printGrowth, printGrowthHead } from './report'
import { measureInTurns, median, Series } from './rounds'
import { type Bench, createFolderIn, startBuild } from './servers'
import { createSubject, ownerLogin, type Subject } from './subjects'

const accountCounts = [1, 100, 10_000, 100_000]
const vaultSizes = [10, 100, 1_000, 5_000]

/** Records of the owner, while the number of accounts differs. */
const usualVault = 200

const seconds = 2
const logins = 15

/** A line of the table: what is measured at each subject. */
interface Measurement {
  readonly what: string
  readonly digits: number
  readonly measure: (url: URL, subject: Subject) => Promise<number>
}

/** Returns the microseconds that a request of the owner takes of the server's core. */
function costOf(path: string, script?: () => string): Measurement['measure'] {
  return async (url, { token }) => {
    const load = { url: new URL(path, url), headers: { 'x-access-token': token } }
    return 1e6 / (await measureRate({ ...load, ...(script && { script: script() }) }, seconds))
  }
}

/** Returns the microseconds of a list, where each request is of the next account. */
async function costOfOthers(url: URL, { otherTokens }: Subject): Promise<number> {
  if (otherTokens.length === 0) return Number.NaN
  const load = { url: new URL('/records', url), script: tokensScript(otherTokens) }
  return 1e6 / (await measureRate(load, seconds))
}

/** Returns the milliseconds of a sign-in, one after the other. */
async function measureLogin(url: URL): Promise<number> {
  const times: number[] = []
  const authorization = basicAuth(ownerLogin.email, ownerLogin.masterPasswordHash)
  for (let login = 0; login < logins; login++) {
    const start = performance.now()
    const answer = await fetch(new URL('/login', url), { headers: { authorization } })
    if (!answer.ok) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`)
    await answer.bytes()
    times.push(performance.now() - start)
  }
  return median(times)
}

const microseconds = (what: string, measure: Measurement['measure']): Measurement => ({
  ...{ what: `${what}, µs`, digits: 0, measure },
})
const creation = microseconds(
  'POST /records',
  costOf('/records', () => creationScript(aRecord())),
)
const listFromMemory = microseconds('GET /records, from memory', costOf('/records'))
const listFromDatabase = microseconds('GET /records, from the database', costOf('/records'))

const byAccounts = [
  listFromMemory,
  microseconds('GET /users', costOf('/users')),
  creation,
  { what: 'GET /login, ms', digits: 1, measure: measureLogin },
]
const byAccountsFromDatabase = [
  listFromDatabase,
  microseconds('GET /records of 1,000 others in turn', costOfOthers),
]
const byRecords = [listFromMemory, creation]
const byRecordsFromDatabase = [
  listFromDatabase,
  microseconds('GET /account/vault', costOf('/account/vault')),
]

export async function measureGrowth(bench: Bench): Promise<void> {
  using folder = createFolderIn('/dev/shm')
  for (const [index, executable] of bench.builds.entries()) {
    const create = (kind: string, size: { accounts: number; records: number }) => {
      const dataDir = join(folder.path, `${index}-${kind}-${size.accounts}-${size.records}`)
      return createSubject(executable, { dataDir, ...size })
    }
    const measure = createMeasuring(executable, bench.rounds)

    const populations: Subject[] = []
    for (const accounts of accountCounts)
      populations.push(await create('accounts', { accounts, records: usualVault }))
    printGrowthHead('accounts', accountCounts)
    await measure(populations, byAccounts, {})
    await measure(populations, byAccountsFromDatabase, withoutCache)

    const vaults: Subject[] = []
    for (const records of vaultSizes) vaults.push(await create('records', { accounts: 1, records }))
    printGrowthHead('records in the vault', vaultSizes)
    // Creations come last: they make the vaults grow.
    await measure(vaults, byRecordsFromDatabase, withoutCache)
    await measure(vaults, byRecords, {})
  }
}

const withoutCache = { SNAILPASS_LIST_CACHE: '0' }

/** Returns a function that starts a server for each subject, measures at all of them in turns, and prints a line for each kind. */
function createMeasuring(executable: string, rounds: number) {
  return async (
    subjects: readonly Subject[],
    measurements: readonly Measurement[],
    settings: Readonly<Record<string, string>>,
  ): Promise<void> => {
    await using stack = new AsyncDisposableStack()
    const running: { url: URL; subject: Subject }[] = []
    for (const subject of subjects) {
      const environment = { ...subject.environment, ...settings }
      const server = stack.use(await startBuild(executable, subject.dataDir, environment))
      running.push({ url: server.url, subject })
    }
    for (const { what, digits, measure } of measurements) {
      const series = running.map(({ url, subject }) => new Series(() => measure(url, subject)))
      await measureInTurns(series, rounds)
      const results = series.map((each) => each.median)
      printGrowth({ what, digits, results })
    }
  }
}
