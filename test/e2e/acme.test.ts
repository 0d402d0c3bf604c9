import { expect, test } from 'bun:test'
import { run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { startPebble } from '../support/pebble'
import { until } from '../support/until'

test('the executable gets a certificate for a public name, keeps it over a restart, and shows it', async () => {
  using folder = temporaryFolder()
  await using pebble = await startPebble()
  const environment = {
    SNAILPASS_TLS: 'acme',
    SNAILPASS_PUBLIC_URL: 'https://vault.example.org/',
    SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
    SNAILPASS_ACME_DIRECTORY: pebble.directory,
    SNAILPASS_ACME_CA: pebble.caFile,
  }
  const listen = ['--listen', `127.0.0.1:${pebble.challengePort}`]
  const ask = async (log: readonly string[]) => {
    const url = await until(
      () => /listening on (?<url>https:\S+)/.exec(log.join('\n'))?.groups?.['url'],
      'the log line with the HTTPS address',
    )
    const ca = await pebble.fetchRoot()
    const name = { ca, checkServerIdentity: () => undefined }
    return (await fetch(new URL('/readyz', url), { tls: name, keepalive: false })).status
  }
  {
    await using first = await serve(folder.path, environment, listen)
    await untilLogged(first, 'got a new certificate')
    expect(await first.end('SIGTERM')).toBe(0)
  }
  await using second = await serve(folder.path, environment, listen)
  expect(await ask(second.log)).toBe(200)
  expect(pebble.countOrders()).toBe(1)

  const flags = ['tls', 'show', '--json', '--data-dir', folder.path]
  const { stdout, code } = await run(flags, { environment })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    mode: 'acme',
    is_served: true,
    certificate: { names: ['vault.example.org'], issuer: expect.stringContaining('Pebble') },
    ca: null,
  })
}, 300_000)
