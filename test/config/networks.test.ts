import { describe, expect, test } from 'bun:test'
import { parseNetworks } from '../../src/config/networks'
import { InvalidSetting } from '../../src/config/values'
import { createNetworkMatcher, isPrivate } from '../../src/domain/networks'

describe('networks', () => {
  test('contain the addresses in them, each family its own', () => {
    const isIn = createNetworkMatcher(parseNetworks('10.0.0.0/8, 192.168.1.5 fd00::/8'))
    for (const address of ['10.255.0.1', '192.168.1.5', 'fd12::1']) {
      expect(isIn(address), address).toBeTrue()
    }
    for (const other of ['11.0.0.1', '192.168.1.6', 'fe80::1', '::ffff:10.0.0.1', 'pi', '']) {
      expect(isIn(other), other).toBeFalse()
    }
    expect(createNetworkMatcher(['::/0'])('10.0.0.1')).toBeFalse()
    expect(createNetworkMatcher(['0.0.0.0/0'])('8.8.8.8')).toBeTrue()
  })

  test.each([
    'pi.local',
    '10.0.0.0/33',
    '10.0.0.0/',
    'fd00::/129',
    '10.0.0.0/-1',
    '10.0.0.0/8/9',
    '/8',
  ])('are not %p', (text) => {
    expect(() => parseNetworks(text)).toThrow(InvalidSetting)
  })

  test('that are private are distinguished from all others', () => {
    for (const address of [
      '192.168.1.1',
      '172.16.0.1',
      '100.64.0.1',
      '127.0.0.1',
      '169.254.1.1',
      '::1',
      'fe80::1',
      'fd00::1',
    ]) {
      expect(isPrivate(address), address).toBeTrue()
    }
    const others = ['8.8.8.8', '172.32.0.1', '100.128.0.1', '203.0.113.5', '2a00::1', '2001:db8::1']
    for (const other of [...others, '0.0.0.0', '::', 'x']) {
      expect(isPrivate(other), other).toBeFalse()
    }
  })
})
