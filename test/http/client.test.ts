import { describe, expect, test } from 'bun:test'
import { networkOf, parseAddress } from '../../src/domain/address'
import { createClientResolver } from '../../src/http/client'

const clientOf = createClientResolver((address) => address === '10.0.0.1' || address === '10.0.0.2')

const requestFrom = (peer: string | null, headers: Record<string, string> = {}, isTls = false) =>
  clientOf({ peer, isTls }, new Headers(headers))

describe('who is asking', () => {
  test('is who is connected, whatever they say of themselves', () => {
    const lies = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https' }
    expect(requestFrom('203.0.113.9', lies)).toEqual({ address: '203.0.113.9', isSecure: false })
    expect(requestFrom('::ffff:203.0.113.9', {}, true)).toEqual({
      address: '203.0.113.9',
      isSecure: true,
    })
  })

  test.each([
    ['203.0.113.9', '203.0.113.9'],
    // What the client has sent stands to the left of what the proxy has seen.
    ['1.2.3.4, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['1.2.3.4, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['[2001:DB8::1]:4711', '2001:db8::1'],
    ['2001:db8:0:0::1', '2001:db8::1'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.2', '10.0.0.2'],
    ['203.0.113.9, unknown', '10.0.0.1'],
    ['', '10.0.0.1'],
    ['999.1.1.1', '10.0.0.1'],
  ])('behind a listed proxy that passes on "%s" is %s', (forwarded, address) => {
    expect(requestFrom('10.0.0.1', { 'x-forwarded-for': forwarded }).address).toBe(address)
  })

  test('on a Unix socket is who its proxy says, and nobody where it says nothing', () => {
    expect(requestFrom(null)).toEqual({ address: null, isSecure: false })
    expect(
      requestFrom(null, { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http, HTTPS' }),
    ).toEqual({ address: '203.0.113.9', isSecure: true })
  })

  test('came as safely as the proxy says, which may have it from HTTPS itself', () => {
    expect(requestFrom('10.0.0.1', { 'x-forwarded-proto': 'https' }).isSecure).toBeTrue()
    expect(
      requestFrom('10.0.0.1', { 'x-forwarded-proto': 'https, http' }, true).isSecure,
    ).toBeFalse()
    expect(requestFrom('10.0.0.1', {}, true).isSecure).toBeTrue()
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
  ])('%p is written as %p', (text, expected) => {
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
  ])('%s is of the network %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})
