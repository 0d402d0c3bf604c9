import { dlopen, type FFIFunction } from 'bun:ffi'

/** Returns functions of the C library, glibc or musl; null on other systems than Linux. */
export function openLibc<Functions extends Record<string, FFIFunction>>(functions: Functions) {
  if (process.platform !== 'linux') return null
  for (const library of ['libc.so.6', `libc.musl-${muslName()}.so.1`]) {
    try {
      return dlopen(library, functions).symbols
    } catch {
      // The other C library.
    }
  }
  return null
}

function muslName(): string {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64'
}
