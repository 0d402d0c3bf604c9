import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { executable, run, serve, temporaryFolder } from '../support/executable'

const count = 3_000
const emailOf = (index: number) => `u${index}\u001b[2J\u009b\u202e\n\u2028@nas.local`

let folder: ReturnType<typeof temporaryFolder>
let dataDir: string
beforeAll(async () => {
  folder = temporaryFolder()
  dataDir = join(folder.path, 'data')
  await (await serve(dataDir)).end('SIGTERM')
  using database = new Database(join(dataDir, 'snailpass.db'))
  const insert = database.query(
    `insert into users (id, email, master_password_hash, email_confirmed, session_epoch)
     values (?, ?, 'x', 1, 'e')`,
  )
  database.transaction(() => {
    for (let index = 0; index < count; index++) insert.run(`id${index}`, emailOf(index))
  })()
}, 300_000)
afterAll(() => folder[Symbol.dispose]())

/** Runs a command line of bash, in which `snailpass` is the executable. Returns what it prints, as bytes mean it. */
async function shell(line: string) {
  const script = `set -o pipefail; snailpass() { "$PROGRAM" "$@" --data-dir "$DATA"; }; ${line}`
  const child = Bun.spawn(['bash', '-c', script], {
    env: { ...process.env, SNAILPASS_CONFIG: '/dev/null', PROGRAM: executable, DATA: dataDir },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}

describe('output into a pipe', () => {
  // The reader begins once the pipe is full and the writer waits.
  test.each(['user list', 'user list --json'])(
    'is complete for a slow reader: %s',
    async (command) => {
      const slow = await shell(`snailpass ${command} | (sleep 1; cat)`)
      const { code, stdout } = await run([...command.split(' '), '--data-dir', dataDir])
      expect(code).toBe(0)
      expect(stdout.length).toBeGreaterThan(256 * 1024)
      expect(slow).toEqual({ code: 0, stdout, stderr: '' })
      if (command.endsWith('--json')) {
        const accounts: { email: string }[] = JSON.parse(stdout)
        expect(accounts.map(({ email }) => email)).toEqual(
          Array.from({ length: count }, (_, index) => emailOf(index)),
        )
      } else expect(stdout.trimEnd().split('\n')).toHaveLength(count + 1)
      expect(stdout).toMatch(/^[ -~\n]*$/)
    },
  )

  test('ends quietly when its reader goes away', async () => {
    for (const command of ['user list', 'user list --json', 'user list --json 2>&1']) {
      const { stdout, stderr } = await shell(`snailpass ${command} | head -n 1`)
      expect({ lines: stdout.split('\n').length, stderr }).toEqual({ lines: 2, stderr: '' })
    }
  })

  test.skipIf(!existsSync('/dev/full'))('is no success if it could not be written', async () => {
    for (const command of ['user list', '--help']) {
      const { code, stderr } = await shell(`snailpass ${command} >/dev/full`)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error: can't write the output: ENOSPC.*\nhint: check the disk .*\n$/)
    }
  })

  test('of a command whose messages nobody reads is there all the same', async () => {
    const { code, stdout } = await shell('snailpass backup 2>/dev/full')
    expect({ code, hasFile: existsSync(stdout.trim()) }).toEqual({ code: 0, hasFile: true })
  })
})

test('what others chose is escaped in errors of the settings and the command line', async () => {
  const evil = 'x\u001b[2J\nhint: y\u202e'
  for (const args of [['user', 'show', evil], [evil], [`--${evil}`], ['user', evil]]) {
    const { code, stderr } = await run([...args, '--data-dir', dataDir])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/^[ -~\n]*$/)
    expect(stderr).not.toMatch(/^hint: y/m)
  }
})
