import { describe, expect, test } from 'bun:test'
import {
  formatListenAddress,
  isIpv6Half,
  isIpv6Only,
  parseListenAddress,
  parsePort,
} from '../../src/config/listen-address'

test.each([
  ['0.0.0.0:5000', '0.0.0.0:5000'],
  ['[::]:5000', '[::]:5000'],
  ['[::0]:5000', '[::]:5000'],
  ['[0:0:0:0:0:0:0:1]:0', '[::1]:0'],
  ['[FD00::A]:443', '[fd00::a]:443'],
  ['[fe80::1%eth0]:443', '[fe80::1%eth0]:443'],
  ['pi.local:80', 'pi.local:80'],
  ['10.0.0.1:65535', '10.0.0.1:65535'],
  ['unix:/run/snailpass/http.sock', 'unix:/run/snailpass/http.sock'],
])('%s is parsed as %s', (text, expected) => {
  const address = parseListenAddress(text)
  expect(address === null ? null : formatListenAddress(address)).toBe(expected)
})

test.each(['5000', ':5000', '::1:5000', '[::1]', 'pi:65536', 'unix:relative', 'unix:/folder/'])(
  '%s is not a listen address',
  (text) => {
    expect(parseListenAddress(text)).toBeNull()
  },
)

test.each(['0', '5000', ':5000', '*:65535'])('%s is a port on all addresses', (text) => {
  const port = Number(text.replace(/^.*:/, ''))
  expect(parsePort(text)).toEqual([
    { hostname: '0.0.0.0', port },
    { hostname: '::', port },
  ])
})

test.each(['65536', '5000x', '::5000', '-1', ''])('%s is no port', (text) => {
  expect(parsePort(text)).toBeNull()
})

describe('a listener beside others', () => {
  const parse = (text: string) => {
    const address = parseListenAddress(text)
    if (address === null) throw new Error(`not an address: ${text}`)
    return address
  }

  test.each([
    ['[::]:5000', ['0.0.0.0:5000'], { isOnly: true, isHalf: true }],
    ['[::]:5000', ['10.0.0.1:5000'], { isOnly: true, isHalf: false }],
    ['[::]:5000', ['0.0.0.0:5001'], { isOnly: false, isHalf: false }],
    ['[::]:5000', ['10.0.0.1:5001', 'unix:/run/x.sock'], { isOnly: false, isHalf: false }],
    ['[::]:5000', ['[fd00::5]:5000', 'pi.local:5000'], { isOnly: false, isHalf: false }],
    ['[::]:5000', [], { isOnly: false, isHalf: false }],
    ['[fd00::5]:5000', ['0.0.0.0:5000'], { isOnly: false, isHalf: false }],
    ['10.0.0.1:5000', ['0.0.0.0:5000'], { isOnly: false, isHalf: false }],
    ['unix:/run/x.sock', ['0.0.0.0:5000'], { isOnly: false, isHalf: false }],
  ])(
    'on %s with %p leaves IPv4 to them, or is half of all addresses: %p',
    (text, others, expected) => {
      const address = parse(text)
      const all = [address, ...others.map(parse)]
      expect({ isOnly: isIpv6Only(address, all), isHalf: isIpv6Half(address, all) }).toEqual(
        expected,
      )
    },
  )
})
