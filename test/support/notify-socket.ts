import { FFIType } from 'bun:ffi'
import { join } from 'node:path'
import { openLibc } from '../../src/files/libc'
import { temporaryFolder } from './executable'

/**
 * A socket that receives datagrams, as systemd's for sd_notify does, until the returned object is disposed. Bun has none of its
 * own. Linux only. `name` begins with @ for an abstract socket; without it, the socket is a file of the test's own.
 */
export function openNotifySocket(name?: string) {
  const { i32, u32, u64, i64, ptr } = FFIType
  const libc = openLibc({
    socket: { args: [i32, i32, i32], returns: i32 },
    bind: { args: [i32, ptr, u32], returns: i32 },
    recv: { args: [i32, ptr, u64, i32], returns: i64 },
    close: { args: [i32], returns: i32 },
  })
  if (libc === null) throw new Error('this system has no such sockets')
  const folder = temporaryFolder()
  const path = name ?? join(folder.path, 'notify')
  const descriptor = libc.socket(1, 2, 0)
  const address = Buffer.from(`\u0001\0${path.replace('@', '\0')}`)
  if (libc.bind(descriptor, address, address.length) !== 0) throw new Error(`can't bind ${path}`)
  const received: string[] = []
  return {
    path,
    /** The messages that have arrived so far. */
    received() {
      const dontWait = 0x40
      const buffer = new Uint8Array(8_192)
      for (;;) {
        const length = Number(libc.recv(descriptor, buffer, buffer.length, dontWait))
        if (length < 0) return received
        received.push(new TextDecoder().decode(buffer.subarray(0, length)))
      }
    },
    [Symbol.dispose]() {
      libc.close(descriptor)
      folder[Symbol.dispose]()
    },
  }
}
