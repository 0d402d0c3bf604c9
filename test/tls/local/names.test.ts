import { describe, expect, test } from 'bun:test'
import { constraintsFor, isPermitted, namesOfHost, parseName } from '../../../src/tls/local/names'

test.each([
  ['Pi', 'pi'],
  ['PI.Local.', 'pi.local'],
  ['müller.lan', 'xn--mller-kva.lan'],
  ['my_nas', 'my_nas'],
  ['192.168.1.5', '192.168.1.5'],
  ['[FD00:0::5]', 'fd00::5'],
  ['fd00::5', 'fd00::5'],
  ['1.2', null],
  ['a b', null],
  ['*.pi.local', null],
  ['pi:5000', null],
  ['-pi', null],
  ['', null],
  ['a'.repeat(64), null],
])('%p is the name %p', (text, name) => {
  expect(parseName(text)).toBe(name)
})

test.each([
  ['pi', ['pi', 'pi.local', 'localhost']],
  ['pi.local', ['pi.local', 'pi', 'localhost']],
  ['vault.example.org', ['vault.example.org', 'vault', 'vault.local', 'localhost']],
  ['localhost', ['localhost']],
  ['not a name', ['localhost']],
])('a machine called %p is reached as %p', (hostname, names) => {
  expect(namesOfHost(hostname)).toEqual(names)
})

describe('a local certificate authority', () => {
  const constraints = constraintsFor('pi', ['nas', 'vault.example.org', '192.168.1.9'])

  test.each([
    'pi',
    'pi.local',
    'other.local',
    'nas',
    'a.b.home.arpa',
    'pi.fritz.box',
    'localhost',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.5',
    '100.64.0.1',
    '127.0.0.1',
    '::1',
    'fd12::1',
  ])('permits %p', (name) => {
    expect(isPermitted(name, constraints)).toBeTrue()
  })

  test.each([
    'vault.example.org',
    'example.org',
    'notlocal',
    'local.example.org',
    'api',
    '8.8.8.8',
    '172.32.0.1',
    '2001:4860::8888',
    '::2',
  ])('does not permit %p', (name) => {
    expect(isPermitted(name, constraints)).toBeFalse()
  })

  test('of a host with the name of a top-level domain does not permit all of that domain', () => {
    const ofCloud = constraintsFor('cloud', ['dev'])
    for (const name of ['cloud', 'bank.cloud', 'dev', 'web.dev']) {
      expect(isPermitted(name, ofCloud), name).toBeFalse()
    }
    expect(isPermitted('cloud.local', ofCloud)).toBeTrue()
  })

  test('permits the full name of its host', () => {
    const ofHost = constraintsFor('vault.example.org', [])
    expect(isPermitted('vault.example.org', ofHost)).toBeTrue()
    expect(isPermitted('www.example.org', ofHost)).toBeFalse()
  })
})
