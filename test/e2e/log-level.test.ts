import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { basicAuth } from '../support/client'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import { freePort } from '../support/free-port'
import { until } from '../support/until'

/** What the filter in docs/network.md reads. */
const guess = /warn\s+wrong credentials address=127\.0\.0\.1$/

/** Sends a request that succeeds, one that is refused, and a wrong sign-in. */
async function sendRequests(url: string | URL): Promise<void> {
  const ask = (path: string, headers = {}) => fetch(new URL(path, url), { headers })
  await ask('/')
  await ask('/nothing')
  await ask('/login', { authorization: basicAuth('nobody@example.org', 'hash') })
}

test.each([
  [{}, ['info  GET - 404', 'info  GET /login 401']],
  [
    { SNAILPASS_LOG_LEVEL: 'debug' },
    ['debug GET / 200', 'info  GET - 404', 'info  GET /login 401'],
  ],
])(
  'with %p the log has the lines %p, and the one that fail2ban reads',
  async (setting, expected) => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path, { SNAILPASS_RATE_LIMITS: '', ...setting })
    await sendRequests(server.url)
    await server.end('SIGTERM')
    const requests = server.log.flatMap((line) => {
      const [, level = '', fields = ''] = / (\S+ +)request (.*)$/.exec(line) ?? []
      // On a busy machine the sign-in may take a second, which is a warning.
      const isSlow = Number(fields.match(/ ms=(\S+)/)?.[1]) >= 1_000
      const values = ['method', 'route', 'status'].map(
        (name) => fields.match(`${name}=(\\S+)`)?.[1],
      )
      return level === '' ? [] : [(isSlow ? 'info  ' : level) + values.join(' ')]
    })
    expect(requests).toEqual(expected)
    expect(server.log.filter((line) => guess.test(line))).toHaveLength(1)
  },
  300_000,
)

test('at the level error the log has no line but the one that fail2ban reads', async () => {
  using folder = temporaryFolder()
  const url = `http://127.0.0.1:${freePort()}`
  const child = Bun.spawn([executable, 'serve', '--listen', new URL(url).host], {
    env: {
      ...{ SNAILPASS_DATA_DIR: folder.path, SNAILPASS_CONFIG: '/dev/null' },
      ...{ SNAILPASS_LOG_LEVEL: 'error' },
    },
    stderr: 'pipe',
  })
  await until(
    () =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    'the server to listen',
    { interval: 50 },
  )
  await sendRequests(url)
  child.kill('SIGTERM')
  const lines = (await new Response(child.stderr).text()).trimEnd().split('\n')
  expect(lines).toEqual([expect.stringMatching(guess)])
}, 300_000)

test('another level is refused', async () => {
  using folder = temporaryFolder()
  const args = ['serve', '--data-dir', join(folder.path, 'data')]
  const { code, stderr } = await run(args, { environment: { SNAILPASS_LOG_LEVEL: 'verbose' } })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('use debug, info, warn or error'),
  })
})
