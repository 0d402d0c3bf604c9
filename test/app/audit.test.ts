import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeSafetyArchive } from '../../src/app/archives'
import { acceptTrailOf, proveTrailOf, pruneTrailOf, readTrail } from '../../src/app/audit'
import { rotateKey } from '../../src/app/key-rotation'
import { copy, recreate } from '../../src/app/operations'
import { restore } from '../../src/app/restore'
import { deleteUser, withUsers } from '../../src/app/users'
import { realWorld } from '../../src/app/world'
import { parseDatabaseUrl } from '../../src/config/database-url'
import { createTrailSeal } from '../../src/crypto/trail-seal'
import { type AuditRow, byServer } from '../../src/domain/audit'
import { dataFolder } from '../../src/store/data-folder'
import { findSecretKey } from '../../src/store/secret-key-file'
import {
  aBackup,
  aKeyPair,
  aPostgresPlace,
  aSqlitePlace,
  engines,
  locked,
  type Place,
  serving,
  settingsOf,
} from '../support/archives'
import { databaseOf, kindsOf, record, trailOf } from '../support/audit'
import { signedUp } from '../support/client'

const keyOf = (place: Place) => join(place.dataDir, 'secret.key')
const consent = () => Promise.resolve()
const email = 'owner@nas.local'

/** Has a server run on a place, with a sign-up and a login. */
async function fill(place: Place, more: Record<string, string> = {}): Promise<void> {
  await using server = await serving(place, more)
  await signedUp(server.url, 'owner')
}

const filled = ['trail-begun', 'sign-up', 'login']

async function prove(
  place: Place,
  expected: string | null = null,
  more: Record<string, string> = {},
) {
  return await proveTrailOf(settingsOf(place, more), realWorld, expected)
}

async function lastDetail(place: Place): Promise<string | null | undefined> {
  return (await trailOf(place)).at(-1)?.detail
}

function restoring(place: Place, file: string, withSecrets = false, unlocking = locked) {
  const options = { unlocking, dryRun: false, withSecrets, consent, show: () => {} }
  return restore(settingsOf(place), realWorld, file, options)
}

const changing = <T>(place: Place, work: Parameters<typeof withUsers<T>>[2]) =>
  withUsers(settingsOf(place), realWorld, work)

describe.each(engines)('the audit trail on $engine', ({ open }) => {
  test('tells what users and operators did, to whom, and from where', async () => {
    await using place = await open()
    {
      await using server = await serving(place)
      await signedUp(server.url, 'owner')
      await changing(place, async (users) => {
        await users.disable(email)
        expect(await users.enable(email)).toBeTrue()
        expect(await users.enable(email)).toBeFalse()
        await users.logout(email)
        expect(await users.confirm(email)).toBeFalse()
        await users.add({ email: 'added@nas.local', masterPasswordHash: 'hash' })
        await users.invite('guest@nas.local', null)
        await users.invite('guest@nas.local', null)
        await users.uninvite('guest@nas.local')
      })
      await deleteUser(settingsOf(place), realWorld, email, consent)
    }
    const rows = await trailOf(place)
    const userId = rows[1]?.userId ?? ''
    expect(userId).not.toBe('')
    const about = { userId, email, count: 1, detail: null }
    const common = { number: expect.any(Number), time: expect.any(Number) }
    const byUser = { ...common, actor: 'user', address: '127.0.0.1', ...about }
    const byOperator = { ...common, actor: 'operator', address: null, ...about }
    expect(rows).toEqual([
      { ...byUser, kind: 'trail-begun', actor: 'server', userId: null, email: null, address: null },
      { ...byUser, kind: 'sign-up' },
      { ...byUser, kind: 'login' },
      { ...byOperator, kind: 'sessions-ended' },
      { ...byOperator, kind: 'user-disabled' },
      { ...byOperator, kind: 'user-enabled' },
      { ...byOperator, kind: 'sessions-ended' },
      { ...byOperator, kind: 'user-added', userId: expect.any(String), email: 'added@nas.local' },
      { ...byOperator, kind: 'invited', userId: null, email: 'guest@nas.local' },
      { ...byOperator, kind: 'uninvited', userId: null, email: 'guest@nas.local' },
      { ...byOperator, kind: 'user-deleted' },
    ])
    expect(await prove(place)).toMatchObject({ rows: 11, problems: [] })

    // Whoever is gone is found by what he was called, and who never was is a slip.
    const of = async (user: string) => {
      const found: AuditRow[] = []
      const filter = { user, since: null }
      await readTrail(settingsOf(place), realWorld, filter, (page) => found.push(...page))
      return found.map(({ kind }) => kind)
    }
    const ofOwner = rows.filter((row) => row.userId === userId).map(({ kind }) => kind)
    expect(await of('Owner@NAS.local')).toEqual(ofOwner)
    expect(await of(userId)).toEqual(ofOwner)
    for (const nobody of ['nobody@nas.local', 'a\0']) {
      await expect(of(nobody)).rejects.toMatchObject({ code: 'not_found' })
    }
  })

  test('lets no change happen that it cannot tell of, for want of the key', async () => {
    await using place = await open()
    await fill(place)
    const key = readFileSync(keyOf(place))
    const refusals: unknown[] = []
    const asked: string[] = []
    for (const left of [null, 'A'.repeat(43)]) {
      if (left === null) rmSync(keyOf(place))
      else writeFileSync(keyOf(place), left)
      for (const change of [
        () => changing(place, (users) => users.disable(email)),
        () =>
          changing(place, (users) => users.add({ email: 'x@nas.local', masterPasswordHash: 'x' })),
        () => changing(place, (users) => users.invite('x@nas.local', null)),
        () =>
          deleteUser(settingsOf(place), realWorld, email, async () => void asked.push('deleted')),
        () => pruneTrailOf(settingsOf(place), realWorld),
        () => prove(place),
      ]) {
        await change().catch((error) => refusals.push(error))
      }
    }
    expect(refusals).toHaveLength(12)
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('secret key'),
        hint: expect.stringContaining('as its user or root'),
      })
    }
    // Nothing was asked, archived or changed; and to look needs no key.
    const users = await changing(place, (rules) => rules.list())
    expect(users).toMatchObject([{ email, isDisabled: false }])
    expect(await changing(place, (rules) => rules.listInvitations())).toEqual([])
    expect({ asked, archives: existsSync(join(place.dataDir, 'backups')) }).toEqual({
      asked: [],
      archives: false,
    })
    expect(await kindsOf(place)).toEqual(filled)
    writeFileSync(keyOf(place), key)
    expect(await prove(place)).toMatchObject({ rows: 3, problems: [] })
  })

  test('goes on under a new key, once it was proven under the old one', async () => {
    await using place = await open()
    await fill(place)
    const { value } = await prove(place)
    const rotated = await rotateKey(settingsOf(place), realWorld)
    expect(rotated).toMatchObject({ trail: '3 rows before, verified' })
    const proof = await prove(place, value)
    expect(proof).toMatchObject({ rows: 4, problems: [], expected: 'missing' })
    expect((await trailOf(place)).at(-1)).toMatchObject({
      ...{ kind: 'key-rotated', actor: 'operator' },
      detail: 'all sessions ended; the trail: 3 rows before, verified',
    })
    // To a key of the settings, and from there to another one with the help of a file.
    const set = { SNAILPASS_SECRET_KEY: 'a key of the settings' }
    await rotateKey(settingsOf(place, set), realWorld)
    expect(await prove(place, null, set)).toMatchObject({ rows: 5, problems: [] })
    const other = settingsOf(place, { SNAILPASS_SECRET_KEY: 'another key of theirs' })
    const naming = (formerKey: string) =>
      rotateKey(other, realWorld, { formerKey, acceptBroken: false })
    await expect(naming('a stranger to it all')).rejects.toMatchObject({ code: 'invalid' })
    expect(await naming('a key of the settings')).toEqual({
      path: null,
      trail: '5 rows before, verified',
    })
    // Where it is lost, nobody can tell.
    expect(await rotateKey(settingsOf(place), realWorld)).toMatchObject({
      trail: '6 rows before, signed by a key that is not here: not verifiable',
    })
    expect(await prove(place)).toMatchObject({ rows: 7, problems: [] })
    expect(await lastDetail(place)).toContain('not verifiable')
  })

  test('that was tampered with keeps a key from being rotated, unless that is accepted', async () => {
    await using place = await open()
    await fill(place)
    const key = readFileSync(keyOf(place))
    await place.sql(`update audit set address = '10.0.0.1' where seq = 3`)
    const epochs = await place.sql('select session_epoch from users')
    await expect(rotateKey(settingsOf(place), realWorld)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('tampered with: row 3 is not what was written there'),
      hint: expect.stringContaining('--accept-broken-trail'),
    })
    expect(readFileSync(keyOf(place))).toEqual(key)
    expect(await place.sql('select session_epoch from users')).toEqual(epochs)
    expect((await prove(place)).problems).toHaveLength(1)

    const accepting = { formerKey: null, acceptBroken: true }
    await rotateKey(settingsOf(place), realWorld, accepting)
    expect(await prove(place)).toMatchObject({ rows: 4, problems: [] })
    expect(await lastDetail(place)).toContain('not as they were written: row 3')
  })

  test('that says it was broken goes on without a fault under a new key, where that is accepted', async () => {
    await using place = await open()
    await fill(place)
    await databaseOf(place).beside(async (store) => {
      const key = findSecretKey(dataFolder(place.dataDir)) ?? new Uint8Array()
      store.signBy(() => createTrailSeal(key))
      await record(store, byServer(Date.now(), 'trail-broken', { detail: 'gone' }))
    })
    const broken = ['row 4 says that it was broken: gone']
    await rotateKey(settingsOf(place), realWorld)
    expect(await prove(place)).toMatchObject({ problems: [], broken })
    await rotateKey(settingsOf(place), realWorld, { formerKey: null, acceptBroken: true })
    expect((await kindsOf(place)).slice(-2)).toEqual(['trail-accepted', 'key-rotated'])
    expect(await prove(place)).toMatchObject({ problems: [], broken: [] })
    expect(await acceptTrailOf(settingsOf(place), realWorld)).toEqual([])
  })

  test('of an archive goes on where the key is the same, and was proven', async () => {
    await using place = await open()
    await fill(place)
    const { value } = await prove(place)
    const { path } = await aBackup(place)
    await changing(place, (users) => users.logout(email))
    await restoring(place, path)
    expect(await kindsOf(place)).toEqual([...filled, 'restored'])
    expect(await lastDetail(place)).toMatch(
      /^an archive of 20\S+Z; all sessions ended; the trail: 3 rows before, verified$/,
    )
    expect(await prove(place, value)).toMatchObject({ rows: 4, problems: [], expected: 'found' })
  })

  test('of another server is signed anew by a restore, which says that nobody can prove it', async () => {
    await using source = await aSqlitePlace()
    await using place = await open()
    await fill(source)
    await fill(place)
    const { path } = await aBackup(source)
    await restoring(place, path)
    expect(await kindsOf(place)).toEqual([...filled, 'restored'])
    expect(await lastDetail(place)).toContain(
      'the trail: 3 rows before, signed by a key that is not here',
    )
    expect(await prove(place)).toMatchObject({ rows: 4, problems: [] })
    await using server = await serving(place)
    while (!server.log.join('').includes('"newest":"4:')) await Bun.sleep(1)
  })

  test('begins anew with the word that the database was emptied', async () => {
    await using place = await open()
    await fill(place)
    const { value } = await prove(place)
    await recreate(settingsOf(place), realWorld, consent)
    expect(await kindsOf(place)).toEqual(['recreated'])
    {
      await using server = await serving(place)
      // It can't be told from one whose signatures somebody took away.
      expect(server.log.join('')).toContain('the database had no secret key, but contents')
    }
    expect(await kindsOf(place)).toEqual(['recreated', 'trail-carried'])
    const unproven = ['1 row before number 2 was taken over without proof']
    const proof = await prove(place, value)
    expect(proof).toMatchObject({ rows: 2, problems: [], unproven, expected: 'missing' })
    await using server = await serving(place)
    expect(server.log.join('')).not.toContain('the database had no secret key')
  })
})

describe('the audit trail', () => {
  test('of an archive waits for the first server of a new machine, which signs it', async () => {
    await using source = await aSqlitePlace()
    await using place = await aSqlitePlace()
    await fill(source)
    const { path } = await aBackup(source)
    await restoring(place, path)
    expect(existsSync(keyOf(place))).toBeFalse()
    await expect(prove(place)).rejects.toMatchObject({
      code: 'unavailable',
      message: 'the database has no secret key yet',
    })
    await (await serving(place)).stop()
    expect(await kindsOf(place)).toEqual([...filled, 'restored', 'trail-carried'])
    expect(await lastDetail(place)).toContain('4 rows before, signed by a key that is not here')
    expect(await prove(place)).toMatchObject({ rows: 5, problems: [] })
  })

  test('that comes with its key from an archive is proven as it was', async () => {
    await using source = await aSqlitePlace()
    await using place = await aSqlitePlace()
    await fill(source)
    const { value } = await prove(source)
    const { identity, recipient } = await aKeyPair(source.dataDir)
    const lock = { recipients: [recipient] }
    const { path } = await aBackup(source, { withSecrets: true, lock })
    await restoring(place, path, true, { ...locked, identities: [identity] })
    expect(await lastDetail(place)).toContain('3 rows before, verified')
    expect(await prove(place, value)).toMatchObject({ rows: 4, problems: [], expected: 'found' })
  })

  test('is copied, and proven as it was by a server with the same key', async () => {
    await using source = await aSqlitePlace()
    await using place = await aPostgresPlace()
    await fill(source)
    // A server has been there before, which is no reason to refuse.
    await (await serving(place)).stop()
    const { value } = await prove(source)
    const between = { from: parseDatabaseUrl(source.url), to: parseDatabaseUrl(place.url) }
    await copy(settingsOf(place), realWorld, between, () => () => {})
    writeFileSync(keyOf(place), readFileSync(keyOf(source)))
    await (await serving(place)).stop()
    expect(await kindsOf(place)).toEqual([...filled, 'copied', 'trail-carried'])
    expect((await trailOf(place)).at(-2)?.detail).toMatch(/^from \/.*vaults\.db$/)
    expect(await lastDetail(place)).toContain('3 rows before, verified; 1 more, never signed')
    expect(await prove(place, value)).toMatchObject({ rows: 5, problems: [], expected: 'found' })
  })
})

/** A world whose clock stands still, and in which each turn of looking after the trail waits for the test. */
function aSteppedWorld() {
  let now = Date.now()
  const waiting: (() => void)[] = []
  const world = {
    clock: () => now,
    wait: (milliseconds: number, signal?: AbortSignal) => {
      if (milliseconds !== 5_000) return realWorld.wait(milliseconds, signal)
      return new Promise<void>((resolve, reject) => {
        waiting.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    },
  }
  const advance = (milliseconds: number) => {
    now += milliseconds
  }
  return { world, waiting, advance }
}

describe('a server', () => {
  test('tells the log the newest row at its start and every day, prunes, and says when that row is gone', async () => {
    await using place = await aSqlitePlace()
    const day = 24 * 60 * 60_000
    const { world, waiting, advance } = aSteppedWorld()
    await using server = await serving(place, { SNAILPASS_AUDIT_DAYS: '3' }, world)
    const newest = () => server.log.filter((line) => line.includes('the newest row')).length
    const nextLook = async (isDaily: boolean) => {
      const lines = server.log.length
      while (waiting.length === 0) await Bun.sleep(1)
      waiting.shift()?.()
      while (isDaily ? server.log.length === lines : waiting.length === 0) await Bun.sleep(1)
    }
    while (newest() === 0) await Bun.sleep(1)
    await signedUp(server.url, 'owner')
    await nextLook(false)
    expect(newest()).toBe(1)
    advance(day)
    await nextLook(true)
    expect(newest()).toBe(2)
    advance(2 * day + 60_000)
    await nextLook(true)
    while (!server.log.join('').includes('took old rows')) await Bun.sleep(1)
    expect(await kindsOf(place)).toEqual([])
    expect((await prove(place)).problems).toEqual([])
    expect(server.log.join('')).not.toContain('cut or replaced')

    await signedUp(server.url, 'other')
    advance(day)
    await nextLook(true)
    await place.sql('delete from audit')
    advance(day)
    await nextLook(true)
    expect(server.log.join('')).toContain('the audit trail was cut or replaced')
  })

  test('finds that the trail was put back to an older state, at its next look and at its end', async () => {
    await using place = await aSqlitePlace()
    const { world, waiting } = aSteppedWorld()
    await using server = await serving(place, {}, world)
    const turn = async () => {
      while (waiting.length === 0) await Bun.sleep(1)
      waiting.shift()?.()
      while (waiting.length === 0) await Bun.sleep(1)
    }
    const errors = () => server.log.filter((line) => line.includes('was cut or replaced')).length
    const putBack = async (number: number, { mac, seal }: Record<string, unknown>) => {
      await place.sql(`delete from audit where seq > ${number}`)
      await place.sql(
        `update audit_marks set number = ${number}, mac = '${mac}', seal = '${seal}' where name = 'head'`,
      )
    }
    const head = `select mac, seal from audit_marks where name = 'head'`
    await signedUp(server.url, 'owner')
    const [before = {}] = await place.sql(head)
    await signedUp(server.url, 'other')
    await turn()
    await putBack(3, before)
    // From within it is whole, and it goes on.
    expect(await prove(place)).toMatchObject({ rows: 3, problems: [], broken: [] })
    await signedUp(server.url, 'third')
    await turn()
    expect(errors()).toBe(1)
    expect(await kindsOf(place)).toEqual([...filled, 'sign-up', 'login', 'trail-broken'])
    const words = (row: number, newest: number) =>
      `row ${row} says that it was broken: row ${newest} was the newest one, and is gone or another: the trail was cut or put back`
    expect(await prove(place)).toMatchObject({ problems: [], broken: [words(6, 5)] })

    // Once for each time.
    await turn()
    await turn()
    expect(errors()).toBe(1)
    await putBack(3, before)
    await server.stop()
    expect(errors()).toBe(2)
    expect(await prove(place)).toMatchObject({ rows: 4, problems: [], broken: [words(4, 6)] })
  })

  test('prunes nothing that was tampered with, and logs an error', async () => {
    await using place = await aSqlitePlace()
    await fill(place)
    await place.sql('update audit set time = 1')
    await using server = await serving(place)
    const isTold = () =>
      server.log.find((line) => line.includes('old rows of the audit trail stay'))
    while (isTold() === undefined) await Bun.sleep(1)
    expect(isTold()).toContain('"level":"error"')
    expect(await kindsOf(place)).toEqual(filled)
    expect((await prove(place)).problems).not.toEqual([])
  })

  test('writes what it counted of sign-ins when it stops', async () => {
    await using place = await aSqlitePlace()
    {
      await using server = await serving(place)
      const client = await signedUp(server.url, 'owner')
      const headers = { authorization: `Basic ${btoa(`${email}:wrong`)}` }
      for (let index = 0; index < 5; index++)
        await fetch(new URL('/login', server.url), { headers })
      expect(client.token).not.toBe('')
      await server.stop()
      expect(server.log.join('')).toContain('"newest":"5:')
    }
    const rows = await trailOf(place)
    expect(rows.slice(3).map(({ kind, count }) => [kind, count])).toEqual([
      ['login-failed', 1],
      ['login-failed', 4],
    ])
    expect((await prove(place)).problems).toEqual([])
  })
})

test('a safety archive holds the trail from before a restore', async () => {
  await using place = await aSqlitePlace()
  await fill(place)
  const before = await trailOf(place)
  const { path } = await aBackup(place)
  await changing(place, (users) => users.logout(email))
  const { safetyArchive } = await restoring(place, path)
  expect(await trailOf(place)).toHaveLength(before.length + 1)
  await restoring(place, String(safetyArchive))
  expect((await trailOf(place)).map(({ kind }) => kind)).toEqual([
    ...filled,
    'sessions-ended',
    'restored',
  ])
  expect(await takeSafetyArchive(settingsOf(place), realWorld, 'test')).toContain('before-test')
})
