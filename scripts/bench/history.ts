/** What it costs a write that the former state of its entries is kept. */
import { join } from 'node:path'
import { aRecord, type Client, signUpAndLogIn } from '../../test/support/client'
import { startCluster } from '../../test/support/postgres'
import { printLine } from './report'
import { measureInTurns, Series } from './rounds'
import { type Bench, startBuild } from './servers'
import { send } from './vault'

/**
 * Writes of each kind in a round, one at a time in turns: a disk that is slow for a moment is slow for all. Each is of an entry that none
 * has written to before, so that each keeps a version.
 */
const writes = 200
/** Entries in one body. */
const together = 400

/** A vault, with the ids of its records that no measurement has used. */
interface Subject {
  readonly client: Client
  readonly ids: string[]
}

/** What one measurement times. */
interface Work {
  readonly what: string
  /** How often a round does it. */
  readonly times: number
  readonly run: (subject: Subject) => Promise<void>
}

const works: readonly Work[] = [
  {
    what: 'PUT, ms',
    times: writes,
    run: ({ client, ids }) => send(client, 'PUT', '/records', changed(ids.shift() ?? '')),
  },
  {
    what: 'PUT again, ms',
    times: writes,
    run: ({ client, ids }) => send(client, 'PUT', '/records', changed(ids[0] ?? '')),
  },
  {
    what: 'DELETE for good, ms',
    times: writes,
    run: ({ client, ids }) => send(client, 'DELETE', `/records?id=${ids.shift() ?? ''}`),
  },
  {
    what: `POST of ${together}, ms`,
    times: 1,
    run: async ({ client, ids }) => {
      const chosen = new Set(ids.splice(0, together))
      const { records }: { records: { id: string; revision: number }[] } = await (
        await client.send('GET', '/account/vault')
      ).json()
      const changes = records.filter(({ id }) => chosen.has(id))
      await send(client, 'POST', '/account/vault', {
        records: changes.map(({ id, revision }) => ({
          ...{ ...changed(id), revision, additional_fields: [] },
        })),
        notes: [],
      })
    },
  },
]

/** A record with another password. It is in the trash, so that a DELETE is for good. */
const changed = (id: string) =>
  aRecord({ id, password: `${crypto.randomUUID()}:iv`, is_deleted: true })

/** Compares servers that keep the history with those of the same build that do not. */
export async function measureHistory(bench: Bench): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await startCluster({ settings: { fsync: 'on' } }))
  const engines = [
    { engine: 'SQLite', settings: async () => ({}) },
    {
      engine: 'Postgres',
      settings: async () => ({ SNAILPASS_DATABASE_URL: await cluster.createDatabase() }),
    },
  ]
  for (const { engine, settings } of engines) {
    const start = async (history: string, index: number, executable: string) => {
      const dataDir = join(bench.folder, `history-${engine}-${history}-${index}`)
      const options = { ...(await settings()), SNAILPASS_HISTORY: history }
      const server = stack.use(await startBuild(executable, dataDir, options))
      return await fill(await signUpAndLogIn(server.url, 'owner'), bench.rounds)
    }
    const startAll = async (history: string) => {
      const subjects: Subject[] = []
      for (const [index, executable] of bench.builds.entries())
        subjects.push(await start(history, index, executable))
      return subjects
    }
    const [without, kept] = [await startAll('off'), await startAll('on')]
    for (const { what, times, run } of works) {
      const seriesOf = (subjects: readonly Subject[]) =>
        subjects.map((subject) => new Series(() => time(() => run(subject))))
      const [references, results] = [seriesOf(without), seriesOf(kept)]
      await measureInTurns([...references, ...results], bench.rounds * times)
      printLine({
        what: `history, ${engine}: ${what}`,
        results: results.map((each) => each.median),
        references: references.map((each) => each.median),
        limit: { of: 'ratio', kind: 'at most', bound: 1.3, aim: null },
        digits: 2,
      })
    }
  }
}

/** Creates as many records as all rounds use. */
async function fill(client: Client, rounds: number): Promise<Subject> {
  const ids = Array.from({ length: rounds * (2 * writes + together) + 1 }, () =>
    crypto.randomUUID(),
  )
  for (let first = 0; first < ids.length; first += together) {
    const part = ids.slice(first, first + together)
    await send(client, 'POST', '/account/vault', {
      records: part.map((id) => ({
        ...{ ...aRecord({ id, is_deleted: true }), revision: null, additional_fields: [] },
      })),
      notes: [],
    })
  }
  return { client, ids }
}

async function time(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
