import { FFIType } from 'bun:ffi'
import { openLibc } from './libc'

/** Values of Linux, the same on x64 and arm64. */
const family = { unix: 1 } as const
const socketTypes = { datagram: 2, closeOnExec: 0o2_000_000 } as const
const flags = { dontWait: 0x40, noSignal: 0x4000 } as const

/**
 * Sends one datagram to a Unix socket, which Bun's own sockets can't. A path that begins with @ names an abstract socket.
 * Returns whether the system accepted it.
 */
export function sendDatagram(path: string, text: string): boolean {
  const address = addressOf(path)
  if (address === null) return false
  const libc = openLibc({
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  })
  if (libc === null) return false
  const { datagram, closeOnExec } = socketTypes
  const descriptor = libc.socket(family.unix, datagram | closeOnExec, 0)
  if (descriptor < 0) return false
  try {
    const bytes = new TextEncoder().encode(text)
    const flag = flags.dontWait | flags.noSignal
    const sent = libc.sendto(descriptor, bytes, bytes.length, flag, address, address.length)
    return Number(sent) === bytes.length
  } finally {
    libc.close(descriptor)
  }
}

/** Returns a `struct sockaddr_un` (unix(7)); null for what is no path. The system refuses one that is too long. */
function addressOf(path: string): Uint8Array | null {
  if (!/^[/@]/.test(path)) return null
  const name = new TextEncoder().encode(path)
  const address = new Uint8Array(2 + name.length)
  new DataView(address.buffer).setUint16(0, family.unix, true)
  address.set(name, 2)
  if (path.startsWith('@')) address[2] = 0
  return address
}
