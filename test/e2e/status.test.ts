import { describe, expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../src/version'
import { createAccount } from '../support/accounts'
import { aNote, aRecord } from '../support/client'
import { run, serve, temporaryFolder } from '../support/executable'
import { type Installation, installations } from '../support/installations'
import { startPostgresFirst } from '../support/postgres'
import { until } from '../support/until'

startPostgresFirst('newest')

const status = ({ dataDir, environment }: Installation, ...args: readonly string[]) =>
  run(['status', '--data-dir', dataDir, ...args], { environment })

describe.each(installations)('snailpass status, on $engine,', ({ install }) => {
  test('tells where the server runs and what it stores, and that it does not run any more', async () => {
    await using installation = await install()
    const { dataDir, environment } = installation
    await createAccount(installation, 'owner', async (client) => {
      await client.send('POST', '/records', aRecord())
      await client.send('POST', '/notes', aNote())
    })
    expect((await run(['backup', '--data-dir', dataDir], { environment })).code).toBe(0)
    const stored = {
      version,
      database: expect.any(String),
      accounts: { confirmed: 1, unconfirmed: 0, disabled: 0, deleted: 0 },
      vaults: {
        ...{ records: 1, additional_fields: 0, notes: 1 },
        ...{ size_bytes: expect.any(Number), history_bytes: 0 },
      },
      sign_up: 'open',
      last_backup: { file: expect.stringContaining(dataDir), time: expect.stringMatching(/Z$/) },
      certificate: null,
      free_bytes: expect.any(Number),
      problems: [],
      warnings: [],
    }
    {
      await using server = await serve(dataDir, environment)
      const { code, stdout, stderr } = await status(installation, '--json')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(JSON.parse(stdout)).toEqual({
        ...stored,
        status: 'running',
        server: { pid: expect.any(Number), version, started: expect.stringMatching(/Z$/) },
        addresses: [server.url.href],
        web_vault: new URL('/vault/', server.url).href,
      })
      const people = await status(installation)
      expect(people).toMatchObject({ code: 0, stderr: '' })
      expect(people.stdout).toMatch(/^SnailPass \S+ is running: process \d+, since \S+ \S+ UTC\n/)
      expect(people.stdout).toContain(`  addresses    ${server.url.href}\n`)
      expect(people.stdout).toContain('  vaults       1 record, 1 note: ')
      await server.end('SIGKILL')
    }
    const { code, stdout, stderr } = await status(installation, '--json')
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      ...stored,
      ...{ status: 'stopped', server: null, addresses: [], web_vault: null },
    })
    expect(await status(installation)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^SnailPass is not running on this data folder\.\n/),
      stderr: expect.stringMatching(/^hint: start it with snailpass serve/),
    })
  })
})

test('what can not be told is a problem, and null', async () => {
  using folder = temporaryFolder()
  const args = ['status', '--data-dir', folder.path]
  const { code, stdout } = await run([...args, '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ status: 'stopped', accounts: null, vaults: null, last_backup: null },
    problems: [`there is no SnailPass database at ${folder.path}/snailpass.db`],
  })
  expect(await run(args)).toMatchObject({
    stdout: expect.not.stringContaining('last backup'),
    stderr: `error: there is no SnailPass database at ${folder.path}/snailpass.db
hint: snailpass doctor says what to do
`,
  })
})

test('a server that refuses requests runs, and is failing', async () => {
  using folder = temporaryFolder()
  await using _ = await serve(folder.path)
  rmSync(join(folder.path, 'snailpass.db'))
  writeFileSync(join(folder.path, 'snailpass.db'), '')
  const read = () => run(['status', '--json', '--data-dir', folder.path])
  await until(async () => (await read()).code === 1, 'the server to notice')
  expect(JSON.parse((await read()).stdout)).toMatchObject({
    ...{ status: 'failing', server: { pid: expect.any(Number) } },
    problems: expect.arrayContaining([expect.stringMatching(/database/)]),
  })
})
