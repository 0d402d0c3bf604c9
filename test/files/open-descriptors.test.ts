import { Database } from 'bun:sqlite'
import { expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setMode } from '../../src/files/data-folder'
import { sendDatagram } from '../../src/files/datagram'
import { lockFile } from '../../src/files/file-lock'
import { readServerFile, writeServerFile } from '../../src/files/server-file'
import { temporaryFolder } from '../support/executable'

const server = { pid: process.pid, version: '0.2.0', startTime: 0, urls: [] }

const busy = Object.assign(new Error('locked'), { name: 'SQLiteError', errno: 5 })

const countOpen = () => fs.readdirSync('/proc/self/fd').length

/** What opens a file, by what it does with it. `at` returns a path in an empty folder. */
const uses: Readonly<Record<string, (at: (name: string) => string) => void>> = {
  'sets a mode': (at) => {
    fs.writeFileSync(at('file'), '')
    setMode(at('file'), 0o600)
  },
  'writes and reads what a server says': (at) => {
    using _ = writeServerFile(at('server.json'), server)
    expect(readServerFile(at('server.json'))).toEqual(server)
  },
  'reads what no server says': (at) => {
    fs.writeFileSync(at('server.json'), 'x')
    expect(readServerFile(at('server.json'))).toBeNull()
    fs.mkdirSync(at('folder'), { recursive: true })
    expect(readServerFile(at('folder'))).toBeNull()
  },
  'can not write what a server says': (at) => {
    using _ = spyOn(fs, 'renameSync').mockImplementation(() => {
      throw new Error('EIO')
    })
    expect(() => writeServerFile(at('server.json'), server)).toThrow('EIO')
  },
  'sends a datagram to nobody': (at) => {
    expect(sendDatagram(at('socket'), 'x')).toBeFalse()
  },
  'takes a lock, and is refused it': (at) => {
    const lock = lockFile(at('lock'))
    expect(lockFile(at('lock'))).toBeNull()
    lock?.release()
  },
  'is refused a lock that others have': (at) => {
    fs.writeFileSync(at('held'), '')
    using _ = spyOn(Database.prototype, 'run').mockImplementation(() => {
      throw busy
    })
    expect(lockFile(at('held'))).toBeNull()
  },
  'is refused a lock on something else': (at) => {
    fs.writeFileSync(at('other'), 'something else '.repeat(100))
    expect(() => lockFile(at('other'))).toThrow('file is not a database')
  },
}

test.skipIf(process.platform !== 'linux').each(Object.entries(uses))(
  'no file stays open once a program %s',
  (_name, use) => {
    using folder = temporaryFolder()
    const at = (name: string) => join(folder.path, name)
    // Loads what stays.
    use(at)
    const before = countOpen()
    for (let round = 0; round < 5; round++) use(at)
    expect(countOpen()).toBeLessThan(before + 5)
  },
)
