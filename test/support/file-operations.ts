import { spyOn } from 'bun:test'
import * as fs from 'node:fs'
import { relative } from 'node:path'

/**
 * What a program did with the files of a folder, in its order: `sync file`, `create folder`, `rename draft to file`,
 * `link …`, `remove …`.
 */
export interface RecordedOperations extends Disposable {
  /** Returns the operations since the last call, with paths relative to the folder; `.` is the folder itself. */
  take(): readonly string[]
}

/** Records what becomes of the files of a folder, and passes every call on to the system. */
export function recordFileOperations(folder: string): RecordedOperations {
  let operations: string[] = []
  const openPaths = new Map<number, string>()
  const { openSync, fsyncSync, mkdirSync, renameSync, linkSync, rmSync, copyFileSync } = fs
  const nameOf = (path: unknown) => relative(folder, String(path)) || '.'
  const record = (path: unknown, operation: string) => {
    if (!nameOf(path).startsWith('..'))
      operations.push(operation.replaceAll(String(process.pid), 'PID'))
  }
  const spies = [
    spyOn(fs, 'openSync').mockImplementation((path, ...rest) => {
      const descriptor = openSync(path, ...rest)
      openPaths.set(descriptor, String(path))
      return descriptor
    }),
    spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
      fsyncSync(descriptor)
      const path = openPaths.get(descriptor)
      record(path, `sync ${nameOf(path)}`)
    }),
    spyOn(fs, 'mkdirSync').mockImplementation((path, options) => {
      const existed = fs.existsSync(path)
      mkdirSync(path, options)
      if (!existed) record(path, `create ${nameOf(path)}`)
      return undefined
    }),
    spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      renameSync(from, to)
      record(to, `rename ${nameOf(from)} to ${nameOf(to)}`)
    }),
    spyOn(fs, 'linkSync').mockImplementation((from, to) => {
      linkSync(from, to)
      record(to, `link ${nameOf(from)} to ${nameOf(to)}`)
    }),
    spyOn(fs, 'copyFileSync').mockImplementation((from, to, mode) => {
      copyFileSync(from, to, mode)
      record(to, `copy ${nameOf(from)} to ${nameOf(to)}`)
    }),
    spyOn(fs, 'rmSync').mockImplementation((path, options) => {
      const existed = fs.existsSync(path)
      rmSync(path, options)
      if (existed) record(path, `remove ${nameOf(path)}`)
    }),
  ]
  return {
    take() {
      const taken = operations
      operations = []
      return taken
    },
    [Symbol.dispose]() {
      for (const spy of spies) spy.mockRestore()
    },
  }
}

/** Makes the system refuse the `from`-th sync and all later ones, as on a full disk. */
export function refuseSyncs(from: number): Disposable {
  const { fsyncSync } = fs
  let syncs = 0
  return spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
    if (++syncs < from) return fsyncSync(descriptor)
    throw Object.assign(new Error('ENOSPC: no space left on device, fsync'), { syscall: 'fsync' })
  })
}
