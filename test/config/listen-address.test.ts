import { expect, test } from 'bun:test'
import { formatListenAddress, parseListenAddress } from '../../src/config/listen-address'

test.each([
  ['0.0.0.0:5000', '0.0.0.0:5000'],
  ['[::]:5000', '[::]:5000'],
  ['[::0]:5000', '[::]:5000'],
  ['[0:0:0:0:0:0:0:1]:0', '[::1]:0'],
  ['[FD00::A]:443', '[fd00::a]:443'],
  ['[fe80::1%eth0]:443', '[fe80::1%eth0]:443'],
  ['pi.local:80', 'pi.local:80'],
  ['unix:/run/snailpass/http.sock', 'unix:/run/snailpass/http.sock'],
])('%s is parsed as %s', (text, expected) => {
  const address = parseListenAddress(text)
  expect(address === null ? null : formatListenAddress(address)).toBe(expected)
})

test.each(['5000', ':5000', '::1:5000', '[::1]', 'pi:99999', 'unix:relative', 'unix:/folder/'])(
  '%s is not a listen address',
  (text) => {
    expect(parseListenAddress(text)).toBeNull()
  },
)
