import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { collectMetadata } from '../../../src/app/operations/backup-metadata'
import { recreateDatabase } from '../../../src/app/operations/recreate'
import { rotateKey } from '../../../src/app/operations/rotate-key'
import { secretNames } from '../../../src/backup/format'
import { writeNewSecretKey } from '../../../src/files/secret-key'
import { findKeyFingerprint } from '../../../src/store/key-fingerprint'
import { captureError } from '../../support/capture-error'
import { signUpAndLogIn } from '../../support/client'
import { startPostgresFirst } from '../../support/postgres'
import type { TestServer } from '../../support/server'
import {
  enginesWithTables,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'
import { random } from '../../support/timing'

startPostgresFirst('newest')

function refuseRenames() {
  return spyOn(fs, 'renameSync').mockImplementation(() => {
    throw Object.assign(new Error('EROFS: read-only file system, rename'), { syscall: 'rename' })
  })
}

/** Rotates the key like a command that is killed right after its commit. Returns the new key as its file has it. */
async function rotateUntilCommit(database: TestDatabase): Promise<string> {
  const { folder } = targetsOf(database)
  using _ = refuseRenames()
  expect(await captureError(rotateKey(targetsOf(database)))).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^the database is changed, but its new keys are not in place/),
  })
  return readFileSync(folder.newSecretKey, 'utf8')
}

const messagesOf = ({ log }: TestServer) =>
  log
    .map((line) => JSON.parse(line))
    .filter(({ message }) => /interrupted|secret key/.test(message))
    .map(({ level, message }) => [level, message])

describe.each(enginesWithTables)(
  'after a change of the key that was killed, on $engine',
  ({ open }) => {
    test('the first server puts a committed key in place, and others of the folder find it', async () => {
      await using database = await open()
      const { folder } = targetsOf(database)
      await (await startServerOn(database)).stop()
      const key = await rotateUntilCommit(database)
      const starts = database.engine === 'Postgres' ? 2 : 1
      const servers = await Promise.all(
        Array.from({ length: starts }, () => startServerOn(database)),
      )
      const tokens = await Promise.all(
        servers.map(async ({ url }, index) => (await signUpAndLogIn(url, `user${index}`)).token),
      )
      for (const { url } of servers) {
        for (const token of tokens) {
          const headers = { 'x-access-token': token }
          expect((await fetch(new URL('/users', url), { headers })).status).toBe(200)
        }
      }
      const finished = 'a change of the secret key or of certificates was interrupted: finished it'
      expect(servers.flatMap(messagesOf)).toContainEqual(['info', finished])
      await Promise.all(servers.map((server) => server.stop()))
      expect(readFileSync(folder.secretKey, 'utf8')).toBe(key)
      expect(fs.existsSync(folder.newSecretKey)).toBeFalse()
    }, 300_000)

    test('a server removes a key that was never committed, and everyone stays signed in', async () => {
      await using database = await open()
      const { folder } = targetsOf(database)
      const first = await startServerOn(database)
      const { token } = await signUpAndLogIn(first.url, 'owner')
      await first.stop()
      writeNewSecretKey(folder, random(32))
      await using server = await startServerOn(database)
      const headers = { 'x-access-token': token }
      expect((await fetch(new URL('/users', server.url), { headers })).status).toBe(200)
      const message =
        'a change of the secret key or of certificates was interrupted: nothing is changed'
      expect(messagesOf(server)).toEqual([['info', message]])
      expect(fs.existsSync(folder.newSecretKey)).toBeFalse()
    }, 300_000)
  },
)

const [sqlite = { open: () => Promise.reject(new Error('no SQLite')) }] = enginesWithTables

test('a server that can not put the new key in place uses it, and warns', async () => {
  await using database = await sqlite.open()
  const { folder } = targetsOf(database)
  await (await startServerOn(database)).stop()
  const key = await rotateUntilCommit(database)
  {
    using _ = refuseRenames()
    await using server = await startServerOn(database)
    await signUpAndLogIn(server.url, 'owner')
    expect(messagesOf(server)).toEqual([
      ['warn', expect.stringMatching(/^can't end an interrupted change .* EROFS: read-only/)],
    ])
  }
  expect(readFileSync(folder.newSecretKey, 'utf8')).toBe(key)
})

test('a backup with secrets has the key of the database', async () => {
  await using database = await sqlite.open()
  await (await startServerOn(database)).stop()
  const key = await rotateUntilCommit(database)
  const targets = targetsOf(database)
  const { secrets } = await collectMetadata(targets, {
    time: 0,
    withSecrets: true,
    readFingerprint: () => targets.database.withSnapshot(findKeyFingerprint),
  })
  expect(secrets?.find(({ name }) => name === secretNames.key)?.value).toBe(key.trim())
})

test('a database that is created again keeps the key that was committed', async () => {
  await using database = await sqlite.open()
  const { folder } = targetsOf(database)
  await (await startServerOn(database)).stop()
  const key = await rotateUntilCommit(database)
  await recreateDatabase(targetsOf(database), () => Promise.resolve())
  expect(readFileSync(folder.secretKey, 'utf8')).toBe(key)
})

test('another rotation verifies the audit log under the key that was committed', async () => {
  await using database = await sqlite.open()
  const { folder } = targetsOf(database)
  await (await startServerOn(database)).stop()
  const key = await rotateUntilCommit(database)
  const { auditFindings } = await rotateKey(targetsOf(database))
  expect(auditFindings).toBe('2 rows before, verified')
  expect(readFileSync(folder.secretKey, 'utf8')).not.toBe(key)
  expect(fs.existsSync(folder.newSecretKey)).toBeFalse()
})

test('a start is refused if neither key fits, and both stay', async () => {
  await using database = await sqlite.open()
  const { folder } = targetsOf(database)
  await (await startServerOn(database)).stop()
  renameSync(folder.secretKey, `${folder.secretKey}.away`)
  writeFileSync(folder.secretKey, `${'A'.repeat(43)}\n`)
  writeNewSecretKey(folder, random(32))
  expect(await captureError(startServerOn(database))).toMatchObject({
    code: 'unavailable',
    message: `${folder.secretKey} is not the secret key of this database`,
  })
  expect(fs.existsSync(folder.newSecretKey)).toBeTrue()
})
