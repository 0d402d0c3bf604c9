import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { adoptDatabase } from '../../../src/app/operations/adopt'
import { acceptBrokenAudit } from '../../../src/app/operations/audit'
import { copyDatabase } from '../../../src/app/operations/copy'
import { recreateDatabase } from '../../../src/app/operations/recreate'
import { restoreBackup } from '../../../src/app/operations/restore'
import { rotateKey } from '../../../src/app/operations/rotate-key'
import type { Targets } from '../../../src/app/targets'
import { parseDatabaseUrl } from '../../../src/config/database-url'
import { captureError } from '../../support/capture-error'
import { modeOf } from '../../support/data-folder'
import { writtenByFirstVersion } from '../../support/first-version'
import { createLegacySqlite } from '../../support/legacy-database'
import { queryRows } from '../../support/store'
import {
  createSqliteTestDatabase,
  noDecryption,
  startServerOn,
  targetsIn,
  targetsOf,
} from '../../support/test-database'

/** A database of the original server, for a data folder that does not exist yet. */
async function createOriginal() {
  const { url, folder, [Symbol.asyncDispose]: dispose } = await createLegacySqlite()
  const dataDir = join(folder, 'data')
  const targets = targetsIn(dataDir, { SNAILPASS_DATABASE_URL: url })
  return {
    ...{ url, dataDir, targets },
    emails: () => queryRows(url, 'select email from users order by email'),
    [Symbol.asyncDispose]: dispose,
  }
}

const ask = { keep: [], dryRun: false, isNamed: false, onProgress: null }

describe('adopting a database of the original server', () => {
  test('reports what a dry run would do, and does it without one', async () => {
    await using original = await createOriginal()
    const { targets, dataDir, emails } = original
    const before = await emails()
    const planned = await adoptDatabase(targets, { ...ask, dryRun: true })
    expect(planned).toMatchObject({ lowerCasedEmails: 0, backupPath: null })
    expect(await targets.database.inspect()).toBe('original')
    const seen: string[] = []
    const onProgress = (line: string) => void seen.push(line)
    const adopted = await adoptDatabase(targets, { ...ask, isNamed: true, onProgress })
    expect(adopted).toEqual({ ...Object(planned), backupPath: expect.stringContaining(dataDir) })
    expect([seen[0], seen.at(-1)]).toEqual(['migrating: 0 %', 'migrating: 99 %'])
    expect(modeOf(dataDir)).toBe('700')
    expect(await emails()).toEqual(before)
    expect(await adoptDatabase(targets, ask)).toBe('ours')
  })

  test('returns that there is nothing to do for a database of this server, which may run', async () => {
    await using database = await createSqliteTestDatabase()
    await using _ = await startServerOn(database)
    const targets = targetsOf(database)
    for (const isNamed of [true, false]) {
      expect(await adoptDatabase(targets, { ...ask, isNamed })).toBe('ours')
    }
  })

  test('is done by one of two commands that find it at the same time', async () => {
    await using original = await createOriginal()
    const { targets } = original
    const { database } = targets
    const inspect = async () => {
      const content = await database.inspect()
      await adoptDatabase(targets, ask)
      return content
    }
    const late = { ...targets, database: { ...database, inspect } }
    expect(await adoptDatabase(late, ask)).toBe('ours')
  })

  test('is not done with an empty file that the operator named; that of the settings has lost its content', async () => {
    await using database = await createSqliteTestDatabase()
    const targets = targetsOf(database)
    expect(await adoptDatabase(targets, { ...ask, isNamed: true })).toBe('nothing')
    expect(await adoptDatabase(targets, ask)).toBe('nothing')
    writeFileSync(database.url.slice('sqlite:'.length), '')
    expect(await adoptDatabase(targets, { ...ask, isNamed: true })).toBe('nothing')
    expect(await captureError(adoptDatabase(targets, ask))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is empty: its content is lost'),
    })
    expect(existsSync(database.dataDir)).toBeFalse()
  })
})

const consent = () => Promise.reject(new Error('was asked'))

describe('a database of the original server', () => {
  test.each([
    [
      'restored into',
      (targets: Targets) =>
        restoreBackup(targets, join(writtenByFirstVersion, 'backup.sqlite'), {
          ...{ decryption: noDecryption, onProgress: null },
          ...{ dryRun: false, withSecrets: false, consent },
        }),
    ],
    ['recreated', (targets: Targets) => recreateDatabase(targets, consent)],
    ['given another key', (targets: Targets) => rotateKey(targets)],
    ['accepted with its audit log', (targets: Targets) => acceptBrokenAudit(targets)],
  ])('is not %s, and stays as it is', async (_, work) => {
    await using original = await createOriginal()
    const { targets, emails } = original
    const before = await emails()
    expect(await captureError(work(targets))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is a database of the original SnailPass server'),
      hint: expect.stringContaining('snailpass adopt'),
    })
    expect(await targets.database.inspect()).toBe('original')
    expect(await emails()).toEqual(before)
  })

  test('is not copied into', async () => {
    await using source = await createSqliteTestDatabase()
    await using original = await createOriginal()
    await (await startServerOn(source)).stop()
    const between = { from: parseDatabaseUrl(source.url), to: parseDatabaseUrl(original.url) }
    expect(await captureError(copyDatabase(targetsOf(source), between, null))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is a database of the original SnailPass server'),
    })
    expect(readdirSync(join(original.dataDir, '..')).filter((name) => name === 'data')).toEqual([])
  })
})
