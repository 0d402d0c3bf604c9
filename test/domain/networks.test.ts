import { describe, expect, test } from 'bun:test'
import {
  createNetworkMatcher,
  homeDomains,
  isLoopback,
  isNetwork,
  isPrivate,
  isPublicHost,
  isPublicName,
  isWithin,
  parseHost,
  privateNetworks,
} from '../../src/domain/networks'

const homeNames = [
  ...homeDomains.map((domain) => `pi.${domain}`),
  ...['pi', 'localhost', 'deep.pi.fritz.box', 'PI.LOCAL', 'pi.local.'],
]
const reservedNames = ['vault.invalid', 'vault.onion', 'vault.alt']
const publicNames = ['vault.example.org', 'local.example.org', 'fritz.box.example.org', 'mylan.de']

describe('a public host', () => {
  test.each(publicNames)('is %s', (name) => {
    expect({ host: isPublicHost(name), name: isPublicName(name) }).toEqual({
      host: true,
      name: true,
    })
  })

  test.each([...homeNames, ...reservedNames])('is not %s', (name) => {
    expect({ host: isPublicHost(name), name: isPublicName(name) }).toEqual({
      host: false,
      name: false,
    })
  })

  test('is an address outside of private networks, but an address is not a name', () => {
    for (const address of ['203.0.113.5', '2a00::1']) {
      expect([isPublicHost(address), isPublicName(address)]).toEqual([true, false])
    }
    for (const address of ['192.168.1.5', '::1', '::ffff:10.0.0.1']) {
      expect([isPublicHost(address), isPublicName(address)]).toEqual([false, false])
    }
  })
})

test('a name is in a domain by whole labels only', () => {
  expect(isWithin('pi.lan', ['lan'])).toBeTrue()
  expect(isWithin('lan', ['lan'])).toBeTrue()
  expect(isWithin('pi.wlan', ['lan'])).toBeFalse()
})

test('a name in a domain may be in any case and end with a dot', () => {
  expect(isWithin('PI.LAN.', ['lan'])).toBeTrue()
  expect(isWithin('pi.lan..', ['lan'])).toBeFalse()
  expect(isWithin('pi.lan', [])).toBeFalse()
})

test('a public name has labels of 63 characters at most, and a top-level domain of two at least', () => {
  const names = {
    [`${'a'.repeat(63)}.example`]: true,
    [`${'a'.repeat(64)}.example`]: false,
    [`a.${'b'.repeat(63)}`]: true,
    [`a.${'b'.repeat(64)}`]: false,
    'a.io': true,
    'pi29.xn--90ais': true,
    'a.i': false,
    'a..io': false,
    'A.io': false,
    'a_b.io': false,
    'a.io.': false,
    'xn--mller-kva.example': true,
    '203.0.113.5': false,
  }
  for (const [name, expected] of Object.entries(names))
    expect(isPublicName(name), name).toBe(expected)
})

test('a public host may end with a dot, and has one before that', () => {
  const isPublic = ['example.org.', 'pi.', 'pi.local.', 'local.', 'vault.onion.'].map(isPublicHost)
  expect(isPublic).toEqual([true, false, false, false, false])
})

test('an address is in a private network from its first to its last address', () => {
  for (const [before, first, last, after] of [
    ['9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
    ['172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
    ['192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
    ['100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
    ['126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
    ['169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
    ['fbff::', 'fc00::', 'fdff::1', 'fe00::'],
    ['fe7f::', 'fe80::', 'febf::1', 'fec0::'],
    ['::', '::1', '::1', '::2'],
  ] as const) {
    expect([before, first, last, after].map(isPrivate), first).toEqual([false, true, true, false])
  }
  expect(privateNetworks).toHaveLength(9)
})

test('a network is an address with a prefix that is no longer than the address, or without one', () => {
  for (const text of [
    '10.0.0.0/8',
    '10.0.0.1',
    '0.0.0.0/0',
    '10.0.0.1/32',
    '::/0',
    '::1/128',
    '::1',
  ])
    expect(isNetwork(text), text).toBeTrue()
  for (const text of [
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/x',
    'pi',
    '',
    '/8',
    '::/1000',
  ])
    expect(isNetwork(text), text).toBeFalse()
  expect(() => createNetworkMatcher(['10.0.0.0/8', 'pi'])).toThrow('not a network: pi')
})

test('an address without a prefix is a network of its own', () => {
  const isIn = createNetworkMatcher(['10.0.0.4', 'fd00::4'])
  const addresses = ['10.0.0.4', '10.0.0.5', 'fd00::4', 'fd00::5', 'pi']
  expect(addresses.map(isIn)).toEqual([true, false, true, false, false])
})

test('a host is this machine if it is a loopback address or localhost', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', 'LocalHost'])
    expect(isLoopback(host), host).toBeTrue()
  for (const host of ['128.0.0.1', '127.pi.local', '::2', 'localhost.lan', ''])
    expect(isLoopback(host), host).toBeFalse()
})

test('a host is parsed into the form of URLs', () => {
  expect(parseHost('PI.Local')).toBe('pi.local')
  expect(parseHost('müller.example')).toBe('xn--mller-kva.example')
  expect(parseHost('[FD00:0::1]')).toBe('[fd00::1]')
  expect(parseHost('192.168.1.5')).toBe('192.168.1.5')
  expect(parseHost('my_pi.lan.')).toBe('my_pi.lan.')
  const longest = Array.from({ length: 63 }, () => 'abc').join('.')
  expect(parseHost(`${longest}.`)).toBe(`${longest}.`)
  for (const text of [
    '',
    'pi:',
    'pi:80',
    'pi:81',
    '[::1]:80',
    'pi/x',
    'user@pi',
    'pi?x',
    'pi#x',
    'a b',
    '::1',
    '.',
    'a..b',
    '.b',
    'b..',
    '-a.b',
    'a-.b',
    '*.b',
    'a!b',
    "it's",
    `${'a'.repeat(64)}.b`,
    Array.from({ length: 64 }, () => 'abc').join('.'),
  ])
    expect(parseHost(text), text).toBeNull()
})
