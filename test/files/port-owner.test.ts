import { expect, test } from 'bun:test'
import { findPortOwner } from '../../src/files/port-owner'
import { readSystemFile } from '../../src/files/system-files'
import { onPlatform } from '../support/platform'

const name = readSystemFile('/proc/self/comm')?.trim() ?? ''

test.skipIf(process.platform !== 'linux')('the process behind a port is found', () => {
  const socket = { data() {} }
  using first = Bun.listen({ hostname: '127.0.0.1', port: 0, socket })
  const { port } = first
  const owner = { pid: process.pid, name }
  for (const host of ['127.0.0.1', '0.0.0.0', '::', 'localhost']) {
    expect(findPortOwner(host, port), host).toEqual(owner)
  }
  // Another address can have another program.
  expect(findPortOwner('127.0.0.2', port)).toBeNull()
  using second = Bun.listen({ hostname: '::', port: 0, socket })
  for (const host of ['127.0.0.1', '::1', '::']) {
    expect(findPortOwner(host, second.port), host).toEqual(owner)
  }
  first.stop(true)
  expect(findPortOwner('127.0.0.1', port)).toBeNull()
})

test.skipIf(process.platform !== 'linux')(
  'of several processes at one port, the one that has the address is found',
  async () => {
    using own = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const { port } = own
    const listen = `Bun.listen({ hostname: '::1', port: ${port}, socket: { data() {} } }); console.log('up')`
    await using other = Bun.spawn([process.execPath, '-e', listen], { stdout: 'pipe' })
    await other.stdout.getReader().read()
    for (const [host, pid] of [
      ['127.0.0.1', process.pid],
      ['0.0.0.0', process.pid],
      ['::1', other.pid],
      ['0:0::1', other.pid],
      ['::', other.pid],
      ['localhost', other.pid],
    ] as const) {
      expect(findPortOwner(host, port)?.pid, host).toBe(pid)
    }
    expect(findPortOwner('127.0.0.2', port)).toBeNull()
    expect(findPortOwner('::2', port)).toBeNull()
  },
)

test.skipIf(process.platform !== 'linux')(
  'addresses of IPv6 are read as the kernel has them',
  () => {
    using listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const find = (hostname: string, kernel: string) =>
      findPortOwner(hostname, listener.port, (path) => {
        if (path.endsWith('/tcp')) return ''
        if (!path.endsWith('/tcp6')) return readSystemFile(path)
        return readSystemFile('/proc/net/tcp')?.replaceAll(' 0100007F:', ` ${kernel}:`) ?? null
      })?.pid ?? null
    const global = 'B80D0120000000000000000001000000'
    expect(find('2001:db8::1', global)).toBe(process.pid)
    expect(find('2001:db8::2', global)).toBeNull()
    expect(find('127.0.0.1', global)).toBeNull()
    expect(find('0.0.0.0', global)).toBeNull()
    const mapped = '0000000000000000FFFF00000100007F'
    expect(find('127.0.0.1', mapped)).toBe(process.pid)
    expect(find('::1', mapped)).toBeNull()
    const all = '0'.repeat(32)
    for (const host of ['127.0.0.1', '0.0.0.0', '2001:db8::1', '::'])
      expect(find(host, all), host).toBe(process.pid)
  },
)

test.skipIf(process.platform !== 'linux')('a name of a program is one line', () => {
  using listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const find = (comm: string | null) =>
    findPortOwner('127.0.0.1', listener.port, (path) =>
      path.endsWith('/comm') ? comm : readSystemFile(path),
    )?.name
  expect(find('\x1b[31mred\nerror: x\n')).toBe('[31mred error: x')
  for (const unknown of [null, '', '\n']) expect(find(unknown)).toBe('another program')
})

test('elsewhere, nothing is found', () => {
  using _ = onPlatform('darwin')
  using listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  expect(findPortOwner('127.0.0.1', listener.port)).toBeNull()
})
