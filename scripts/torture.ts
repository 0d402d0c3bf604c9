/**
 * Shows that nothing acknowledged is lost: random harm beside four writers and a reader, round after round, on dist/snailpass.
 *
 *   bun scripts/torture.ts [--engine sqlite|postgres] [--rounds N] [--seed N]
 *
 * Prints figures, and exits with 1 unless all but the acknowledged writes are 0. Harm that this user or machine can't do (a
 * full disk needs root, faults of the disk need strace, clocks need libfaketime) is left out, which is said. A round takes
 * about three seconds.
 */
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run, temporaryFolder } from '../test/support/executable'
import { fakeTimeOfProcesses, findFakeTimeLibrary } from '../test/support/faked-time'
import { startCluster } from '../test/support/postgres'
import { until } from '../test/support/until'
import { sqliteWorld, Torture, type World } from './torture-world'

/** What is done to the server during a round. It leaves a server running, or fails the run. */
type Harm = (torture: Torture) => Promise<void>

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'sqlite' },
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
})

const isRoot = process.getuid?.() === 0

/** Lets clients work for a random moment. */
const someLoad = (torture: Torture) => Bun.sleep(200 + torture.random() * 600)

async function restart(torture: Torture, signal: NodeJS.Signals): Promise<void> {
  await torture.stop(signal)
  await torture.start()
}

const kill: Harm = async (torture) => {
  await someLoad(torture)
  await restart(torture, 'SIGKILL')
}

const stop: Harm = async (torture) => {
  await someLoad(torture)
  await restart(torture, 'SIGTERM')
}

/** Deletes, replaces or moves the database under the server, and gets it back as the log says. */
const loseFile: Harm = async (torture) => {
  const { databaseFile } = torture.world
  if (databaseFile === null) return
  await someLoad(torture)
  const { log } = torture.server
  const logged = log.length
  const kind = Math.floor(torture.random() * 3)
  if (kind === 0) rmSync(databaseFile)
  if (kind === 1) {
    copyFileSync(databaseFile, `${databaseFile}.other`)
    renameSync(`${databaseFile}.other`, databaseFile)
  }
  if (kind === 2) renameSync(databaseFile, `${databaseFile}.moved`)
  const line = await until(
    () => log.slice(logged).find((text) => text.includes('the check of the database failed')),
    'the line about the lost file',
  )
  if (kind === 2) {
    renameSync(`${databaseFile}.moved`, databaseFile)
    await until(
      async () => (await fetch(new URL('/readyz', torture.server.url))).ok,
      'a ready server',
    )
    return
  }
  const [, source = '', saved = ''] = /cp (\S+) (\S+);/.exec(line) ?? []
  copyFileSync(source, saved)
  await torture.stop('SIGTERM')
  for (const side of ['-wal', '-shm']) rmSync(databaseFile + side, { force: true })
  renameSync(saved, databaseFile)
  await torture.start()
}

/** Fills the disk of the data folder for a moment. */
const fillDisk: Harm = async (torture) => {
  const filler = join(torture.world.dataDir, 'filler')
  await someLoad(torture)
  try {
    for (const size of [1 << 20, 1 << 12]) {
      for (;;) writeFileSync(filler, new Uint8Array(size), { flag: 'a' })
    }
  } catch {
    // Full.
  }
  await someLoad(torture)
  rmSync(filler, { force: true })
  if (torture.random() < 0.5) await restart(torture, 'SIGKILL')
}

/** Makes every sync fail for a moment, as a failing disk does. */
const failSyncs: Harm = async (torture) => {
  await someLoad(torture)
  const child = Bun.spawn(
    [
      'strace',
      ...['-f', '-qq', '-p', String(torture.server.pid), '-o', '/dev/null'],
      ...['-e', 'inject=fsync,fdatasync:error=EIO'],
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  )
  await someLoad(torture)
  child.kill('SIGINT')
  await child.exited
  if (torture.random() < 0.5) await restart(torture, 'SIGKILL')
}

/** Starts the server with another time, and then with the right one again. */
const jumpClock: Harm = async (torture) => {
  const offsets = [-3, 3, -365, 365, -3652, 3652]
  using time = fakeTimeOfProcesses(offsets[Math.floor(torture.random() * offsets.length)])
  await torture.stop('SIGTERM')
  if (await torture.start(time.environment)) await someLoad(torture)
  await restart(torture, torture.random() < 0.5 ? 'SIGKILL' : 'SIGTERM')
}

const backUp: Harm = async (torture) => {
  await someLoad(torture)
  const path = await writeBackup(torture)
  const args = ['backup', 'verify', path, '--data-dir', torture.world.dataDir]
  const { code, stderr } = await run(args, { environment: { ...torture.world.environment } })
  if (code !== 0) torture.complain('damagedDatabases', `backup verify: ${stderr}`)
}

async function writeBackup(torture: Torture): Promise<string> {
  const { dataDir, environment } = torture.world
  const { code, stdout, stderr } = await run(['backup', '--data-dir', dataDir], {
    environment: { ...environment },
  })
  if (code !== 0) torture.complain('unexplainedStarts', `backup: ${stderr}`)
  return stdout.trim()
}

/** Restores a backup of just now, is killed meanwhile, and restores again if the database is missing then. */
const killRestore: Harm = async (torture) => {
  const { dataDir, environment, databaseFile } = torture.world
  await someLoad(torture)
  await torture.stop('SIGTERM')
  await torture.endLoad()
  const path = await writeBackup(torture)
  if (databaseFile !== null && torture.random() < 0.3) writeFileSync(databaseFile, 'damaged')
  const restore = (killAfter?: number) =>
    run(['restore', path, '--yes', '--data-dir', dataDir], {
      environment: { ...environment },
      ...(killAfter !== undefined && { killAfter }),
    })
  await restore(50 + torture.random() * 600)
  const { code, stderr } = await restore()
  if (code !== 0) torture.complain('unexplainedStarts', `restore: ${stderr}`)
  await torture.start()
}

const harmsOfSqlite: Readonly<Record<string, Harm | null>> = {
  kill,
  stop,
  'lost file': loseFile,
  'full disk': isRoot ? fillDisk : null,
  'failing disk': Bun.which('strace') === null ? null : failSyncs,
  'clock jump': findFakeTimeLibrary() === null ? null : jumpClock,
  backup: backUp,
  'killed restore': killRestore,
}

/** A tmpfs, so that a full disk is one of its own; a folder if this user can't mount one. */
function createDataFolder() {
  const folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  mkdirSync(dataDir)
  const mounted =
    isRoot &&
    Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=192m,mode=700', 'tmpfs', dataDir]).success
  return {
    dataDir,
    [Symbol.dispose]() {
      if (mounted) Bun.spawnSync(['umount', '-l', dataDir])
      folder[Symbol.dispose]()
    },
  }
}

async function runRounds(
  torture: Torture,
  harms: Readonly<Record<string, Harm | null>>,
  rounds: number,
): Promise<void> {
  const possible = Object.entries(harms).flatMap(([name, harm]) =>
    harm === null ? [] : [{ name, harm }],
  )
  for (const [name, harm] of Object.entries(harms))
    if (harm === null) print(`left out, not possible here: ${name}`)
  await torture.start()
  await torture.create()
  const counts = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const chosen = possible[Math.floor(torture.random() * possible.length)]
    if (chosen === undefined) throw new Error('no harm is possible')
    counts.set(chosen.name, (counts.get(chosen.name) ?? 0) + 1)
    torture.beginLoad()
    await chosen.harm(torture)
    await someLoad(torture)
    await torture.endLoad()
    await torture.verify()
    removeOldBackups(torture.world)
    process.stdout.write('.')
  }
  await torture.stop('SIGTERM')
  process.stdout.write('\n')
  print([...counts].map(([name, count]) => `${count} ${name}`).join(', '))
}

/** The disk of the test is small. */
function removeOldBackups({ dataDir }: World): void {
  rmSync(join(dataDir, 'backups'), { recursive: true, force: true })
  for (const name of readdirSync(dataDir))
    if (/^snailpass(?:-before|\.db-damaged)/.test(name)) rmSync(join(dataDir, name))
}

function report(torture: Torture, rounds: number): boolean {
  const { acknowledged, lost, wrongAnswers, damagedDatabases, unexplainedStarts } = torture.figures
  print(`${rounds} rounds on ${values.engine}, seed ${values.seed}`)
  print(`acknowledged         ${acknowledged}`)
  print(`lost                 ${lost}`)
  print(`wrong answers        ${wrongAnswers}`)
  print(`damaged databases    ${damagedDatabases}`)
  print(`unexplained starts   ${unexplainedStarts}`)
  for (const complaint of torture.complaints.slice(0, 20)) print(complaint)
  return lost + wrongAnswers + damagedDatabases + unexplainedStarts === 0
}

async function main(): Promise<void> {
  const [rounds, seed] = [Number(values.rounds), Number(values.seed)]
  using folder = createDataFolder()
  if (values.engine === 'sqlite') {
    const torture = new Torture(sqliteWorld(folder.dataDir), seed)
    await runAndReport(torture, harmsOfSqlite, rounds)
    return
  }
  await using cluster = await startCluster({ settings: { fsync: 'on', full_page_writes: 'on' } })
  const url = await cluster.createDatabase()
  const torture = new Torture(
    { dataDir: folder.dataDir, environment: { SNAILPASS_DATABASE_URL: url }, databaseFile: null },
    seed,
  )
  const harms: Readonly<Record<string, Harm | null>> = {
    kill,
    stop,
    async 'crash of Postgres'(during) {
      await someLoad(during)
      await cluster.stop('immediate')
      await someLoad(during)
      await cluster.start()
    },
    async 'restart of Postgres'(during) {
      await someLoad(during)
      await cluster.stop('fast')
      await cluster.start()
    },
    'clock jump': harmsOfSqlite['clock jump'] ?? null,
    backup: backUp,
    'killed restore': killRestore,
  }
  await runAndReport(torture, harms, rounds)
}

async function runAndReport(...args: Parameters<typeof runRounds>): Promise<void> {
  const [torture, , rounds] = args
  try {
    await runRounds(...args)
  } finally {
    await torture.stop('SIGKILL')
  }
  process.exitCode = report(torture, rounds) ? 0 : 1
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

await main()
