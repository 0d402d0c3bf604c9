import { describe, expect, test } from 'bun:test'
import { homeDomains, privateNetworks } from '../../../src/domain/networks'
import {
  constraintsFor,
  isPermitted,
  listUnpermittedNames,
  namesOfHost,
  parseName,
} from '../../../src/tls/local/names'

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
  ['pi-', null],
  ['pi..lan', null],
  ['p-i', 'p-i'],
  ['[fe80::1%eth0]', 'fe80::1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['a'.repeat(63), 'a'.repeat(63)],
  [`${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`],
  [`${'a.'.repeat(126)}aa`, null],
])('%p is the name %p', (text, name) => {
  expect(parseName(text)).toBe(name)
})

test.each([
  ['pi', ['pi', 'pi.local', 'localhost']],
  ['pi.local', ['pi.local', 'pi', 'localhost']],
  ['vault.example.org', ['vault.example.org', 'vault', 'vault.local', 'localhost']],
  ['localhost', ['localhost']],
  ['192.168.1.5', ['localhost']],
  ['not a name', ['localhost']],
])('a machine called %p is reached as %p', (hostname, names) => {
  expect(namesOfHost(hostname)).toEqual(names)
})

test('an authority is limited to the names of its host, those asked for, home domains and private networks', () => {
  const requested = ['nas', 'pi', '192.168.1.9', 'fd00::9', 'vault.example.org', 'dev', 'local']
  expect(constraintsFor('pi.lan', requested)).toEqual({
    domains: ['pi', 'nas', ...homeDomains],
    networks: privateNetworks,
  })
  expect(constraintsFor('not a name', [])).toEqual({
    domains: homeDomains,
    networks: privateNetworks,
  })
})

test.each([
  ['nas', ['nas']],
  ['nas.example.org', ['nas.example.org', 'nas']],
  ['pi', []],
  ['nas.local', ['nas']],
  // A top-level domain, which no authority permits.
  ['cloud', []],
  ['not a name', []],
])(
  'a host called %s after the authority was created for pi has names that it does not permit: %p',
  (hostname, names) => {
    expect(listUnpermittedNames(hostname, constraintsFor('pi', []))).toEqual(names)
  },
)

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
