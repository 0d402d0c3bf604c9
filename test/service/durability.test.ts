import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { Glob } from 'bun'
import { install } from '../../src/service/install'
import { findJournal, removeStagingDir } from '../../src/service/journal'
import { createFakeInstallation } from '../support/fake-installation'
import { recordFileOperations } from '../support/file-operations'

test('whatever an installer renames is on disk before the next step: the journal, the executables, the settings', async () => {
  using fake = createFakeInstallation()
  using recording = recordFileOperations('/')
  await install(fake.request(1))
  fake.write('migration 1')
  await install(fake.request(2))
  const operations = recording.take()
  const renamed = operations.flatMap((operation, index) => {
    const [, from = '', path = ''] = /^rename (.*) to (.*)$/.exec(operation) ?? []
    return path === '' ? [] : [{ from, path, index }]
  })
  const names = new Set(renamed.map(({ path }) => basename(path)))
  expect(names).toEqual(
    new Set(['snailpass.env', 'snailpass.new', 'snailpass', 'snailpass.old', 'upgrade.json']),
  )
  // As the recording has it, whatever folder is for temporary files.
  const newExecutable = relative('/', fake.staging.newExecutable)
  const linked = (to: string) =>
    `link ${newExecutable.replaceAll(String(process.pid), 'PID')} to ${to}`
  for (const { from, path, index } of renamed) {
    // Another name of what is on disk already is on disk with its folder.
    const before = operations[index - 1]
    if (before !== linked(from)) expect(before, path).toBe(`sync ${from}`)
    expect(operations[index + 1], path).toBe(`sync ${dirname(path)}`)
  }
})

test('every folder that an installer creates is on disk before anything is written to it', async () => {
  using fake = createFakeInstallation()
  using recording = recordFileOperations('/')
  await install(fake.request(1))
  const operations = recording.take()
  const folders = operations.flatMap((operation) => {
    const path = /^create (.*)$/.exec(operation)?.[1]
    return path === undefined ? [] : [path]
  })
  expect(folders.map((path) => basename(path))).toContain(basename(fake.layout.dataDir))
  for (const path of folders) {
    const index = operations.indexOf(`create ${path}`)
    expect(operations[index + 1], path).toBe(`sync ${dirname(path)}`)
  }
})

test('a journal that is removed does not come back after a power cut', async () => {
  using fake = createFakeInstallation()
  await install(fake.request(1))
  fake.leaveInterrupted({ phase: 'reverting' })
  using recording = recordFileOperations(fake.layout.stagingDir)
  removeStagingDir(fake.layout)
  expect(recording.take()).toEqual([
    `remove ${basename(fake.staging.journal)}`,
    'sync .',
    'remove .',
  ])
  expect(findJournal(fake.layout)).toBeNull()
})

test('the server of this machine is never asked with fetch, which would ask a proxy', async () => {
  const root = join(import.meta.dir, '..', '..')
  const users: string[] = []
  for await (const path of new Glob('{src,cli}/**/*.ts').scan({ cwd: root })) {
    if (/(?<![.\w])fetch\(/.test(readFileSync(join(root, path), 'utf8'))) users.push(path)
  }
  // These ask a certificate authority or a place of releases elsewhere, for which a proxy is right; the others run in a browser.
  const here = users.filter((path) => !path.startsWith('src/web/vault/'))
  expect(new Set(here)).toEqual(new Set(['src/tls/acme/transport.ts', 'src/update/source.ts']))
})
