/**
 * Measures backups with dist/snailpass on this machine, on both engines: `bun scripts/bench-backup.ts`. Rates depend on
 * the machine. How much a backup slows down writes is a ratio, measured in turns within one run.
 */
import { Database } from 'bun:sqlite'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { aRecord, type Client, signUpAndLogIn } from '../test/support/client'
import { run, serve, temporaryFolder } from '../test/support/executable'
import { startCluster } from '../test/support/postgres'

const records = 100_000
const rounds = 5

async function main(): Promise<void> {
  using folder = temporaryFolder()
  await using cluster = await startCluster({ settings: { fsync: 'on' } })
  const dataDir = join(folder.path, 'data')
  await fill(dataDir)
  await measure('SQLite', dataDir, {})
  const url = await cluster.createDatabase()
  const copied = await run(['copy', `sqlite:${dataDir}/snailpass.db`, url, '--data-dir', dataDir])
  if (copied.code !== 0) throw new Error(copied.stderr)
  await measure('Postgres', dataDir, { SNAILPASS_DATABASE_URL: url })
}

/** Creates an account with `records` records, as a server would have stored them. */
async function fill(dataDir: string): Promise<void> {
  await using server = await serve(dataDir)
  await signUpAndLogIn(server.url, 'owner')
  await server.end('SIGTERM')
  using file = new Database(join(dataDir, 'snailpass.db'))
  file.run(`with recursive turns(value) as (select 1 union all select value + 1 from turns where value < ${records})
    insert into records (id, user_id, name, login, password, is_favorite, is_deleted, creation_time, update_time)
    select 'r' || value, users.id, hex(randomblob(48)) || ':iv', hex(randomblob(48)) || ':iv', hex(randomblob(48)) || ':iv', 0, 0, 1, 2
    from users, turns`)
}

async function measure(engine: string, dataDir: string, environment: Record<string, string>) {
  const command = async (...args: string[]) => {
    const start = performance.now()
    const { code, stdout, stderr } = await run([...args, '--data-dir', dataDir], { environment })
    if (code !== 0) throw new Error(stderr)
    return { ms: performance.now() - start, path: stdout.trim() }
  }
  const rate = (path: string, ms: number) => {
    const mib = statSync(path).size / 1024 ** 2
    return `${(ms / 1000).toFixed(1)} s, ${(mib / (ms / 1000)).toFixed(0)} MiB and ${((records / ms) * 1000).toFixed(0)} rows a second`
  }
  const { path, ms } = await command('backup')
  report(engine, 'backup, verified', rate(path, ms))
  const again = await command('restore', path, '--yes')
  report(engine, 'restore, after a backup', rate(path, again.ms))
  await using server = await serve(dataDir, environment)
  const writer = await signUpAndLogIn(server.url, `writer-${engine}`)
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const idle = await measureWriteRate(writer, Bun.sleep(ms))
    const duringBackup = await measureWriteRate(writer, command('backup'))
    ratios.push(duringBackup / idle)
  }
  ratios.sort((a, b) => a - b)
  const percent = ratios.map((ratio) => `${(ratio * 100).toFixed(0)} %`)
  report(
    engine,
    'writes during a backup',
    `${percent[Math.floor(rounds / 2)]} of the usual rate (${percent[0]} to ${percent.at(-1)} in ${rounds} rounds)`,
  )
}

/** Returns the writes a second that four parallel connections complete until a promise settles. */
async function measureWriteRate(client: Client, until: Promise<unknown>): Promise<number> {
  let isOver = false
  const ending = until.finally(() => {
    isOver = true
  })
  const start = performance.now()
  let count = 0
  const one = async () => {
    while (!isOver) {
      await (await client.send('POST', '/records', aRecord())).bytes()
      count++
    }
  }
  await Promise.all([ending, one(), one(), one(), one()])
  return count / (performance.now() - start)
}

function report(engine: string, what: string, result: string): void {
  process.stdout.write(`${engine.padEnd(10)}${what.padEnd(34)}${result}\n`)
}

await main()
