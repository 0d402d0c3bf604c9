import { describe, expect, test } from 'bun:test'
import { run, serve, temporaryFolder } from '../support/executable'

describe('snailpass healthcheck', () => {
  test('prints ready for a running server, and uses no proxy', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    const environment = { SNAILPASS_LISTEN: server.url.host, http_proxy: 'http://127.0.0.1:1' }
    const ready = await run(['healthcheck'], { environment })
    expect(ready).toEqual({ code: 0, stdout: 'ready\n', stderr: '' })
    await server.end('SIGTERM')
    const gone = await run(['healthcheck', '--listen', server.url.host])
    expect(gone).toEqual({
      code: 1,
      stdout: expect.stringContaining(`no answer from ${server.url.href}readyz: `),
      stderr: `error: the server at ${server.url.host} is not ready
hint: check that it is running and listens on this address, and read its log
`,
    })
  })

  test('asks the server of the data folder where it really listens, unless an option names an address', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    const environment = { SNAILPASS_LISTEN: '127.0.0.1:0' }
    const check = (...args: string[]) =>
      run(['healthcheck', '--data-dir', folder.path, ...args], { environment })
    expect(await check()).toEqual({ code: 0, stdout: 'ready\n', stderr: '' })
    expect(await check('--listen', '127.0.0.1:9')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('no answer from http://127.0.0.1:9/'),
    })
    const invite = ['user', 'invite', 'anna@nas.local', '--data-dir', folder.path]
    expect((await run(invite, { environment })).stdout).toContain(`  ${server.url.href}\n`)
    await server.end('SIGKILL')
    expect(await check()).toMatchObject({ code: 2, stdout: '' })
  })

  test('uses a Unix socket if the server listens on nothing else', async () => {
    using folder = temporaryFolder()
    const listen = ['--listen', `unix:${folder.path}/http.sock`]
    await using _ = await serve(folder.path, {}, listen)
    const ready = await run(['healthcheck', ...listen])
    expect(ready).toEqual({ code: 0, stdout: 'ready\n', stderr: '' })
  })

  test('prints the problem that the server reports, and its warnings to stderr', async () => {
    const refusal = () =>
      Response.json(
        { message: { error: 'Service Unavailable. The database is away' } },
        { status: 503 },
      )
    const answers = [
      Response.json({ status: 'ready', warnings: [{ kind: 'stale_backup', detail: 'of May' }] }),
      refusal(),
      Response.json({ status: 'ready' }),
      refusal(),
    ]
    await using server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => answers.shift() ?? new Response(),
    })
    const address = server.url.host
    const args = ['healthcheck', '--listen', address]
    expect(await run(args)).toEqual({
      code: 0,
      stdout: 'ready\n',
      stderr: 'warning: stale_backup: of May\n',
    })
    expect(await run(args)).toMatchObject({ code: 1, stdout: 'The database is away\n' })
    for (const [status, problems, code] of [
      ['ready', [], 0],
      ['not_ready', ['The database is away'], 1],
    ] as const) {
      const answer = await run([...args, '--json'])
      expect({ ...answer, stdout: JSON.parse(answer.stdout) }).toEqual({
        ...{ code, stderr: '' },
        stdout: { status, address, problems, warnings: [] },
      })
    }
  })

  test('is invalid usage if the port is not known', async () => {
    const { code, stdout, stderr } = await run(['healthcheck', '--listen', '127.0.0.1:0'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^error: port 0 .*\nhint: start the server, /)
  })
})
