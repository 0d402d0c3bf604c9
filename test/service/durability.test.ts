import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Glob } from 'bun'
import { install } from '../../src/service/install'
import { findJournal, removeStagingDir } from '../../src/service/journal'
import { createFakeInstallation } from '../support/fake-installation'
import { recordFileOperations } from '../support/file-operations'

test('whatever an installer renames is on disk before the next step: the journal, the executables, the settings', async () => {
  using fake = createFakeInstallation()
  using recording = recordFileOperations()
  const { operations } = recording
  await install(fake.request(1))
  fake.write('migration 1')
  await install(fake.request(2))
  const renamed = operations.flatMap((operation, index) =>
    operation.startsWith('rename ') ? [{ path: operation.slice(7), index }] : [],
  )
  const names = new Set(renamed.map(({ path }) => basename(path)))
  expect(names).toEqual(
    new Set(['snailpass.env', 'snailpass.new', 'snailpass', 'snailpass.old', 'upgrade.json']),
  )
  for (const { path, index } of renamed) {
    expect(operations[index - 1], path).toStartWith(`sync ${dirname(path)}/`)
    expect(operations[index + 1], path).toBe(`sync ${dirname(path)}`)
  }
})

test('a journal that is removed does not come back after a power cut', async () => {
  using fake = createFakeInstallation()
  await install(fake.request(1))
  fake.leaveInterrupted({ phase: 'reverting' })
  using recording = recordFileOperations()
  removeStagingDir(fake.layout)
  const { stagingDir } = fake.layout
  expect(recording.operations).toEqual([
    `remove ${fake.staging.journal}`,
    `sync ${stagingDir}`,
    `remove ${stagingDir}`,
  ])
  expect(findJournal(fake.layout)).toBeNull()
})

test('the server of this machine is never asked with fetch, which would ask a proxy', async () => {
  const root = join(import.meta.dir, '..', '..')
  const users: string[] = []
  for await (const path of new Glob('{src,cli}/**/*.ts').scan({ cwd: root })) {
    if (/(?<![.\w])fetch\(/.test(readFileSync(join(root, path), 'utf8'))) users.push(path)
  }
  // This one asks a certificate authority elsewhere, for which a proxy is right.
  expect(users).toEqual(['src/tls/acme/transport.ts'])
})
