import { expect, test } from 'bun:test'
import { run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { proxyAspects, tryProxy } from '../support/proxy-trial'
import { hasProxy } from '../support/reverse-proxies'

/* The others are tried by scripts/test-proxies.sh. */

test.skipIf(!hasProxy('nginx'))(
  'nginx as documented never answers in place of the server, and passes everything else on',
  async () => {
    using folder = temporaryFolder()
    const findings = await tryProxy('nginx', folder.path)
    expect(proxyAspects.map((aspect) => findings[aspect])).toEqual(proxyAspects.map(() => null))
  },
  300_000,
)

test('a proxy that no setting names is told in the log, by /readyz and by the doctor', async () => {
  using folder = temporaryFolder()
  await using server = await serve(folder.path)
  const ask = () =>
    fetch(new URL('/healthz', server.url), { headers: { 'x-forwarded-for': '1.2.3.4' } })
  for (let request = 0; request < 3; request++) await ask()
  const detail =
    '127.0.0.1 forwards requests and is not in SNAILPASS_TRUSTED_PROXIES: all clients behind it count as one'
  await untilLogged(server, detail)
  expect(server.log.filter((line) => line.includes(detail))).toEqual([
    expect.stringContaining('hint="if it is your proxy, set SNAILPASS_TRUSTED_PROXIES=127.0.0.1"'),
  ])
  expect(await (await fetch(new URL('/readyz', server.url))).json()).toEqual({
    status: 'ready',
    warnings: [{ kind: 'unlisted_proxy', detail }],
  })
  const environment = { SNAILPASS_LISTEN: server.url.host, SNAILPASS_BACKUP_SCHEDULE: 'off' }
  const doctor = await run(['doctor', '--data-dir', folder.path], { environment })
  expect(doctor.stdout).toContain(`what: the running server warns: unlisted_proxy: ${detail}`)
})
