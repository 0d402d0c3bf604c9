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

/** Enough to keep the server busy, and few enough that each gets several answers with the largest vault. */
const connections = 4

/** A line of the table: what is measured at each subject. */
interface Measurement {
  readonly what: string
  readonly growth: 'flat' | 'linear'
  readonly digits: number
  readonly measure: (url: URL, subject: Subject) => Promise<number>
}

/** Returns the microseconds that a request of the owner takes of the server's core. */
function costOf(path: string, script?: () => string): Measurement['measure'] {
  return async (url, { token }) => {
    const load = { url: new URL(path, url), headers: { 'x-access-token': token }, connections }
    return 1e6 / (await measureRate({ ...load, ...(script && { script: script() }) }, seconds))
  }
}

/** Returns the microseconds of a list, where each request is of the next account. */
async function costOfOthers(url: URL, { otherTokens }: Subject): Promise<number> {
  if (otherTokens.length === 0) return Number.NaN
  const load = { url: new URL('/records', url), script: tokensScript(otherTokens), connections }
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

const flat = (what: string, measure: Measurement['measure']): Measurement => ({
  ...{ what: `${what}, µs`, growth: 'flat', digits: 0, measure },
})
const linear = (what: string, measure: Measurement['measure']): Measurement => ({
  ...flat(what, measure),
  growth: 'linear',
})
const creation = flat(
  'POST /records',
  costOf('/records', () => creationScript(aRecord())),
)

// Creations come last: they make the vault grow.
const byAccountsFromDatabase = [
  flat('GET /records, from the database', costOf('/records')),
  flat('GET /records of 1,000 others in turn', costOfOthers),
]
const byAccounts: readonly Measurement[] = [
  flat('GET /records, from memory', costOf('/records')),
  flat('GET /users', costOf('/users')),
  { what: 'GET /login, ms', growth: 'flat', digits: 1, measure: measureLogin },
  creation,
]
const byRecordsFromDatabase = [
  linear('GET /records, from the database', costOf('/records')),
  linear('GET /account/vault', costOf('/account/vault')),
]
const byRecords = [
  linear('GET /records, from memory to 1 MB', costOf('/records')),
  flat('GET /users', costOf('/users')),
  creation,
]

export async function measureGrowth(bench: Bench): Promise<void> {
  using folder = createFolderIn('/dev/shm')
  for (const [index, executable] of bench.builds.entries()) {
    const create = (kind: string, size: { accounts: number; records: number }) => {
      const dataDir = join(folder.path, `${index}-${kind}-${size.accounts}-${size.records}`)
      return createSubject(executable, { dataDir, ...size })
    }
    const populations: Subject[] = []
    for (const accounts of accountCounts)
      populations.push(await create('accounts', { accounts, records: usualVault }))
    printGrowthHead('accounts', accountCounts)
    const byNumber = createMeasuring(executable, { subjects: populations, sizes: accountCounts })
    await byNumber(byAccountsFromDatabase, bench.rounds, withoutCache)
    await byNumber(byAccounts, bench.rounds)

    const vaults: Subject[] = []
    for (const records of vaultSizes) vaults.push(await create('records', { accounts: 1, records }))
    printGrowthHead('records in the vault', vaultSizes)
    const bySize = createMeasuring(executable, { subjects: vaults, sizes: vaultSizes })
    await bySize(byRecordsFromDatabase, bench.rounds, withoutCache)
    await bySize(byRecords, bench.rounds)
  }
}

const withoutCache = { SNAILPASS_LIST_CACHE: '0' }

/** Returns a function that starts a server for each subject, measures at all of them in turns, and prints a line for each kind. */
function createMeasuring(
  executable: string,
  { subjects, sizes }: { subjects: readonly Subject[]; sizes: readonly number[] },
) {
  return async (
    measurements: readonly Measurement[],
    rounds: number,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<void> => {
    await using stack = new AsyncDisposableStack()
    const running: { url: URL; subject: Subject }[] = []
    for (const subject of subjects) {
      const environment = { ...subject.environment, ...settings }
      const server = stack.use(await startBuild(executable, subject.dataDir, environment))
      running.push({ url: server.url, subject })
    }
    for (const { measure, ...line } of measurements) {
      const series = running.map(({ url, subject }) => new Series(() => measure(url, subject)))
      await measureInTurns(series, rounds)
      printGrowth({ ...line, sizes, results: series.map((each) => each.median) })
    }
  }
}
