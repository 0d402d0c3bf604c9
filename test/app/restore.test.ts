import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeBackup } from '../../src/app/archives'
import { findCertificate, renewCertificate } from '../../src/app/certificates'
import {
  type RestoreOptions,
  type RestorePlan,
  restore,
  verifyArchive,
} from '../../src/app/restore'
import { realWorld } from '../../src/app/world'
import { tables } from '../../src/store/tables'
import {
  aBackup,
  aKeyPair,
  aPostgresPlace,
  aSqlitePlace,
  engines,
  fillHard,
  locked,
  type Place,
  refusal,
  serving,
  settingsOf,
} from '../support/archives'
import { aNote, aRecord, signedIn, signedUp } from '../support/client'

/** Restores as whoever consents to everything. */
function restoring(
  place: Place,
  file: string,
  change: Partial<RestoreOptions> = {},
  more: Record<string, string> = {},
) {
  return restore(settingsOf(place, more), realWorld, file, {
    unlocking: locked,
    dryRun: false,
    withSecrets: false,
    consent: () => Promise.resolve(),
    show: () => {},
    ...change,
  })
}

/** Everything in a database, as another reader sees it; without what a restore makes anew or signs anew. */
async function contentsOf(place: Place) {
  const contents: Record<string, unknown[]> = {}
  for (const { name, columns } of tables) {
    if (name === 'audit' || name === 'audit_marks') continue
    const rows = await place.sql(`select * from ${name} order by seq`)
    contents[name] = rows.map((row) =>
      Object.entries(columns)
        .filter(([column]) => column !== 'session_epoch')
        .map(([column, kind]) => {
          const value = row[column]
          return kind === 'text' || value === null ? value : Number(value)
        }),
    )
  }
  return contents
}

const owner = { userId: '', email: 'owner@nas.local', masterPasswordHash: btoa('hash of owner') }

describe.each(
  engines.flatMap((from) =>
    engines.map((to) => ({ from, to, name: `${from.engine} restored into ${to.engine}` })),
  ),
)('an archive of $name', ({ from, to }) => {
  test('gives everything back, also over something else, and a server goes on with it', async () => {
    await using source = await from.open()
    await using target = await to.open()
    await fillHard(source)
    const before = await contentsOf(source)
    const { path, tables: sums } = await aBackup(source)
    {
      await using server = await serving(target)
      const client = await signedUp(server.url, 'owner')
      await client.send('POST', '/records', aRecord())
    }
    const fact = await target.sql('select value from facts')
    const { tables: restored, safetyArchive } = await restoring(target, path)
    expect(restored).toEqual([...sums])
    expect(await contentsOf(target)).toEqual(before)
    // The database still knows whose it is, and no session from then or before is good.
    expect(await target.sql('select value from facts')).toEqual(fact)
    const epochs = await target.sql('select session_epoch from users')
    for (const { session_epoch: epoch } of epochs) expect(epoch).toMatch(/^[\w-]{22}$/)

    {
      await using server = await serving(target)
      const client = await signedUp(server.url, 'newcomer')
      expect((await client.send('POST', '/notes', aNote())).status).toBe(201)
    }
    // And back to what it was before.
    const back = await restoring(target, String(safetyArchive))
    expect(
      back.plan.tables.filter(({ table }) => ['users', 'records', 'notes'].includes(table)),
    ).toEqual([
      { table: 'users', now: 3, after: 1 },
      { table: 'records', now: 7, after: 1 },
      { table: 'notes', now: 3, after: 0 },
    ])
    await using server = await serving(target)
    const client = await signedIn(server.url, owner)
    expect(await (await client.send('GET', '/records')).json()).toHaveLength(1)
  }, 20_000)
})

describe.each(engines)('a restore on $engine', ({ open }) => {
  /** A place with a vault of its own, and an archive of another one. */
  async function aSituation() {
    const place = await open()
    const elsewhere = await aSqlitePlace()
    await fillHard(elsewhere)
    const { path } = await aBackup(elsewhere)
    const token = await (async () => {
      await using server = await serving(place)
      const client = await signedUp(server.url, 'owner')
      await client.send('POST', '/records', aRecord())
      return client.token
    })()
    return {
      place,
      path,
      token,
      async [Symbol.asyncDispose]() {
        await place[Symbol.asyncDispose]()
        await elsewhere[Symbol.asyncDispose]()
      },
    }
  }

  test('ends every session, those of the archive too', async () => {
    await using situation = await aSituation()
    const { place } = situation
    const { path } = await aBackup(place)
    await restoring(place, path)
    await using server = await serving(place)
    const headers = { 'x-access-token': situation.token }
    expect((await fetch(new URL('/users', server.url), { headers })).status).toBe(401)
    expect((await signedIn(server.url, owner)).token).not.toBe('')
  })

  test('is refused while a server runs, and changes nothing', async () => {
    await using situation = await aSituation()
    const { place, path, token } = situation
    await using server = await serving(place)
    const before = await contentsOf(place)
    expect(await refusal(restoring(place, path))).toMatchObject({ code: 'conflict' })
    expect(await contentsOf(place)).toEqual(before)
    expect(existsSync(join(place.dataDir, 'backups'))).toBeFalse()
    const headers = { 'x-access-token': token }
    expect((await fetch(new URL('/users', server.url), { headers })).status).toBe(200)
  })

  test('that is dry tells what would change, also beside a server, and changes nothing', async () => {
    await using situation = await aSituation()
    const { place, path } = situation
    await using _ = await serving(place)
    const before = await contentsOf(place)
    const consent = () => Promise.reject(new Error('asked'))
    const told = await restoring(
      place,
      path,
      { dryRun: true, consent },
      { SNAILPASS_TOKEN_SECONDS: '30' },
    )
    expect(
      told.plan.tables.filter(({ table }) => ['users', 'records', 'notes'].includes(table)),
    ).toEqual([
      { table: 'users', now: 1, after: 2 },
      { table: 'records', now: 1, after: 7 },
      { table: 'notes', now: 0, after: 2 },
    ])
    expect(told.plan.settings).toContainEqual({
      name: 'SNAILPASS_TOKEN_SECONDS',
      archived: '600',
      now: '30',
    })
    expect({ tables: told.tables, safetyArchive: told.safetyArchive }).toEqual({
      tables: null,
      safetyArchive: null,
    })
    expect(await contentsOf(place)).toEqual(before)
    expect(existsSync(join(place.dataDir, 'backups'))).toBeFalse()
  })

  test('asks, and changes nothing without consent', async () => {
    await using situation = await aSituation()
    const { place, path } = situation
    const before = await contentsOf(place)
    const asked: RestorePlan[] = []
    const consent = (plan: RestorePlan) => {
      asked.push(plan)
      return Promise.reject(new Error('no'))
    }
    expect(String(await refusal(restoring(place, path, { consent })))).toContain('no')
    expect(asked).toHaveLength(1)
    expect(await contentsOf(place)).toEqual(before)
    expect(existsSync(join(place.dataDir, 'backups'))).toBeFalse()
  })

  test('that fails half-way leaves everything as it was, and no safety archive', async () => {
    await using situation = await aSituation()
    const { place, path } = situation
    const before = await contentsOf(place)
    const show = (line: string) => {
      if (line.startsWith('notes') && line.endsWith('restored')) throw new Error('the cable went')
    }
    expect(String(await refusal(restoring(place, path, { show })))).toContain('the cable went')
    expect(await contentsOf(place)).toEqual(before)
    expect(readdirSync(join(place.dataDir, 'backups'))).toEqual(['.snailpass.lock'])
  })

  test('of a damaged archive changes nothing', async () => {
    await using situation = await aSituation()
    const { place, path } = situation
    using file = new Database(path)
    file.run("update records set login = 'x:x' where id = 'r1'")
    const before = await contentsOf(place)
    expect(await refusal(restoring(place, path))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is damaged'),
    })
    expect(await contentsOf(place)).toEqual(before)
  })

  test('on a new machine makes the database and starts with that machine’s own key', async () => {
    await using situation = await aSituation()
    await using place = await open()
    const { safetyArchive } = await restoring(place, situation.path)
    expect(safetyArchive).toBeNull()
    await using server = await serving(place)
    expect(existsSync(join(place.dataDir, 'secret.key'))).toBeTrue()
    expect((await signedUp(server.url, 'newcomer')).token).not.toBe('')
    expect(await place.sql('select id from users')).toHaveLength(3)
  })
})

describe.each(engines)('an encrypted archive of $engine', ({ open }) => {
  test('is opened by each of its keys and by no other one', async () => {
    await using place = await open()
    await fillHard(place)
    const [one, two, stranger] = [
      await aKeyPair(place.dataDir),
      await aKeyPair(place.dataDir),
      await aKeyPair(place.dataDir),
    ]
    const lock = { recipients: [one.recipient, two.recipient] }
    const { path, tables: sums } = await aBackup(place, { lock })
    const opening = (identities: string[] | null) =>
      verifyArchive(settingsOf(place), realWorld, path, {
        unlocking: { ...locked, identities },
        show: () => {},
      })
    for (const { identity } of [one, two]) {
      const verified = await opening([identity])
      expect(verified.tables.map(({ sum }) => sum)).toEqual([...sums])
    }
    expect(await refusal(opening([stranger.identity]))).toMatchObject({
      code: 'unavailable',
      message: `${path} is not opened by that private key`,
    })
    expect(await refusal(opening(null))).toMatchObject({
      code: 'invalid',
      hint: expect.stringContaining('--identity'),
    })
    // Nothing of what was decrypted stays, and nothing in the plain was ever in the folder of archives.
    expect(readdirSync(place.dataDir).filter((name) => name.includes('partial'))).toEqual([])
    expect(readdirSync(join(place.dataDir, 'backups'))).toHaveLength(2)
  })
})

describe('an archive with secrets', () => {
  const passphrase = 'open sesame'
  const unlocking = { identities: null, passphrase: () => Promise.resolve(passphrase) }

  test('is opened by its passphrase alone, and brings its secret key along', async () => {
    await using source = await aSqlitePlace()
    await using target = await aPostgresPlace()
    await fillHard(source)
    await fillHard(target)
    const more = {
      SNAILPASS_BACKUP_PASSPHRASE: passphrase,
      MAIL_USERNAME: 'me@nas.local',
      MAIL_PASSWORD: 'hush',
    }
    const { path } = await aBackup(source, { withSecrets: true }, more)
    const wrong = { identities: null, passphrase: () => Promise.resolve('wrong') }
    const keyOf = (place: Place) => readFileSync(join(place.dataDir, 'secret.key'), 'utf8')
    const former = keyOf(target)
    expect(
      await refusal(restoring(target, path, { withSecrets: true, unlocking: wrong })),
    ).toMatchObject({
      message: `${path} is not opened by that passphrase`,
    })
    expect(keyOf(target)).toBe(former)

    // One whose key is set elsewhere would not know its own database again.
    const set = { SNAILPASS_SECRET_KEY: 'another key altogether' }
    expect(
      await refusal(restoring(target, path, { withSecrets: true, unlocking }, set)),
    ).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('SNAILPASS_SECRET_KEY is another key'),
    })
    const failing = (line: string) => {
      if (line.startsWith('set_aside') && line.endsWith('checked'))
        throw new Error('the cable went')
    }
    expect(
      String(
        await refusal(restoring(target, path, { withSecrets: true, unlocking, show: failing })),
      ),
    ).toContain('cable')
    expect(keyOf(target)).toBe(former)

    await restoring(target, path, { withSecrets: true, unlocking })
    expect(keyOf(target)).toBe(keyOf(source))
    await using server = await serving(target)
    expect((await signedUp(server.url, 'newcomer')).token).not.toBe('')
  }, 40_000)

  test('brings the certificate authority along, and changes none that it does not replace', async () => {
    await using source = await aSqlitePlace()
    await using target = await aSqlitePlace()
    await fillHard(source)
    await fillHard(target)
    const consent = () => Promise.resolve()
    const renew = (place: Place) =>
      renewCertificate(settingsOf(place), realWorld, { authority: true, consent })
    const { authority } = await renew(source)
    const { identity, recipient } = await aKeyPair(source.dataDir)
    const lock = { recipients: [recipient] }
    const { path } = await aBackup(source, { withSecrets: true, lock })
    const without = await aBackup(source)
    using file = new Database(without.path, { readonly: true })
    const tablesThere = file.query("select name from sqlite_master where name = 'secrets'").all()
    expect(tablesThere).toEqual([])

    const filesOf = (place: Place) =>
      ['ca.crt', 'ca.key', 'leaf.pem'].map((name) => {
        const file = join(place.dataDir, 'tls', name)
        return existsSync(file) ? readFileSync(file, 'utf8') : null
      })
    const opened = { withSecrets: true, unlocking: { ...locked, identities: [identity] } }
    const show = (line: string) => {
      if (line.startsWith('set_aside') && line.endsWith('checked')) throw new Error('cable')
    }
    // Where there is none yet, none is left behind; what is there comes back.
    const nothing = filesOf(target)
    expect(String(await refusal(restoring(target, path, { ...opened, show })))).toContain('cable')
    expect(filesOf(target)).toEqual(nothing)
    // Where it can't be put, the secret key comes back that was put before it.
    const keyOf = (place: Place) => readFileSync(join(place.dataDir, 'secret.key'), 'utf8')
    const formerKey = keyOf(target)
    writeFileSync(join(target.dataDir, 'tls'), 'in the way')
    expect(await refusal(restoring(target, path, opened))).toMatchObject({ code: 'unavailable' })
    expect(keyOf(target)).toBe(formerKey)
    rmSync(join(target.dataDir, 'tls'))
    await renew(target)
    const former = filesOf(target)
    await restoring(target, path, { ...opened, withSecrets: false })
    expect(filesOf(target)).toEqual(former)

    await restoring(target, path, opened)
    expect(filesOf(target)).toEqual([authority.cert, authority.key, null])
    expect(statSync(join(target.dataDir, 'tls', 'ca.key')).mode & 0o777).toBe(0o600)
    // The leaf is made anew, by the authority that devices know.
    const { certificate } = await findCertificate(settingsOf(target))
    expect(certificate).toBeNull()
    await using server = await serving(target, { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' })
    expect(filesOf(target)[0]).toBe(authority.cert)
    expect(server.log.join()).not.toContain('made a certificate authority')
  }, 40_000)

  test('is not written in the plain, nor restored from one without', async () => {
    await using place = await aSqlitePlace()
    await fillHard(place)
    expect(await refusal(aBackup(place, { withSecrets: true }))).toMatchObject({
      code: 'invalid',
      hint: expect.stringContaining('--encrypt-to'),
    })
    expect(existsSync(join(place.dataDir, 'backups'))).toBeFalse()
    const { path } = await aBackup(place)
    const before = await contentsOf(place)
    expect(await refusal(restoring(place, path, { withSecrets: true }))).toMatchObject({
      message: `${path} holds no secret key`,
    })
    expect(await contentsOf(place)).toEqual(before)
  })

  test('whose key was set and not made is not put into a file', async () => {
    await using place = await aSqlitePlace()
    await (await serving(place, { SNAILPASS_SECRET_KEY: 'the key of these servers' })).stop()
    const { identity, recipient } = await aKeyPair(place.dataDir)
    const set = { SNAILPASS_SECRET_KEY: 'the key of these servers' }
    const { path } = await aBackup(
      place,
      { withSecrets: true, lock: { recipients: [recipient] } },
      set,
    )
    const opened = { withSecrets: true, unlocking: { ...locked, identities: [identity] } }
    expect(await refusal(restoring(place, path, opened))).toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('SNAILPASS_SECRET_KEY'),
    })
    expect(existsSync(join(place.dataDir, 'secret.key'))).toBeFalse()
    await restoring(place, path, opened, set)
    await (await serving(place, set)).stop()
  })
})

describe('the tool age', () => {
  const age = (args: readonly string[]) => {
    const { success, stderr } = Bun.spawnSync(['age', ...args])
    if (!success) throw new Error(`age: ${stderr}`)
  }

  test('opens an archive, and what it has encrypted is restored', async () => {
    await using place = await aSqlitePlace()
    await fillHard(place)
    const { file, identity, recipient } = await aKeyPair(place.dataDir)
    const { path } = await writeBackup(settingsOf(place), realWorld, {
      lock: { recipients: [recipient] },
    })
    const plain = join(place.dataDir, 'plain.sqlite')
    age(['--decrypt', '--identity', file, '--output', plain, path])
    const encrypted = join(place.dataDir, 'again.age')
    age(['--recipient', recipient, '--output', encrypted, plain])
    const before = await contentsOf(place)
    await place.sql('delete from records')
    await restoring(place, encrypted, { unlocking: { ...locked, identities: [identity] } })
    expect(await contentsOf(place)).toEqual(before)

    const armored = join(place.dataDir, 'armored.age')
    age(['--armor', '--recipient', recipient, '--output', armored, plain])
    expect(await refusal(restoring(place, armored))).toMatchObject({
      message: `${armored} is encrypted as text`,
      hint: expect.stringContaining('age --decrypt'),
    })
    const cut = join(place.dataDir, 'cut.age')
    writeFileSync(cut, readFileSync(encrypted).subarray(0, 200_000))
    expect(
      await refusal(restoring(place, cut, { unlocking: { ...locked, identities: [identity] } })),
    ).toMatchObject({ message: `${cut} is damaged: it cannot be decrypted to its end` })
    expect(await contentsOf(place)).toEqual(before)
  })

  test('opens one with a passphrase', async () => {
    await using place = await aSqlitePlace()
    await fillHard(place)
    const { path } = await aBackup(place, { lock: { passphrase: 'open sesame' } })
    const plain = join(place.dataDir, 'plain.sqlite')
    // It asks on a terminal alone.
    let screen = ''
    const child = Bun.spawn(['age', '--decrypt', '--output', plain, path], {
      terminal: {
        data(terminal, bytes) {
          const before = screen
          screen += new TextDecoder().decode(bytes)
          if (!before.includes('passphrase') && screen.includes('passphrase')) {
            terminal.write('open sesame\n')
          }
        },
      },
    })
    expect(await child.exited).toBe(0)
    expect(
      (
        await verifyArchive(settingsOf(place), realWorld, plain, {
          unlocking: locked,
          show: () => {},
        })
      ).isEncrypted,
    ).toBeFalse()
  }, 20_000)
})
