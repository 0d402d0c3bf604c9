import { describe, expect, spyOn, test } from 'bun:test'
import * as os from 'node:os'
import { hostname, type NetworkInterfaceInfo } from 'node:os'
import {
  createLocalMatcher,
  hasIpv6,
  likelyBaseUrl,
  localHosts,
  urlsForClients,
  urlsOf,
} from '../../src/app/local-addresses'
import { onPlatform } from '../support/platform'

const mac = '02:00:00:00:00:01'

function ipv6(cidr: string, internal = false): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/')
  return { family: 'IPv6', address, cidr, internal, netmask: '', mac, scopeid: 0 }
}

function ipv4(cidr: string, internal = false): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/')
  return { family: 'IPv4', address, cidr, internal, netmask: '', mac }
}

describe('an address is local', () => {
  test.each([
    ['192.168.7.7', true],
    ['fe80::1', true],
    ['fd12::1', true],
    ['2001:db8:1:2:ffff::9', true],
    ['2001:DB8:1:2::', true],
    ['2001:db8:1:3::1', false],
    // The /64 of an address with a shorter prefix, not more.
    ['2001:db8:2:0:1::', true],
    ['2001:db8:2:1::1', false],
    // A /128 and a /112 may be in a network with other people's machines.
    ['2001:db8:3::2', false],
    ['2001:db8:4::2', false],
    ['2001:db8:5::1', false],
    ['2001:db8:7::2', false],
    ['9.9.9.9', false],
    ['9.9.9.8', false],
    ['pi.local', false],
  ])('%s: %p', (address, expected) => {
    const isLocal = createLocalMatcher(
      () => 0,
      () => [
        ipv6('2001:db8:1:2::1/64'),
        ipv6('2001:db8:2::1/48'),
        ipv6('2001:db8:3::1/128'),
        ipv6('2001:db8:4::1/112'),
        ipv6('2001:db8:5::1/64', true),
        ipv6('2001:db8:7::1/65'),
        { ...ipv6('2001:db8:6::1/64'), cidr: null },
        ipv4('9.9.9.9/24'),
      ],
    )
    expect(isLocal(address)).toBe(expected)
  })

  test('by the networks of the last ten seconds', () => {
    let time = 0
    let reads = 0
    let cidr = '2001:db8:1::1/64'
    const isLocal = createLocalMatcher(
      () => time,
      () => {
        reads++
        return [ipv6(cidr)]
      },
    )
    // Neither needs the interfaces.
    expect([isLocal('10.0.0.1'), isLocal('9.9.9.9'), reads]).toEqual([true, false, 0])
    expect([isLocal('2001:db8:1::9'), isLocal('2001:db8:2::9'), reads]).toEqual([true, false, 1])
    cidr = '2001:db8:2::1/64'
    time = 9_999
    expect([isLocal('2001:db8:1::9'), reads]).toEqual([true, 1])
    time = 10_000
    expect([isLocal('2001:db8:1::9'), isLocal('2001:db8:2::9'), reads]).toEqual([false, true, 2])
  })
})

const loopback = ipv4('127.0.0.1/8', true)

test.each([
  ['with IPv4 only', { lo: [loopback], eth0: [ipv4('192.168.1.5/24')] }, false],
  ['whose loopback interface has an IPv6 address', { lo: [loopback, ipv6('::1/128', true)] }, true],
  ['with a link-local IPv6 address', { lo: [loopback], eth0: [ipv6('fe80::1/64')] }, true],
  // It may have IPv6.
  ['that tells no interfaces', {}, true],
  ['that tells no addresses', { eth0: [] }, true],
])('whether a machine has IPv6: one %s', (_name, interfaces, expected) => {
  using _ = spyOn(os, 'networkInterfaces').mockImplementation(() => interfaces)
  expect(hasIpv6()).toBe(expected)
})

describe('a machine with several addresses', () => {
  /** Has this machine have the name `Pi`, and an address of every kind. */
  function pretendMachine() {
    const interfaces = {
      lo: [ipv6('::1/128', true), loopback],
      eth0: [
        ...[ipv6('fe80::5/64'), ipv6('FE80::6/64'), ipv6('fd00::5/64')],
        ...[ipv4('169.254.0.5/16'), ipv4('192.168.1.5/24')],
      ],
      wlan0: [ipv4('10.0.0.5/8'), ipv6('2001:db8::5/64')],
    }
    const stack = new DisposableStack()
    stack.use(spyOn(os, 'networkInterfaces').mockImplementation(() => interfaces))
    stack.use(spyOn(os, 'hostname').mockImplementation(() => 'Pi'))
    return stack
  }

  const v4 = ['192.168.1.5', '10.0.0.5']
  const v6 = ['[fd00::5]', '[2001:db8::5]']
  const urlOf = (host: string) => `http://${host}:5000/`

  test('has those that work on other machines first', () => {
    using _ = pretendMachine()
    expect(localHosts()).toEqual([
      ...[...v4, ...v6],
      ...['pi', 'pi.local', 'localhost', '127.0.0.1', '[::1]'],
    ])
  })

  test('is reached at all of them by a listener on all', () => {
    using _ = pretendMachine()
    const urlsAt = (host: string) =>
      urlsOf({ address: { hostname: host, port: 5000 }, isTls: false })
    expect(urlsAt('0.0.0.0')).toEqual(
      [...v4, 'pi', 'pi.local', 'localhost', '127.0.0.1'].map(urlOf),
    )
    expect(urlsAt('::')).toEqual(localHosts().map(urlOf))
    expect(urlsAt('fd00::5')).toEqual(['http://[fd00::5]:5000/'])
  })

  test('has the addresses that clients can use', () => {
    using _ = pretendMachine()
    using _platform = onPlatform('win32')
    const address = { hostname: '::', port: 5000 }
    expect(urlsForClients([{ address, isTls: false }], { mdns: false })).toEqual(
      [...v4, ...v6, 'pi.local'].map(urlOf),
    )
    expect(urlsForClients([{ address, isTls: true }], { mdns: true }).at(-2)).toBe(
      'https://snailpass.local:5000/',
    )
  })
})

describe('the URL for emails that no request causes', () => {
  const endpoint = (host: string) => ({ address: { hostname: host, port: 5000 }, isTls: false })

  test('is that of the settings', () => {
    const publicUrl = new URL('https://vault.example.org/')
    expect(likelyBaseUrl(publicUrl, [endpoint('192.168.1.5')])).toBe('https://vault.example.org/')
  })

  test('is else that of the first listener that has one', () => {
    const socket = { address: { path: '/run/snailpass/http.sock' }, isTls: false }
    expect(likelyBaseUrl(null, [socket, endpoint('192.168.1.5'), endpoint('192.168.1.6')])).toBe(
      'http://192.168.1.5:5000/',
    )
    expect(likelyBaseUrl(null, [socket])).toBe('http://localhost/')
  })
})

test('a listener on all IPv4 addresses has no IPv6 URL', () => {
  const urls = urlsOf({ address: { hostname: '0.0.0.0', port: 5000 }, isTls: true })
  expect(urls).toContain('https://localhost:5000/')
  expect(urls.filter((url) => url.includes('['))).toEqual([])
})

describe('addresses for other machines', () => {
  const all = { address: { hostname: '0.0.0.0', port: 5000 }, isTls: false }

  test('are numbers first, and no name for which nothing answers', () => {
    const urls = urlsForClients([all], { mdns: false })
    expect(urls.filter((url) => !/^http:\/\/[\d.]+:5000\/$/.test(url))).toEqual([])
    expect(urlsForClients([all], { mdns: true })).toEqual([...urls, 'http://snailpass.local:5000/'])
  })

  test('have the name of a machine whose system answers for it', () => {
    using _ = onPlatform('darwin')
    const name = hostname().toLowerCase().split('.')[0]
    expect(urlsForClients([all], { mdns: false }).at(-1)).toBe(`http://${name}.local:5000/`)
  })

  test.each([
    ['127.0.0.1', 'http://127.0.0.1:5000/'],
    ['192.168.7.7', 'http://192.168.7.7:5000/'],
    ['nas', 'http://nas:5000/'],
  ])('are that of a listener on %s', (host, url) => {
    const listener = { address: { hostname: host, port: 5000 }, isTls: false }
    expect(urlsForClients([listener, listener], { mdns: true })).toEqual([url])
  })
})
