import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { sendDatagram } from '../../src/files/datagram'
import { temporaryFolder } from '../support/executable'
import { openNotifySocket } from '../support/notify-socket'
import { onPlatform } from '../support/platform'

describe.skipIf(process.platform !== 'linux')('a datagram', () => {
  test.each([[undefined], [`@snailpass-test-datagram-${process.pid}`]])(
    'arrives as one message at the socket %p',
    (name) => {
      using socket = openNotifySocket(name)
      expect(['one', 'zwei\nдва'].map((text) => sendDatagram(socket.path, text))).toEqual([
        true,
        true,
      ])
      expect(socket.received()).toEqual(['one', 'zwei\nдва'])
    },
  )

  test('is not sent where nothing receives it', () => {
    using folder = temporaryFolder()
    const paths = [
      join(folder.path, 'nothing'),
      'vsock:2:1234',
      'relative',
      '',
      `/${'x'.repeat(108)}`,
    ]
    for (const path of paths) expect(sendDatagram(path, 'x'), path).toBeFalse()
  })
})

test('other systems than Linux have no such datagrams', () => {
  using _ = onPlatform('darwin')
  expect(sendDatagram('/run/systemd/notify', 'x')).toBeFalse()
})
