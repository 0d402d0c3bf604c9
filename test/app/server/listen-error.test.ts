import { describe, expect, spyOn, test } from 'bun:test'
import { isMissingIpv6, listenError } from '../../../src/app/server/listen-error'
import type { ListenAddress } from '../../../src/config/listen-address'
import * as systemFiles from '../../../src/files/system-files'

const fault = (code: string) => Object.assign(new Error(`the error ${code}`), { code })
const at = (hostname: string, port: number): ListenAddress => ({ hostname, port })
const generalHint = 'check that it is an address of this machine, or use another one with --listen'

describe('an address that can not be listened on', () => {
  test.each([
    [at('127.0.0.1', 8080), 'EADDRNOTAVAIL', '127.0.0.1:8080: the error EADDRNOTAVAIL'],
    [at('::1', 8080), 'EPERM', '[::1]:8080: the error EPERM'],
    [{ path: '/run/x.sock' }, 'EACCES', 'unix:/run/x.sock: the error EACCES'],
  ] as const)('is told with what the system says: %j, %s', async (address, code, message) => {
    const cause = fault(code)
    expect(await listenError(address, '--listen', cause)).toMatchObject({
      ...{ code: 'unavailable', message: `can't listen on ${message}`, hint: generalHint, cause },
    })
  })

  test('is a name that nothing is known of', async () => {
    const error = await listenError(at('nobody.invalid', 5000), '--listen', fault('ENOENT'))
    expect(error).toMatchObject({
      message: "can't listen on nobody.invalid:5000: nobody.invalid has no address",
      hint: 'use an address of this machine with --listen, or a port alone for all of them',
    })
    // A name with an address has another problem.
    const known = await listenError(at('localhost', 5000), '--listen', fault('EPERM'))
    expect(known.message).toBe("can't listen on localhost:5000: the error EPERM")
  })

  test('is of IPv6 on a machine without it, also with a zone', async () => {
    for (const hostname of ['::', 'fe80::1%eth0'])
      expect(
        await listenError(at(hostname, 81), '--listen-tls', fault('EAFNOSUPPORT')),
      ).toMatchObject({
        message: `can't listen on [${hostname}]:81: this machine has no IPv6`,
        hint: 'use an IPv4 address such as 0.0.0.0:81 with --listen-tls',
      })
  })
})

describe.skipIf(process.platform !== 'linux')('a low port', () => {
  /** Returns the reason for a port if the system tells this first free port; null for nothing. */
  async function reasonFor(port: number, told: string | null) {
    using read = spyOn(systemFiles, 'readSystemFile').mockReturnValue(told)
    const { message, hint } = await listenError(at('127.0.0.1', port), '--listen', fault('EACCES'))
    expect(read).toHaveBeenCalledWith('/proc/sys/net/ipv4/ip_unprivileged_port_start')
    return [message.replace(/^.*?: /, ''), hint]
  }

  test.each([
    [1023, null, 1024],
    [1023, '', 1024],
    [79, '80\n', 80],
  ])('such as %d, where %j is told, needs a capability below %d', async (port, told, first) => {
    expect(await reasonFor(port, told)).toEqual([
      `ports below ${first} need the capability CAP_NET_BIND_SERVICE`,
      expect.stringMatching(
        new RegExp(
          `^with --listen use a port from ${first} on, or grant it: .*cap_net_bind_service=\\+ep `,
        ),
      ),
    ])
  })

  test.each([
    [1024, null],
    [80, '80\n'],
    [1, '0\n'],
  ])('such as %d, where %j is told, is refused for another reason', async (port, told) => {
    expect(await reasonFor(port, told)).toEqual(['the error EACCES', generalHint])
  })
})

test('IPv6 is missing if the system knows no such addresses', () => {
  const codes = ['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EADDRNOTAVAIL', 'EADDRINUSE']
  const found = (address: ListenAddress) => codes.map((code) => isMissingIpv6(address, fault(code)))
  expect(found(at('::', 80))).toEqual([true, true, true, false])
  expect(found(at('0.0.0.0', 80))).toEqual([false, false, false, false])
  expect(found({ path: '/run/a:b' })).toEqual([false, false, false, false])
  expect(isMissingIpv6(at('::', 80), new Error('EAFNOSUPPORT'))).toBeFalse()
})
