import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { findServiceManager } from '../../src/app/service-manager'
import { temporaryFolder } from '../support/executable'
import { openNotifySocket } from '../support/notify-socket'

afterEach(() => {
  delete process.env['NOTIFY_SOCKET']
})

describe.skipIf(process.platform !== 'linux')('a service manager', () => {
  test.each([[undefined], [`@snailpass-test-${process.pid}`]])(
    'is told each thing in one message, at %p',
    (name) => {
      using socket = openNotifySocket(name)
      process.env['NOTIFY_SOCKET'] = socket.path
      const failures: string[] = []
      const manager = findServiceManager((message) => failures.push(message))
      // No child process speaks for the server.
      expect(process.env['NOTIFY_SOCKET']).toBeUndefined()
      manager?.ready()
      manager?.status(`error: ключ\nREADY=1\nhint: ${'x'.repeat(2_000)}`)
      manager?.stopping()
      const [ready, status = '', stopping] = socket.received()
      expect([ready, stopping]).toEqual(['READY=1', 'STOPPING=1'])
      expect(status).toMatch(/^STATUS=error: ключ READY=1 hint: x+$/)
      expect(status.length).toBeLessThan(1_100)
      expect(failures).toEqual([])
    },
  )

  test('is told nothing that could control a terminal, which another server may have answered', () => {
    using socket = openNotifySocket(undefined)
    process.env['NOTIFY_SOCKET'] = socket.path
    const manager = findServiceManager(() => {})
    manager?.status('error: \u001b[2J\u009b1m\u202e\0\u2028x')
    manager?.status(`${'x'.repeat(999)}🐌`)
    expect(socket.received()).toEqual([
      'STATUS=error: \\u{1b}[2J\\u{9b}1m\\u{202e}\\u{0} x',
      `STATUS=${'x'.repeat(999)}\ufffd`,
    ])
  })

  test('that does not listen any more is no fault of the server', () => {
    using folder = temporaryFolder()
    process.env['NOTIFY_SOCKET'] = join(folder.path, 'nothing')
    const failures: string[] = []
    findServiceManager((message) => failures.push(message))?.ready()
    expect(failures).toEqual(['READY=1'])
  })
})

test('without NOTIFY_SOCKET there is no service manager', () => {
  expect(findServiceManager(() => {})).toBeNull()
  process.env['NOTIFY_SOCKET'] = ''
  expect(findServiceManager(() => {})).toBeNull()
})
