import { describe, expect, test } from 'bun:test'
import { homeDomains, isPublicHost, isPublicName, isWithin } from '../../src/domain/networks'

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
