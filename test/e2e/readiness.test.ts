import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { aRecord } from '../support/client'
import { type RunningServer, serve, temporaryFolder, untilLogged } from '../support/executable'
import { queryRows } from '../support/store'
import { until } from '../support/until'

/** Makes every sync of a process fail, until it is disposed of. */
async function failSyncs(server: RunningServer, error: string) {
  using folder = temporaryFolder()
  const [pid, trace] = [String(server.pid), join(folder.path, 'trace')]
  const child = Bun.spawn(
    [
      'strace',
      ...['-f', '-p', pid, '-o', trace],
      ...['-e', `inject=fsync,fdatasync:error=${error}`],
    ],
    // Not a pipe: strace would end if nobody reads that a thread was attached later.
    { stdout: 'ignore', stderr: Bun.file(join(folder.path, 'messages')) },
  )
  const isTraced = new RegExp(`^${pid} `, 'm')
  await until(async () => {
    await readyz(server)
    return existsSync(trace) && isTraced.test(readFileSync(trace, 'utf8')) ? true : null
  }, 'the system calls of the server to be traced')
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT')
      await child.exited
    },
  }
}

const readyz = async ({ url }: RunningServer) => {
  const answer = await fetch(new URL('/readyz', url))
  return { status: answer.status, body: await answer.text() }
}

/** What the disk may answer; `scripts/test.sh --all` tries each. */
const errors = process.env['TEST_SIEGE'] === 'whole' ? ['EIO', 'EROFS', 'EDQUOT'] : ['EDQUOT']

describe('/readyz of a server whose disk fails', () => {
  test.each(errors)(
    'is 503 from the first write that ends with %s, and 200 once one succeeds',
    async (error) => {
      using folder = temporaryFolder()
      const account = await createAccount({ dataDir: folder.path }, 'owner')
      await using server = await serve(folder.path, { SNAILPASS_LOG_FORMAT: 'json' })
      const owner = account.at(server.url)
      expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
      {
        await using _ = await failSyncs(server, error)
        expect((await readyz(server)).status).toBe(200)
        const refused = await owner.send('POST', '/records', aRecord())
        expect(refused.status).toBe(503)
        expect(await readyz(server)).toEqual({
          status: 503,
          body: expect.stringContaining('The database is not responding: disk I/O error'),
        })
      }
      const isReady = async () => (await readyz(server)).status === 200
      await until(isReady, 'a ready server')
      expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
      await untilLogged(server, 'writes succeed again')
      const told = server.log
        .map((line) => JSON.parse(line))
        .filter(({ message }) => message.startsWith('writes '))
        .map(({ level, message }) => ({ level, message }))
      expect(told).toEqual([
        { level: 'error', message: 'writes fail: disk I/O error' },
        { level: 'info', message: 'writes succeed again' },
      ])
    },
  )
})

test('sixty questions whether a quiet server is ready cause at most one commit', async () => {
  using folder = temporaryFolder()
  await createAccount({ dataDir: folder.path }, 'owner')
  await using server = await serve(folder.path)
  const checks = () =>
    queryRows(
      `sqlite:${join(folder.path, 'snailpass.db')}`,
      "select value from facts where name = 'write_check'",
    )
  const before = await checks()
  for (let question = 0; question < 60; question++) {
    expect((await readyz(server)).status).toBe(200)
  }
  expect(await checks()).toEqual(before)
})
