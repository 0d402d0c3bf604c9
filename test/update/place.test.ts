import { describe, expect, test } from 'bun:test'
import { parsePlace } from '../../src/update/place'

describe('the place of a release', () => {
  test.each([
    ['https://example.org/snailpass', null, 'https://example.org/snailpass/'],
    ['https://example.org/snailpass/latest', null, 'https://example.org/snailpass/latest/'],
    ['https://example.org/snailpass/latest/', '0.3.0', 'https://example.org/snailpass/0.3.0/'],
    [
      'https://github.com/o/r/releases/latest/download',
      '0.3.0',
      'https://github.com/o/r/releases/download/v0.3.0/',
    ],
    ['https://example.org/latest/snailpass', '0.3.0', 'https://example.org/latest/snailpass/'],
    ['http://127.0.0.1:8000/x', null, 'http://127.0.0.1:8000/x/'],
    ['http://[::1]:8000', null, 'http://[::1]:8000/'],
    ['HTTP://LOCALHOST/', null, 'http://localhost/'],
  ])('%s for version %p is %s', (text, version, url) => {
    expect(parsePlace(text, version).toString()).toBe(url)
  })

  test('that is no URL is a folder', () => {
    expect(parsePlace('/media/usb/', '0.3.0')).toBe('/media/usb')
    expect(parsePlace('./x', null)).toBe(`${process.cwd()}/x`)
  })

  test.each([
    'http://example.org/snailpass',
    'http://127.0.0.1.example.org/',
    'http://localhost.example.org/',
    'http://127.0.0.1@example.org/',
    'http://192.168.1.5/',
    'ftp://localhost/',
    'file:///srv/release',
    'https://',
    'https://user:secret@example.org/',
    'https://user@example.org/',
    'https://:secret@example.org/',
    'https://example.org/?version=1',
    'https://example.org/#x',
  ])('can not be %s', (text) => {
    expect(() => parsePlace(text, null)).toThrow(
      /is not an https URL|has more than a host and a path/,
    )
  })
})
