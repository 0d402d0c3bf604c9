import { describe, expect, test } from 'bun:test'
import { networkOf, parseAddress } from '../../src/domain/address'
import { createClientResolver, urlOf } from '../../src/http/client'

const resolveClient = createClientResolver(
  (address) => address === '10.0.0.1' || address === '10.0.0.2',
)

const resolve = (peer: string | null, headers: Record<string, string> = {}, isTls = false) =>
  resolveClient({ peer, isTls }, new Headers(headers))

describe('the client of a request', () => {
  test('is the peer of the connection, whatever its headers say', () => {
    const forgedHeaders = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https' }
    expect(resolve('203.0.113.9', forgedHeaders)).toEqual({
      address: '203.0.113.9',
      isSecure: false,
    })
    expect(resolve('::ffff:203.0.113.9', {}, true)).toEqual({
      address: '203.0.113.9',
      isSecure: true,
    })
  })

  test.each([
    ['203.0.113.9', '203.0.113.9'],
    // The client can send addresses itself. The proxy adds its own to their right.
    ['1.2.3.4, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['1.2.3.4, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['[2001:DB8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]x', '10.0.0.1'],
    ['203.0.113.9:x', '10.0.0.1'],
    ['1.2.3.4, 10.0.0.2, 10.0.0.1', '1.2.3.4'],
    ['2001:db8:0:0::1', '2001:db8::1'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.2', '10.0.0.2'],
    ['203.0.113.9, unknown', '10.0.0.1'],
    ['', '10.0.0.1'],
    ['999.1.1.1', '10.0.0.1'],
  ])('behind a trusted proxy that forwards "%s" is %s', (forwarded, address) => {
    expect(resolve('10.0.0.1', { 'x-forwarded-for': forwarded }).address).toBe(address)
  })

  test('is told apart from a proxy that no setting names', () => {
    const peers: string[] = []
    const resolveWith = createClientResolver(
      (address) => address === '10.0.0.1',
      (peer) => peers.push(peer),
    )
    const ask = (peer: string | null, headers: Record<string, string>) =>
      resolveWith({ peer, isTls: false }, new Headers(headers))
    const forwarded = { 'x-forwarded-for': '203.0.113.9' }
    ask('10.0.0.1', forwarded)
    ask(null, forwarded)
    ask('10.0.0.2', { 'x-access-token': 't' })
    expect(peers).toEqual([])
    for (const headers of [
      forwarded,
      { 'x-real-ip': '1.2.3.4' },
      { forwarded: 'for=1.2.3.4' },
      { 'x-forwarded-proto': 'https' },
      { 'x-forwarded-host': 'vault.example.org' },
    ])
      expect(ask('::ffff:10.0.0.2', headers).address).toBe('10.0.0.2')
    expect(peers).toEqual(Array<string>(5).fill('10.0.0.2'))
  })

  test('on a Unix socket is the one that the proxy names, and unknown if it names none', () => {
    expect(resolve(null)).toEqual({ address: null, isSecure: false })
    expect(
      resolve(null, { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http, HTTPS' }),
    ).toEqual({ address: '203.0.113.9', isSecure: true })
  })

  test('uses HTTPS if the last proxy says so, or if it says nothing and the proxy itself uses it', () => {
    expect(resolve('10.0.0.1', { 'x-forwarded-proto': 'https' }).isSecure).toBeTrue()
    expect(resolve('10.0.0.1', { 'x-forwarded-proto': 'https, http' }, true).isSecure).toBeFalse()
    expect(resolve('10.0.0.1', {}, true).isSecure).toBeTrue()
    expect(resolve('10.0.0.1', {}).isSecure).toBeFalse()
    expect(resolve('10.0.0.1', { 'x-forwarded-proto': 'http,  HTTPS ' }).isSecure).toBeTrue()
    expect(resolve('10.0.0.1', { 'x-forwarded-proto': 'httpsx' }, true).isSecure).toBeFalse()
  })
})

describe('an address', () => {
  test.each([
    ['192.168.1.5', '192.168.1.5'],
    ['FE80:0::1%eth0', 'fe80::1'],
    ['2001:db8:0:0:1::', '2001:db8:0:0:1::'],
    ['::', '::'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:0a00:1', '10.0.0.1'],
    ['::ffff:0.0.0.1', '0.0.0.1'],
    ['::ffff:1', '::ffff:1'],
    ['::ffff:256.1.1.1', null],
    ['64:ff9b::8.8.4.4', '8.8.4.4'],
    ['64:ff9b::1', '0.0.0.1'],
    ['64:ff9b:1::808:808', '64:ff9b:1::808:808'],
    ...['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', 'pi.local', ':::', '1:2', '[::1]'].map(
      (text) => [text, null] as const,
    ),
  ])('%p is normalized to %p', (text, expected) => {
    expect(parseAddress(text)).toBe(expected)
  })

  test.each([
    ['192.168.1.5', '192.168.1.5'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    [null, '-'],
  ])('%s belongs to the network %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

test('the URL of a request has the scheme that its client used', () => {
  const urlAt = (url: string, isSecure: boolean) =>
    urlOf(new Request(url), { address: null, isSecure }).href
  expect(urlAt('http://pi:5000/http:?x=http:', true)).toBe('https://pi:5000/http:?x=http:')
  expect(urlAt('http://pi:5000/', false)).toBe('http://pi:5000/')
  expect(() => {
    const request = new Request('http://pi/')
    Object.defineProperty(request, 'url', { value: 'nonsense' })
    urlOf(request, { address: null, isSecure: true })
  }).toThrow()
})
