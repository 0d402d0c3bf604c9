/**
 * Checks that each commit is on disk before its response is sent: `bun scripts/sync-trace.ts`. Runs dist/snailpass under
 * strace (Debian: `apt-get install strace`), adds records one by one, and looks for a sync of the database's log between
 * each response and the one before it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { aRecord, signUpAndLogIn } from '../test/support/client'
import { serve, temporaryFolder } from '../test/support/executable'

const records = 50

process.exit(await main())

async function main(): Promise<number> {
  using folder = temporaryFolder()
  const trace = join(folder.path, 'trace')
  {
    await using server = await serve(join(folder.path, 'data'))
    const client = await signUpAndLogIn(server.url, 'owner')
    const strace = Bun.spawn(
      [
        'strace',
        '-f',
        '-qq',
        '-e',
        'trace=fdatasync,fsync,sendto',
        '-s',
        '40',
        '-o',
        trace,
        '-p',
        `${server.pid}`,
      ],
      { stdout: 'ignore', stderr: 'pipe' },
    )
    // strace does not report that it has attached. It has once a request appears in its output.
    while (!(await Bun.file(trace).exists()) || Bun.file(trace).size === 0) {
      await client.send('GET', '/users')
      await Bun.sleep(20)
    }
    for (let index = 0; index < records; index++) await client.send('POST', '/records', aRecord())
    strace.kill('SIGINT')
    await strace.exited
    await server.end('SIGTERM')
  }

  let syncs = 0
  let created = 0
  let unsynced = 0
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    if (/f(?:data)?sync\(.*= 0|<\.\.\. f(?:data)?sync resumed.*= 0/.test(line)) syncs++
    if (line.includes('HTTP/1.1 201')) {
      created++
      if (syncs === 0) unsynced++
      syncs = 0
    }
  }
  process.stdout.write(
    `${created} responses to ${records} commits, ${unsynced} without a sync before them\n`,
  )
  return created === records && unsynced === 0 ? 0 : 1
}
