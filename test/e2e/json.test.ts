import { describe, expect, test } from 'bun:test'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { signUpAndLogIn } from '../support/client'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import { runServiceInstall } from '../support/installed-service'
import { expectPromised, expectPromisedReport } from '../support/json-promise'

describe('--json of the executable', () => {
  test('has what is promised of a running server and what it stores', async () => {
    using folder = temporaryFolder()
    expect((await runServiceInstall(executable, folder.path)).code).toBe(0)
    const dataDir = join(folder.path, 'var', 'lib', 'snailpass')
    const config = join(folder.path, 'etc', 'snailpass', 'snailpass.env')
    await using server = await serve(dataDir, {}, ['--config', config])
    appendFileSync(config, `SNAILPASS_LISTEN=127.0.0.1:${server.url.port}\n`)
    await signUpAndLogIn(server.url, 'owner')
    const backup = (await run(['backup', '--data-dir', dataDir])).stdout.trimEnd()
    const on = ['--data-dir', dataDir]
    for (const [command, more, code] of [
      ['status', on, 0],
      ['healthcheck', on, 0],
      ['service status', ['--prefix', folder.path], 0],
      ['user list', on, 0],
      ['user devices', ['owner@nas.local', ...on], 0],
      ['audit', on, 0],
      ['audit verify', on, 0],
      ['backup verify', [backup, ...on], 0],
      ['mail list', on, 0],
      ['tls show', on, 0],
      ['config', on, 0],
      ['doctor', on, 1],
      ['version', [], 0],
    ] as const) {
      const result = await run([...command.split(' '), '--json', ...more])
      const { stdout, stderr } = result
      expect({ command, code: result.code, stderr }).toEqual({ command, code, stderr: '' })
      expectPromised(command, stdout)
    }
  }, 300_000)

  test.each([
    [['user', 'show', 'nobody'], 1, 'unavailable', 'hint'],
    [['service', 'status', '--prefix', '/nonexistent/prefix'], 3, 'not_found', 'hint'],
    [['audit', '--since', 'x'], 2, 'invalid', 'hint'],
    [['audit', '--nonsense'], 2, 'invalid', 'see snailpass audit --help'],
    [['backup', 'lst'], 2, 'invalid', 'see snailpass backup --help'],
    [['serve'], 2, 'invalid', 'see snailpass serve --help'],
  ] as const)(
    'prints an error of %p as JSON to stderr, and nothing to stdout',
    async (args, code, error, hint) => {
      using folder = temporaryFolder()
      const needsFolder = ['user', 'audit'].includes(args[0])
      const more = needsFolder ? ['--data-dir', folder.path] : []
      const { stderr, ...rest } = await run([...args, ...more, '--json'])
      expect(rest).toEqual({ code, stdout: '' })
      expect(expectPromisedReport(stderr)).toEqual({
        errors: [
          {
            code: error,
            message: expect.any(String),
            hint: hint === 'hint' ? expect.any(String) : hint,
          },
        ],
        warnings: [],
      })
    },
  )
})
