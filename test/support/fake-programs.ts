import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'

/**
 * Puts programs first on PATH until the returned object is disposed. Each is a shell script, which records how it was called
 * before it runs the given lines.
 */
export function createFakePrograms(programs: Readonly<Record<string, string>>) {
  const folder = temporaryFolder()
  const bin = join(folder.path, 'bin')
  const log = join(folder.path, 'log')
  mkdirSync(bin)
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >>'${log}'\n${text}\n`, {
      mode: 0o755,
    })
  }
  const before = process.env['PATH']
  process.env['PATH'] = `${bin}:${before}`
  return {
    folder: folder.path,
    /** Path of one of the programs. */
    pathOf: (name: string) => join(bin, name),
    /** The calls so far, each with the name of the program and its arguments. */
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []),
    [Symbol.dispose]() {
      process.env['PATH'] = before
      folder[Symbol.dispose]()
    },
  }
}
