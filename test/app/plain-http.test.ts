import { expect, test } from 'bun:test'
import { createPlainHttpPolicy } from '../../src/app/plain-http'
import { isPrivate } from '../../src/domain/networks'

const unset = { isListenDefault: true, isTlsDefault: false, listenTls: [] }
const named = { ...unset, isListenDefault: false }
const tls = { listenTls: [{ hostname: '0.0.0.0', port: 5443 }] }

const peers = ['9.9.9.9', '2a00::1', '64:ff9b:1::1', '192.168.1.5', 'fd00::1', '::1', null]

test.each([
  ['the default listener', unset, ['9.9.9.9', '192.168.1.5', 'fd00::1', '::1', null]],
  [
    'the default listener with HTTPS by default',
    { ...unset, ...tls, isTlsDefault: true },
    ['9.9.9.9', '192.168.1.5', 'fd00::1', '::1', null],
  ],
  [
    'the default listener with HTTPS that was asked for',
    { ...unset, ...tls },
    ['192.168.1.5', 'fd00::1', '::1'],
  ],
  ['a listener that was asked for', named, peers],
  [
    'a listener and HTTPS that were asked for',
    { ...named, ...tls },
    ['192.168.1.5', 'fd00::1', '::1'],
  ],
])('plain HTTP over %s', (_, settings, expected) => {
  const policy = createPlainHttpPolicy({ ...settings, plainLogins: 'private' }, isPrivate)
  expect(peers.filter(policy)).toEqual(expected)
  const all = createPlainHttpPolicy({ ...settings, plainLogins: 'all' }, isPrivate)
  expect(peers.filter(all)).toEqual(peers)
})
