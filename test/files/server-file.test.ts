import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

test('what is no file says nothing, and nobody waits for it', () => {
  using folder = temporaryFolder()
  const [path, pipe] = [join(folder.path, 'server.json'), join(folder.path, 'pipe')]
  expect(readServerFile(path)).toBeNull()
  mkdirSync(path)
  expect(readServerFile(path)).toBeNull()
  Bun.spawnSync(['mkfifo', pipe])
  expect(readServerFile(pipe)).toBeNull()
})
