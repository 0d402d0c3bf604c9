import { describe, expect, test } from 'bun:test'
import { blockOf, isIpv6, networkOf, parseAddress } from '../../src/domain/address'

/* What clients send is in test/http/client.test.ts; these are the edges. */

describe('an address', () => {
  test.each([
    ...['0.0.0.0', '255.255.255.255', '10.0.100.200', '1.20.3.4'].map(
      (text) => [text, text] as const,
    ),
    ...['256.0.0.1', '1.2.3.256', '1.2.3.04', '00.1.2.3', '1.2.3.4 ', '1a2.3.4.5'].map(
      (text) => [text, null] as const,
    ),
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7:8:9', null],
    ['fe80::1%', 'fe80::1'],
    ['fe80::1%25', 'fe80::1'],
    ['::1]/x?[', null],
    ['g::1', null],
    ['1.2.3.4:80', null],
    ['::ffff:ffff:ffff', '255.255.255.255'],
    ['::ffff:102:304', '1.2.3.4'],
    ['::fffe:102:304', '::fffe:102:304'],
    ['1::ffff:102:304', '1::ffff:102:304'],
    ['64:ff9b::', '64:ff9b::'],
    ['64:ff9b::102:304', '1.2.3.4'],
    ['64:ff9b::ff', '0.0.0.255'],
    ['64:ff9b::1:102:304', '64:ff9b::1:102:304'],
    ['64:ff9c::102:304', '64:ff9c::102:304'],
  ])('%p is normalized to %p', (text, expected) => {
    expect(parseAddress(text)).toBe(expected)
  })
})

describe('the network of an address', () => {
  test.each([
    [null, '-'],
    ['192.168.1.5', '192.168.1.5'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
    ['1::8', '1:0:0:0::/64'],
    ['1:2::8', '1:2:0:0::/64'],
    ['1:2:3::8', '1:2:3:0::/64'],
    ['1::3:4:5:6:7:8', '1:0:3:4::/64'],
    ['1:2::4:5:6:7:8', '1:2:0:4::/64'],
    ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
    ['::4:5:6:7:8', '0:0:0:4::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['1::', '1:0:0:0::/64'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('the block of an address', () => {
  test.each([
    [null, '-', false],
    ['192.168.1.5', '192.168.1.0/24', false],
    ['203.0.113.255', '203.0.113.0/24', false],
    ['0.0.0.0', '0.0.0.0/24', false],
    ['1:2:3:4:5:6:7:8', '1:2:3::/48', true],
    ['2001:db8:1:ffff::9', '2001:db8:1::/48', true],
    ['2001:db8::1', '2001:db8:0::/48', true],
    ['1::8', '1:0:0::/48', true],
    ['::1', '0:0:0::/48', true],
  ])('%s is %s', (address, block, isOfIpv6) => {
    expect(blockOf(address)).toBe(block)
    expect(isIpv6(address)).toBe(isOfIpv6)
  })
})
