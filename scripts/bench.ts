/**
 * Measures dist/snailpass on this machine: `bun scripts/bench.ts`. Rates and times depend on the machine and its load.
 * Quote the ratios, which are measured within one run.
 */
import { readFileSync } from 'node:fs'
import { aField, aRecord, basicAuth, type Client, signUpAndLogIn } from '../test/support/client'
import { type RunningServer, serve, temporaryFolder } from '../test/support/executable'
import { startCluster } from '../test/support/postgres'

/** Requests a second of the original server: `GET /records` with 200 records of 2 fields each. */
const legacyRate = 9

const records = 200
const fieldsPerRecord = 2

async function main(): Promise<void> {
  using folder = temporaryFolder()
  await report('start to first 200, best of 5', () => measureStartup(folder.path))
  await using server = await serve(folder.path)
  const owner = await signUpAndLogIn(server.url, 'owner')
  await report('resident memory, idle', () => readResidentMemory(server))
  await fill(owner)
  await report(`GET /records of ${records}`, () => measureRate(owner))
  await report('GET /users during 64 logins', () => latencyDuringLogins(server, owner))
  await report('on Postgres, relative to SQLite', () => measureEngineRatio(owner))
  await report('a write with history, relative', measureHistoryCost)
}

async function report(what: string, measure: () => Promise<string>): Promise<void> {
  process.stdout.write(`${what.padEnd(32)} ${await measure()}\n`)
}

async function measureStartup(dataDir: string): Promise<string> {
  const times: number[] = []
  for (let run = 0; run < 5; run++) {
    const start = performance.now()
    await using server = await serve(dataDir)
    await fetch(server.url)
    times.push(performance.now() - start)
    await server.end('SIGTERM')
  }
  return `${Math.min(...times).toFixed(0)} ms`
}

async function readResidentMemory(server: RunningServer): Promise<string> {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  const kib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
  return `${(kib / 1024).toFixed(0)} MiB`
}

async function fill(client: Client): Promise<void> {
  for (let index = 0; index < records; index++) {
    const record = aRecord()
    await client.send('POST', '/records', record)
    for (let field = 0; field < fieldsPerRecord; field++) {
      await client.send('POST', '/additional_fields', aField(record.id))
    }
  }
}

async function measureRate(client: Client): Promise<string> {
  const seconds = 5
  await load(client, 1)
  const count = await load(client, seconds)
  const rate = count / seconds
  return `${rate.toFixed(0)} a second, ${(rate / legacyRate).toFixed(0)} times the original`
}

/** Measures the same vault on a Postgres cluster of its own, taking turns with the one on SQLite. */
async function measureEngineRatio(onSqlite: Client): Promise<string> {
  using folder = temporaryFolder()
  await using cluster = await startCluster({ settings: { fsync: 'on' } })
  const url = await cluster.createDatabase()
  await using server = await serve(folder.path, { SNAILPASS_DATABASE_URL: url })
  const onPostgres = await signUpAndLogIn(server.url, 'owner')
  await fill(onPostgres)
  const rounds: { sqlite: number; postgres: number }[] = []
  for (let round = 0; round < 5; round++) {
    rounds.push({ sqlite: await load(onSqlite, 2), postgres: await load(onPostgres, 2) })
  }
  const ratios = rounds.map(({ sqlite, postgres }) => postgres / sqlite).sort((a, b) => a - b)
  const percent = ratios.map((ratio) => `${(ratio * 100).toFixed(0)} %`)
  return `${percent[2]} of its rate (${percent[0]} to ${percent[4]} in 5 rounds)`
}

/** Compares writes of a server that keeps the history with those of one that does not. Each write is the first of an entry. */
async function measureHistoryCost(): Promise<string> {
  const [rounds, writes] = [10, 200]
  async function start(history: string) {
    const stack = new AsyncDisposableStack()
    const folder = stack.use(temporaryFolder())
    const server = stack.use(await serve(folder.path, { SNAILPASS_HISTORY: history }))
    const client = await signUpAndLogIn(server.url, 'owner')
    const ids = Array.from({ length: rounds * writes }, () => crypto.randomUUID())
    for (const id of ids) await client.send('POST', '/records', aRecord({ id }))
    return { stack, client, ids }
  }
  const both = [await start('off'), await start('on')]
  const times: number[][] = []
  for (let round = 0; round < rounds; round++) {
    const measured: number[] = []
    const order = round % 2 === 0 ? both : both.toReversed()
    for (const { client, ids } of order) {
      const begin = performance.now()
      for (const id of ids.slice(round * writes, (round + 1) * writes)) {
        const change = { id, password: `${crypto.randomUUID()}:iv` }
        await (await client.send('PUT', '/records', aRecord(change))).bytes()
      }
      measured.push(performance.now() - begin)
    }
    times.push(round % 2 === 0 ? measured : measured.toReversed())
  }
  for (const { stack } of both) await stack.disposeAsync()
  const ratios = times.map(([off = 0, on = 0]) => on / off).sort((a, b) => a - b)
  const percent = ratios.map((ratio) => `${(ratio * 100).toFixed(0)} %`)
  return `${percent[5]} of one without (${percent[0]} to ${percent[9]} in 10 rounds)`
}

/** Returns how many requests four parallel connections complete in so many seconds. */
async function load(client: Client, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000
  let count = 0
  const one = async () => {
    while (performance.now() < end) {
      await (await client.send('GET', '/records')).bytes()
      count++
    }
  }
  await Promise.all([one(), one(), one(), one()])
  return count
}

async function latencyDuringLogins(server: RunningServer, client: Client): Promise<string> {
  const idle = await medianLatency(client, () => false)
  let isDone = false
  const logins = Promise.all(
    Array.from({ length: 64 }, (_, index) =>
      fetch(new URL('/login', server.url), {
        headers: { authorization: basicAuth(`stranger${index}@nas.local`, 'x') },
      }),
    ),
  ).then(() => {
    isDone = true
  })
  const busy = await medianLatency(client, () => isDone)
  await logins
  return `${busy.toFixed(1)} ms at the median (${idle.toFixed(1)} ms without them)`
}

async function medianLatency(client: Client, isDone: () => boolean): Promise<number> {
  const times: number[] = []
  while (times.length < 200 && !isDone()) {
    const start = performance.now()
    await (await client.send('GET', '/users')).bytes()
    times.push(performance.now() - start)
    await Bun.sleep(5)
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

await main()
