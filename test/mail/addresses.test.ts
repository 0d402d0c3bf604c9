import { expect, test } from 'bun:test'
import { asciiDomainOf, needsUtf8, withoutAddress } from '../../src/mail/addresses'

test.each([
  ['owner@nas.local', 'nas.local'],
  ['"a@b"@Müller.example', 'xn--mller-kva.example'],
  ['a@例え。テスト', 'xn--r8jz45g.xn--zckzah'],
  ['a@[192.0.2.1]', '[192.0.2.1]'],
])('the domain of %s is %s in ASCII', (address, domain) => {
  expect(asciiDomainOf(address)).toBe(domain)
})

test('only the part before the @ decides whether an address needs SMTPUTF8', () => {
  expect(needsUtf8('owner@müller.example')).toBeFalse()
  for (const local of ['müller', 'ü', 'über', 'jürü'])
    expect(needsUtf8(`${local}@nas.local`), local).toBeTrue()
  expect(needsUtf8('🐌@nas.local')).toBeTrue()
  expect(needsUtf8('"a@ü"@nas.local')).toBeTrue()
})

test.each([
  ['owner@nas.local', 'no <owner@nas.local>, Owner@NAS.local', 'no <the address>, the address'],
  ['o.w+n@müller.de', 'o.w+n@müller.de o.w+n@xn--mller-kva.de', 'the address the address'],
  ['a@xn--mller-kva.de', 'no a@müller.de', 'no the address'],
  ['mu\u0308ller@nas.local', 'no müller@nas.local', 'no the address'],
  ['o.w@nas.local', 'oxw@nas.local', 'oxw@nas.local'],
])('a text is kept without %s, however the mail server writes it', (address, text, redacted) => {
  expect(withoutAddress(text, address)).toBe(redacted)
})

test('finds an address as it was written, in another form of Unicode than that of domains', () => {
  const written = 'olga@bu\u0308cher.example'
  expect(withoutAddress(`${written}: no such user`, written)).toBe('the address: no such user')
})
