import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { isServedBy } from '../../../src/app/server/mdns'
import { loadConfig } from '../../../src/config/load'
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
