import { FFIType } from 'bun:ffi'
import { constants } from 'node:os'
import { openLibc } from './libc'

/** PR_SET_PDEATHSIG (linux/prctl.h). */
const setParentDeathSignal = 1

/**
 * Has Linux kill this process when its parent ends, in whatever way: what it does is for the parent only. On other systems it
 * goes on to its end.
 */
export function endWithParent(): void {
  const libc = openLibc({ prctl: { args: [FFIType.i32, FFIType.u64], returns: FFIType.i32 } })
  libc?.prctl(setParentDeathSignal, constants.signals.SIGKILL)
}
