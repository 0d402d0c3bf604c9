import { describe, expect, setDefaultTimeout, spyOn, test } from 'bun:test'
import * as os from 'node:os'
import { systemRuntime } from '../../../src/app/runtime'
import { isServedBy, serviceAt, startAnnouncing } from '../../../src/app/server/mdns'
import { loadConfig } from '../../../src/config/load'
import { createLog } from '../../../src/log'
import { mdnsHostNames } from '../../../src/mdns/host-names'
import { startTestServer } from '../../support/server'
import { until } from '../../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

describe('an address of this machine', () => {
  const addresses = ['192.168.1.5', '10.0.0.1', 'fd00::5']

  test.each([
    ['0.0.0.0:5000', ['192.168.1.5', '10.0.0.1']],
    ['[::]:5000', addresses],
    ['5000', addresses],
    ['[::]:5000, 10.0.0.1:5000', ['10.0.0.1', 'fd00::5']],
    ['[::]:5000, 10.0.0.1:5001', addresses],
    ['192.168.1.5:5000', ['192.168.1.5']],
    ['127.0.0.1:5000, [fd00::5]:5000', ['fd00::5']],
    ['unix:/run/x/http.sock', []],
  ])('is announced if a listener is reached at it: %s', (listen, served) => {
    const { settings } = loadConfig({ environment: {}, flags: { listen }, file: null })
    expect(addresses.filter(isServedBy(settings.listen))).toEqual(served)
  })
})

describe('the announced service', () => {
  const serviceOf = (...urls: readonly string[]) => serviceAt(urls.map((url) => new URL(url)))
  const onHost = (name: string) => spyOn(os, 'hostname').mockImplementation(() => name)
  const common = { txtvers: '1', path: '/' }

  test.each([
    [['http://10.0.0.1:5000/'], 5000, { tls: 'no' }],
    [['http://10.0.0.1/', 'http://10.0.0.1:5001/'], 80, { tls: 'no' }],
    [['https://10.0.0.1:5443/', 'https://10.0.0.1:5444/'], 5443, { tls: 'yes' }],
    [
      ['unix:/run/x/http.sock', 'http://10.0.0.1:5000/', 'https://10.0.0.1/'],
      ...[5000, { tls: 'no', tlsport: '443' }],
    ],
  ] as const)('of a server at %p has its first port, and that of HTTPS', (urls, port, tls) => {
    using _ = onHost('pi')
    expect(serviceOf(...urls)).toEqual({
      ...{ instance: 'SnailPass on pi', port, txt: { ...common, ...tls } },
    })
  })

  test('is none without an address on a network', () => {
    expect(serviceOf('unix:/run/x/http.sock')).toBeNull()
  })

  test.each([
    ['Pi.home.arpa', 'Pi'],
    ['x'.repeat(41), 'x'.repeat(40)],
    ['', 'an unnamed machine'],
  ])('has the name of the machine: %p', (name, label) => {
    using _ = onHost(name)
    expect(serviceOf('http://10.0.0.1:5000/')?.instance).toBe(`SnailPass on ${label}`)
  })

  test.each([
    ['no', '0.0.0.0:5000', 'http://127.0.0.1:5000/'],
    ['yes', 'unix:/run/x/http.sock', 'unix:/run/x/http.sock'],
  ])('is not announced with SNAILPASS_MDNS=%s and a listener at %s', async (mdns, listen, url) => {
    const { settings } = loadConfig({
      ...{ environment: { SNAILPASS_MDNS: mdns }, flags: { listen }, file: null },
    })
    const log = createLog(
      'text',
      () => 0,
      () => {},
    )
    const urls = [new URL(url)]
    expect(await startAnnouncing({ settings, urls, runtime: systemRuntime, log })).toBeNull()
  })
})

test('a certificate for the local network has the names that are announced', () => {
  expect(mdnsHostNames).toEqual(['snailpass.local', 'snailpass-2.local', 'snailpass-3.local'])
})

test('a server that listens only on loopback announces nothing', async () => {
  await using server = await startTestServer({ settings: { SNAILPASS_MDNS: 'yes' } })
  await until(
    () => server.log.some((line) => line.includes('not announced')),
    'the log line that nothing is announced',
  )
  expect(server.log.filter((line) => line.includes('"error"'))).toEqual([])
  await server.stop()
  expect(server.log.join('\n')).not.toContain('announced on the local network as')
})
