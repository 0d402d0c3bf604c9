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
