import { expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as openFileLock from '../../src/files/open-file-lock'
import { type RunningServer, readServerFile, writeServerFile } from '../../src/files/server-file'
import { modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'

const module = join(import.meta.dir, '../../src/files/server-file.ts')

const server: RunningServer = {
  pid: process.pid,
  version: '0.2.0',
  startTime: Date.parse('2026-11-26T10:00:00Z'),
  urls: [new URL('http://0.0.0.0:5000/'), new URL('unix:///run/snailpass/a b.sock')],
}

/** Starts another process that writes the file and lives until it is killed. */
async function writeInAnotherProcess(path: string) {
  const script = `
    import { writeServerFile } from ${JSON.stringify(module)}
    globalThis.file = writeServerFile(${JSON.stringify(path)}, {
      pid: process.pid, version: '0.2.0', startTime: 0, urls: [new URL('http://[::1]:1/')],
    })
    process.stdout.write('written')
    setInterval(() => {}, 1000)
  `
  const other = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
  await other.stdout.getReader().read()
  return other
}

test('the file of a server is private, says what the server wrote, and goes with it', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  {
    using _ = writeServerFile(path, server)
    expect(readServerFile(path)).toEqual(server)
    expect(modeOf(path)).toBe('600')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      pid: process.pid,
      version: '0.2.0',
      started: '2026-11-26T10:00:00.000Z',
      urls: ['http://0.0.0.0:5000/', 'unix:///run/snailpass/a%20b.sock'],
    })
  }
  expect(readdirSync(folder.path)).toEqual([])
})

test('the file of a server that was killed is not believed, and the next one replaces it', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  const other = await writeInAnotherProcess(path)
  expect(readServerFile(path)?.pid).toBe(other.pid)
  other.kill('SIGKILL')
  await other.exited
  expect(existsSync(path)).toBe(true)
  expect(readServerFile(path)).toBeNull()
  using _ = writeServerFile(path, server)
  expect(readServerFile(path)).toEqual(server)
})

test('a server that stops leaves the file of another one', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  const first = writeServerFile(path, server)
  const other = await writeInAnotherProcess(path)
  first[Symbol.dispose]()
  expect(readServerFile(path)?.pid).toBe(other.pid)
  other.kill('SIGKILL')
  await other.exited
})

test('where no file can be locked, a process with its number has to do', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  const script = `
    Object.defineProperty(process, 'platform', { value: 'darwin' })
    const { readServerFile } = await import(${JSON.stringify(module)})
    process.stdout.write(String(readServerFile(${JSON.stringify(path)})?.pid))
  `
  const pidRead = () => Bun.spawnSync([process.execPath, '-e', script]).stdout.toString()
  const other = await writeInAnotherProcess(path)
  expect(pidRead()).toBe(String(other.pid))
  other.kill('SIGKILL')
  await other.exited
  expect(pidRead()).toBe('undefined')
})

test.each([
  ['nothing', ''],
  ['half of it', '{"pid": 1, "version": "0.2.'],
  [
    'another form',
    '{"pid": "1", "version": "0.2.0", "started": "2026-11-26T10:00:00Z", "urls": []}',
  ],
  ['no time', '{"pid": 1, "version": "0.2.0", "started": "soon", "urls": []}'],
  [
    'no address',
    '{"pid": 1, "version": "0.2.0", "started": "2026-11-26T10:00:00Z", "urls": ["x"]}',
  ],
])('a file that contains %s says nothing', (_, text) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  writeFileSync(path, text)
  expect(readServerFile(path)).toBeNull()
})

test.each(['pid', 'version', 'started', 'urls'] as const)(
  'a file says nothing without a valid %s',
  (name) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'server.json')
    using _ = writeServerFile(path, server)
    const content: Record<string, unknown> = JSON.parse(readFileSync(path, 'utf8'))
    // In place, so that the lock stays.
    const fill = (value: unknown) =>
      writeFileSync(path, JSON.stringify({ ...content, [name]: value }))
    fill(content[name])
    expect(readServerFile(path)).toEqual(server)
    for (const wrong of [null, undefined, true, {}, name === 'pid' ? '7' : 7]) {
      fill(wrong)
      expect(readServerFile(path), String(wrong)).toBeNull()
    }
  },
)

test('a file that can not be put in its place leaves nothing, and what was there', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  writeFileSync(path, 'before')
  using _ = spyOn(fs, 'renameSync').mockImplementation(() => {
    throw new Error('EIO')
  })
  expect(() => writeServerFile(path, server)).toThrow('EIO')
  expect(readdirSync(folder.path)).toEqual(['server.json'])
  expect(readFileSync(path, 'utf8')).toBe('before')
})

test('a draft that a killed server has left does not keep the next one from writing', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  writeFileSync(`${path}.${process.pid}.new`, 'half')
  using _ = writeServerFile(path, server)
  expect(readServerFile(path)).toEqual(server)
  expect(readdirSync(folder.path)).toEqual(['server.json'])
})

test('a server whose file was removed stops without an error', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  const file = writeServerFile(path, server)
  rmSync(path)
  file[Symbol.dispose]()
  expect(readdirSync(folder.path)).toEqual([])
})

test.skipIf(process.getuid?.() !== 0)('what root writes belongs to the owner of the folder', () => {
  using folder = temporaryFolder()
  chownSync(folder.path, 65_534, 65_534)
  const path = join(folder.path, 'server.json')
  using _ = writeServerFile(path, server)
  const { uid, gid } = statSync(path)
  expect([uid, gid]).toEqual([65_534, 65_534])
})

test('a process that has to do is only asked whether it runs', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'server.json')
  writeFileSync(path, JSON.stringify({ ...server, started: '2026-11-26T10:00:00Z' }))
  const sent: unknown[] = []
  using _lock = spyOn(openFileLock, 'findOpenFileLock').mockReturnValue(null)
  const answers = [null, 'EPERM', 'ESRCH']
  using _kill = spyOn(process, 'kill').mockImplementation((...args) => {
    const code = answers[sent.push(args) - 1] ?? null
    if (code !== null) throw Object.assign(new Error(code), { code })
    return true
  })
  const isRead = () => readServerFile(path) !== null
  expect([isRead(), isRead(), isRead()]).toEqual([true, true, false])
  expect(sent).toEqual(Array(3).fill([process.pid, 0]))
})

test('what is no file says nothing, and nobody waits for it', () => {
  using folder = temporaryFolder()
  const [path, pipe] = [join(folder.path, 'server.json'), join(folder.path, 'pipe')]
  expect(readServerFile(path)).toBeNull()
  mkdirSync(path)
  expect(readServerFile(path)).toBeNull()
  Bun.spawnSync(['mkfifo', pipe])
  expect(readServerFile(pipe)).toBeNull()
})
