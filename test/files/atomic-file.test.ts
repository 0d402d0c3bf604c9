import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createAtomic, writeAtomic } from '../../src/files/atomic-file'
import { modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'

const isRoot = process.getuid?.() === 0
const nobody = 65_534

const text = (path: string) => readFileSync(path, 'utf8')

describe('an atomic write', () => {
  test('creates a private file by default, and replaces one of any mode', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'file')
    writeAtomic(path, 'one')
    expect({ text: text(path), mode: modeOf(path) }).toEqual({ text: 'one', mode: '600' })
    chmodSync(path, 0o644)
    writeAtomic(path, 'two')
    expect({ text: text(path), mode: modeOf(path) }).toEqual({ text: 'two', mode: '600' })
    expect(readdirSync(folder.path)).toEqual(['file'])
  })

  test.each([0o600, 0o640, 0o644, 0o755])('gives the file mode %o whatever the umask', (mode) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'file')
    const umask = process.umask(0o077)
    try {
      writeAtomic(path, new Uint8Array([0, 255]), { mode })
    } finally {
      process.umask(umask)
    }
    expect(modeOf(path)).toBe(mode.toString(8))
    expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array([0, 255]))
  })

  test('that fails leaves the old file, and no draft', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'taken')
    mkdirSync(path)
    writeFileSync(join(path, 'file'), 'old')
    expect(() => writeAtomic(path, 'new')).toThrow('EISDIR')
    expect(readdirSync(folder.path)).toEqual(['taken'])
    expect(text(join(path, 'file'))).toBe('old')
  })

  test('does not write through a link that lies in place of its draft', () => {
    using folder = temporaryFolder()
    const [path, target] = [join(folder.path, 'file'), join(folder.path, 'target')]
    writeFileSync(target, 'untouched')
    symlinkSync(target, `${path}.${process.pid}.new`)
    writeAtomic(path, 'new')
    expect(text(target)).toBe('untouched')
    expect(text(path)).toBe('new')
  })

  test.skipIf(!isRoot)('by root belongs to the owner of the folder', () => {
    using folder = temporaryFolder()
    chownSync(folder.path, nobody, nobody)
    const path = join(folder.path, 'file')
    writeAtomic(path, 'new')
    expect(statSync(path)).toMatchObject({ uid: nobody, gid: nobody })
  })
})

describe('an atomic creation', () => {
  test('creates a private file', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'file')
    expect(createAtomic(path, 'new')).toBeTrue()
    expect({ text: text(path), mode: modeOf(path) }).toEqual({ text: 'new', mode: '600' })
    expect(readdirSync(folder.path)).toEqual(['file'])
  })

  test('keeps a file that exists', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'file')
    writeFileSync(path, 'old')
    expect(createAtomic(path, 'new')).toBeFalse()
    expect(text(path)).toBe('old')
    expect(readdirSync(folder.path)).toEqual(['file'])
  })
})

describe('what the system calls of a write show', () => {
  test('the draft is on the disk before it gets its name, and the folder afterwards', () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'file')
    const calls = traceSystemCalls(folder.path, `writeAtomic(${JSON.stringify(file)}, 'x')`)
    expect(calls).toEqual([
      'open draft',
      'sync draft',
      'rename draft',
      'open folder',
      'sync folder',
    ])
  })

  test('the same holds for a file that must not exist yet', () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'file')
    const calls = traceSystemCalls(folder.path, `createAtomic(${JSON.stringify(file)}, 'x')`)
    expect(calls).toEqual(['open draft', 'sync draft', 'link draft', 'open folder', 'sync folder'])
  })
})

/** Runs code on the module in another process under strace. Returns its calls that concern the folder, in their order. */
function traceSystemCalls(folder: string, code: string): readonly string[] {
  const traced = join(folder, '..', `${crypto.randomUUID()}.trace`)
  const module = join(import.meta.dir, '../../src/files/atomic-file.ts')
  const script = `import { createAtomic, writeAtomic } from ${JSON.stringify(module)}; ${code}`
  const trace = ['strace', '-f', '-qq', '-o', traced, '-e', 'trace=openat,fsync,rename,link']
  const { success, stderr } = Bun.spawnSync([...trace, process.execPath, '-e', script])
  try {
    if (!success) throw new Error(String(stderr))
    return describeCalls(readFileSync(traced, 'utf8'), folder)
  } finally {
    rmSync(traced, { force: true })
  }
}

function describeCalls(trace: string, folder: string): readonly string[] {
  const openPaths = new Map<string, string>()
  const describe = (path: string | undefined) => (path === folder ? 'folder' : 'draft')
  return trace.split('\n').flatMap((line) => {
    const opened = /openat\(\w+, "(?<path>[^"]+)".* = (?<descriptor>\d+)$/.exec(line)?.groups
    if (opened?.['path']?.startsWith(folder)) {
      openPaths.set(opened['descriptor'] ?? '', opened['path'])
      return [`open ${describe(opened['path'])}`]
    }
    const descriptor = /fsync\((?<descriptor>\d+)\) += 0$/.exec(line)?.groups?.['descriptor']
    if (descriptor !== undefined) return [`sync ${describe(openPaths.get(descriptor))}`]
    const named = /(?<call>rename|link)\("(?<path>[^"]+)"/.exec(line)?.groups
    return named?.['path']?.startsWith(folder) ? [`${named['call']} draft`] : []
  })
}
