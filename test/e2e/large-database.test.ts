import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { largeFileBytes, markCleanEnd } from '../../src/database/sqlite-clean-end'
import { captureError } from '../support/capture-error'
import { type RunningServer, run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { until } from '../support/until'

const readyz = async ({ url }: RunningServer) => {
  const answer = await fetch(new URL('/readyz', url))
  return { status: answer.status, body: await answer.text() }
}

const intact = 'the check of the database has found nothing'

/** Small rows take longer to check than large ones. */
const rowBytes = 200

/** Creates a data folder whose database is just large enough to be checked beside the server. */
async function createLargeDatabase() {
  const folder = temporaryFolder()
  const path = join(folder.path, 'snailpass.db')
  await (await serve(folder.path)).end('SIGTERM')
  const database = new Database(path)
  database.run('create table filler (content blob not null)')
  const rows = Math.ceil(largeFileBytes / rowBytes)
  database.run(
    `with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < ?)
    insert into filler select zeroblob(${rowBytes}) from numbers`,
    [rows],
  )
  database.close()
  // The first start has checked the file, which another program has written to.
  await (await serve(folder.path)).end('SIGTERM')
  return { dataDir: folder.path, path, [Symbol.dispose]: () => folder[Symbol.dispose]() }
}

/** Overwrites a page of the filler, which only a check of the whole file reads. */
function damage(path: string): void {
  const descriptor = openSync(path, 'r+')
  writeSync(descriptor, new Uint8Array(4096).fill(0xff), 0, 4096, statSync(path).size - 40 * 4096)
  closeSync(descriptor)
}

/** Returns the ids of the child processes of a process. */
function childrenOf(pid: number): readonly number[] {
  const threads = readdirSync(`/proc/${pid}/task`)
  const lists = threads.map((id) => readFileSync(`/proc/${pid}/task/${id}/children`, 'utf8'))
  return lists
    .join(' ')
    .split(' ')
    .filter((id) => id !== '')
    .map(Number)
}

/** Waits until the check beside a server reads the database, and halts it there. Returns its process id. */
async function haltCheck(server: RunningServer, path: string): Promise<number> {
  const findCheck = () => childrenOf(server.pid).find((pid) => isReading(pid, path))
  const pid = await until(findCheck, 'the process of the check', { interval: 1 })
  process.kill(pid, 'SIGSTOP')
  return pid
}

function isReading(pid: number, path: string): boolean {
  const folder = `/proc/${pid}`
  try {
    // Before it executes its own program, a child process has the open files of the server.
    if (!readFileSync(join(folder, 'cmdline'), 'utf8').endsWith('check\0')) return false
    // Its log: the database is open for a moment while its path is resolved, and the check does not yet end with the server then.
    return readdirSync(join(folder, 'fd')).some(
      (name) => readlinkSync(join(folder, 'fd', name)) === `${path}-wal`,
    )
  } catch {
    // It has ended, or closed a file meanwhile.
    return false
  }
}

const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')

describe.skipIf(process.platform !== 'linux')('a large database', () => {
  test('is checked beside the server after a clean end, and before it answers after a kill', async () => {
    using database = await createLargeDatabase()
    const { dataDir, path } = database
    {
      const server = await serve(dataDir)
      await untilLogged(server, intact)
      expect(await readyz(server)).toMatchObject({ status: 200 })
      expect(await server.end('SIGTERM')).toBe(0)
      expect(existsSync(`${path}-clean`)).toBe(true)
    }
    const server = await serve(dataDir)
    await server.end('SIGKILL')
    damage(path)
    expect(await captureError(serve(dataDir))).toMatchObject({
      message: expect.stringMatching(/error: \S+snailpass\.db is damaged: [\s\S]+hint: /),
    })
  })

  test('that is damaged is told by the log and /readyz, until the server ends, and then keeps it from starting', async () => {
    using database = await createLargeDatabase()
    const { dataDir, path } = database
    expect((await run(['backup', '--data-dir', dataDir])).code).toBe(0)
    damage(path)
    // As if the disk had lost the page, of which no time tells.
    markCleanEnd(path, largeFileBytes)
    const server = await serve(dataDir, { SNAILPASS_LOG_FORMAT: 'json' })
    const line = await until(() => server.log.find((text) => text.includes('damaged')), 'the log')
    const problem = expect.stringContaining(`${path} is damaged: `)
    expect(JSON.parse(line)).toMatchObject({
      level: 'error',
      message: problem,
      hint: expect.stringMatching(
        /^restore the newest backup, .*: `snailpass restore .*`; check the disk$/,
      ),
    })
    expect(await readyz(server)).toEqual({ status: 503, body: expect.stringContaining(path) })
    expect((await fetch(new URL('/healthz', server.url))).status).toBe(200)
    expect(await server.end('SIGTERM')).toBe(0)
    expect(await captureError(serve(dataDir))).toMatchObject({
      message: expect.stringContaining(`${path} is damaged: `),
    })
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'whose check runs while the server ends by %s leaves nothing behind, and is checked before the next start',
    async (signal) => {
      using database = await createLargeDatabase()
      const { dataDir, path } = database
      const server = await serve(dataDir)
      const check = await haltCheck(server, path)
      await server.end(signal)
      await until(() => !isRunning(check), 'the end of the check')
      expect(existsSync(`${path}-clean`)).toBe(false)
      if (signal === 'SIGTERM')
        expect(readdirSync(dataDir).filter((name) => name.startsWith('snailpass.db'))).toEqual([
          'snailpass.db',
        ])
      await using next = await serve(dataDir)
      expect(next.log.join('\n')).not.toContain(intact)
    },
  )
})
