import { FFIType } from 'bun:ffi'
import { openLibc } from './libc'

/** F_OFD_SETLK, and F_OFD_GETLK, which tells who has the lock instead (linux/fcntl.h). */
const commands = { set: 37, get: 36 } as const
const lockTypes = { write: 1, unlocked: 2 } as const

/** Far beyond any content, and beyond the bytes that SQLite locks: nothing else ever locks this one. */
const lockedByte = 2n ** 62n

/** `struct flock` on 64-bit Linux, with glibc and with musl: type and whence, 4 bytes of padding, start, length, process. */
const flock = { bytes: 32, start: 8, length: 16 } as const

type Fcntl = (descriptor: number, command: number, request: Uint8Array) => number

/** Loaded once, when the first lock is taken: commands that take none don't wait for it. */
let fcntl: Fcntl | null | undefined

/**
 * Locks the open file itself: the lock is seen by every process that opens the file, by whatever name, link, mount or
 * container. It lasts until the descriptor is closed, and closing another descriptor of the same file does not drop it
 * (https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html).
 *
 * Returns false if another open file has the lock. Returns true without a lock where there are none: on other systems than
 * Linux, and on a file system that does not know them.
 */
export function lockOpenFile(descriptor: number): boolean {
  fcntl ??= loadFcntl()
  if (fcntl === null) return true
  const request = lockRequest()
  if (fcntl(descriptor, commands.set, request) === 0) return true
  // Instead of `errno`, which the runtime may have changed meanwhile.
  return findOpenFileLock(descriptor) !== true
}

/**
 * Returns whether another open file has the lock of `lockOpenFile`, without taking it. Null where that can't be asked: on other systems
 * than Linux, and on a file system that does not know locks.
 */
export function findOpenFileLock(descriptor: number): boolean | null {
  fcntl ??= loadFcntl()
  const request = lockRequest()
  if (fcntl === null || fcntl(descriptor, commands.get, request) !== 0) return null
  return new DataView(request.buffer).getInt16(0, true) !== lockTypes.unlocked
}

/**
 * Returns whether the file system knows locks. A server of NFS without its lock daemon refuses them all with ENOLCK, which
 * SQLite reports as a lock of another process. True where that can't be asked.
 */
export function hasFileLocks(descriptor: number): boolean {
  fcntl ??= loadFcntl()
  return fcntl === null || findOpenFileLock(descriptor) !== null
}

function lockRequest(): Uint8Array<ArrayBuffer> {
  const request = new DataView(new ArrayBuffer(flock.bytes))
  request.setInt16(0, lockTypes.write, true)
  request.setBigInt64(flock.start, lockedByte, true)
  request.setBigInt64(flock.length, 1n, true)
  return new Uint8Array(request.buffer)
}

/** Returns null on a system without these locks. */
function loadFcntl(): Fcntl | null {
  return (
    openLibc({ fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 } })
      ?.fcntl ?? null
  )
}
