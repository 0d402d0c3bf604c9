import { spyOn } from 'bun:test'
import * as fs from 'node:fs'

/** Records which files are renamed, removed and synced, in their order. */
export function recordFileOperations() {
  const operations: string[] = []
  const paths = new Map<number, string>()
  const { openSync, renameSync, rmSync, fsyncSync } = fs
  const spies = [
    spyOn(fs, 'openSync').mockImplementation((path, ...rest) => {
      const descriptor = openSync(path, ...rest)
      paths.set(descriptor, String(path))
      return descriptor
    }),
    spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
      operations.push(`sync ${paths.get(descriptor)}`)
      fsyncSync(descriptor)
    }),
    spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      operations.push(`rename ${to}`)
      renameSync(from, to)
    }),
    spyOn(fs, 'rmSync').mockImplementation((path, options) => {
      if (fs.existsSync(path)) operations.push(`remove ${path}`)
      rmSync(path, options)
    }),
  ]
  return {
    operations,
    [Symbol.dispose]() {
      for (const spy of spies) spy.mockRestore()
    },
  }
}
