import { FFIType } from 'bun:ffi'
import { openLibc } from './libc'
import { type ReadSystemFile, readSystemFile } from './system-files'

/** MADV_DONTNEED (madvise(2)). */
const dontNeed = 4

/** A part of the address space; both addresses are in bytes. */
interface Mapping {
  readonly start: bigint
  readonly end: bigint
}

/**
 * Gives the pages of the executable's code and constants back to the kernel: a start runs much code that is not needed later, and
 * the kernel maps sixteen pages for each one that is used. What is used again is mapped again from the page cache, in microseconds. Does
 * nothing on other systems than Linux.
 */
export function releaseExecutablePages(): void {
  const mappings = listReadOnlyMappings(process.execPath, readSystemFile)
  if (mappings.length === 0) return
  const { u64, i32 } = FFIType
  const libc = openLibc({ madvise: { args: [u64, u64, i32], returns: i32 } })
  for (const { start, end } of mappings) libc?.madvise(start, end - start, dontNeed)
}

/**
 * Returns the mappings of a program's code and constants. None of them is writable or has pages of its own, such as those that the
 * loader or a debugger has changed: they could not be read from the file again (proc_pid_smaps(5)).
 */
export function listReadOnlyMappings(path: string, read: ReadSystemFile): readonly Mapping[] {
  const entries = (read('/proc/self/smaps') ?? '').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  return entries.flatMap((entry) => {
    const [, start, end, file] =
      /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p [0-9a-f]+ \S+ \d+ +(.*)$/m.exec(entry) ?? []
    if (file !== path || !/^Anonymous: +0 kB$/m.test(entry)) return []
    return [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }]
  })
}
