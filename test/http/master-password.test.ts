import { describe, expect, test } from 'bun:test'
import { type Answer, answerOf, failure } from '../support/answers'
import { aField, aNote, aRecord, basicAuth, type Client, createSender } from '../support/client'
import type { TestServer } from '../support/server'
import { until } from '../support/until'
import { ciphertext, startVaultServer, type VaultServer } from '../support/vaults'

const path = '/account/master-password'
const email = 'owner@nas.local'
/** As `signUpAndLogIn` sends it. */
const oldHash = Buffer.from('hash of owner').toString('base64')
const newHash = Buffer.from('the new hash').toString('base64')

interface Vault {
  readonly state: string
  readonly records: readonly Record<string, unknown>[]
  readonly notes: readonly Record<string, unknown>[]
}

const readVault = async (client: Client): Promise<Vault> =>
  await (await client.send('GET', '/account/vault')).json()

/** Returns the body that changes the master password of a vault, with `key` as the ciphertext of everything. */
function bodyFor({ state, records, notes }: Vault, key = 'new:key') {
  return {
    ...{ master_password_hash: newHash, hint: 'a new hint', state },
    records: records.map(({ id, additional_fields: fields }) => ({
      ...{ id, name: key, login: key, password: key },
      additional_fields: (fields as { id: string }[]).map((field) => ({
        ...{ id: field.id, name: key, value: key },
      })),
    })),
    notes: notes.map(({ id }) => ({ id, name: key, content: key })),
  }
}

function send(server: TestServer, body: unknown, hash = oldHash, address = email) {
  return fetch(new URL(path, server.url), {
    method: 'PUT',
    headers: { authorization: basicAuth(address, hash), 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

const signIn = async (server: TestServer, hash: string) =>
  (
    await fetch(new URL('/login', server.url), {
      headers: { authorization: basicAuth(email, hash) },
    })
  ).status

/** Fills a vault with two records of two fields, one of them in the trash, and a note. */
async function fill(owner: Client): Promise<void> {
  for (const id of ['r1', 'r2']) {
    await owner.send('POST', '/records', aRecord({ id, is_favorite: id === 'r1' }))
    for (const field of ['a', 'b'])
      await owner.send('POST', '/additional_fields', aField(id, { id: `${id}${field}` }))
  }
  await owner.send('DELETE', '/records?id=r2')
  await owner.send('POST', '/notes', aNote({ id: 'n1' }))
}

/** Changes the master password with a body that is made from the present one, and expects that nothing is changed. */
async function expectUnchanged(
  { server, owner, expectRefusal }: VaultServer,
  change: (body: ReturnType<typeof bodyFor>) => unknown,
): Promise<Answer> {
  const body = change(bodyFor(await readVault(owner)))
  const answer = await expectRefusal(() => send(server, body))
  expect((await owner.send('GET', '/users')).status).toBe(200)
  expect([await signIn(server, oldHash), await signIn(server, newHash)]).toEqual([200, 401])
  return answer
}

describe('PUT /account/master-password', () => {
  test('replaces the password, the hint and each ciphertext, and leaves all else as it was', async () => {
    await using setup = await startVaultServer()
    const { server, owner, stranger, clock } = setup
    await fill(owner)
    await stranger.send('POST', '/records', aRecord({ id: 'other' }))
    const before = await readVault(owner)
    const others = await readVault(stranger)
    clock.advance(60_000)
    const answer = await answerOf(send(server, bodyFor(before)))
    expect([answer.status, Object.keys(answer.body as object)]).toEqual([200, ['token', 'state']])
    const { token, state } = answer.body as { token: string; state: string }

    // The caller is signed in, and nobody else.
    expect((await owner.send('GET', '/users')).status).toBe(401)
    expect((await owner.send('POST', '/records', aRecord())).status).toBe(401)
    const after = createSender(server.url, token)
    expect(await (await after('GET', '/users')).json()).toEqual({
      ...{ id: owner.userId, email, hint: 'a new hint' },
    })
    expect([await signIn(server, oldHash), await signIn(server, newHash)]).toEqual([401, 200])

    const vault = await readVault({ ...owner, send: after })
    expect(vault.state).toBe(state)
    expect(vault.state).not.toBe(before.state)
    const rekeyed = (entry: Record<string, unknown>, names: readonly string[]) => ({
      ...entry,
      ...Object.fromEntries(names.map((name) => [name, 'new:key'])),
      revision: Number(state.split('.').at(-1)),
    })
    expect(vault.records).toEqual(
      before.records.map((record) => ({
        ...rekeyed(record, ['name', 'login', 'password']),
        additional_fields: (record['additional_fields'] as object[]).map((field) => ({
          ...field,
          ...{ name: 'new:key', value: 'new:key' },
        })),
      })),
    )
    expect(vault.notes).toEqual(before.notes.map((note) => rekeyed(note, ['name', 'content'])))
    expect(await readVault(stranger)).toEqual(others)
  })

  test('works for an empty vault, again and again, and without a hint', async () => {
    await using setup = await startVaultServer()
    const { server, owner } = setup
    const first = await send(server, { ...bodyFor(await readVault(owner)), hint: null })
    const { state, token } = await first.json()
    const body = { ...bodyFor({ state, records: [], notes: [] }), master_password_hash: oldHash }
    expect((await send(server, { ...body, hint: undefined }, newHash)).status).toBe(200)
    expect(await signIn(server, oldHash)).toBe(200)
    // The session of the first change has ended as well.
    expect((await createSender(server.url, token)('GET', '/users')).status).toBe(401)
  })

  test('is refused with the present state after somebody has written', async () => {
    await using setup = await startVaultServer()
    const { server, owner, expectRefusal } = setup
    await fill(owner)
    const outdated = bodyFor(await readVault(owner))
    await owner.send('POST', '/notes', aNote({ id: 'n2' }))
    const answer = await expectRefusal(() => send(server, outdated))
    const { state } = await readVault(owner)
    expect(answer).toMatchObject({
      status: 409,
      body: {
        message: {
          error: 'Outdated. The vault was changed meanwhile: read it again, and send it once more',
        },
        state,
      },
    })
    expect((await send(server, bodyFor(await readVault(owner)))).status).toBe(200)
  })

  type Body = ReturnType<typeof bodyFor>
  const [first, second] = [0, 1] as const
  const withRecords = (body: Body, change: (records: Body['records']) => unknown) => ({
    ...body,
    records: change(body.records),
  })
  const withFields = (body: Body, index: number, change: (fields: unknown[]) => unknown) =>
    withRecords(body, (records) =>
      records.map((record, at) =>
        at === index ? { ...record, additional_fields: change(record.additional_fields) } : record,
      ),
    )
  const aPart = (id: string) => ({ id, name: 'new:key', value: 'new:key' })

  test.each<[what: string, (body: Body) => unknown]>([
    ['a record', (body) => withRecords(body, (records) => records.slice(1))],
    ['a record in the trash', (body) => withRecords(body, (records) => records.slice(0, 1))],
    ['a note', (body) => ({ ...body, notes: [] })],
    ['a field', (body) => withFields(body, second, (fields) => fields.slice(1))],
  ])('is refused without %s', async (_, change) => {
    await using setup = await startVaultServer()
    await fill(setup.owner)
    expect((await expectUnchanged(setup, change)).status).toBe(400)
  })

  test.each<[what: string, (body: Body) => unknown]>([
    [
      'a record that does not exist',
      (body) => withRecords(body, (all) => [...all, { ...all[0], id: 'r3' }]),
    ],
    [
      'a record of somebody else',
      (body) =>
        withRecords(body, (all) => [...all, { ...all[0], id: 'other', additional_fields: [] }]),
    ],
    [
      'a note that does not exist',
      (body) => ({ ...body, notes: [...body.notes, { ...body.notes[0], id: 'n2' }] }),
    ],
    [
      'a field that does not exist',
      (body) => withFields(body, first, (all) => [...all, aPart('new')]),
    ],
    [
      'a field under another record',
      (body) =>
        withRecords(body, ([one, two]) => [
          { ...one, additional_fields: two?.additional_fields },
          { ...two, additional_fields: one?.additional_fields },
        ]),
    ],
    [
      'the same field under two records',
      (body) => withFields(body, first, () => [aPart('r1a'), aPart('r2a')]),
    ],
    ['a record twice', (body) => withRecords(body, (all) => [...all, all[0]])],
    ['a field twice', (body) => withFields(body, first, (all) => [...all, all[0]])],
    ['a note twice', (body) => ({ ...body, notes: [...body.notes, ...body.notes] })],
    [
      'a last note that is no ciphertext',
      (body) => ({ ...body, notes: [{ ...body.notes[0], content: 'plain text' }] }),
    ],
    [
      'a last field that is no ciphertext',
      (body) => withFields(body, second, (all) => [all[0], { ...aPart('r2b'), value: '' }]),
    ],
    ['a record that is a text', (body) => withRecords(body, (all) => [...all, 'r3'])],
    ['a field that is a text', (body) => withFields(body, first, (all) => [...all, 'f'])],
    ['a note that is a text', (body) => ({ ...body, notes: [...body.notes, 'n2'] })],
    ['no notes', ({ notes: _, ...body }) => body],
    ['no records', ({ records: _, ...body }) => body],
    ['no state', ({ state: _, ...body }) => body],
    ['no new hash', ({ master_password_hash: _, ...body }) => body],
    ['a list', () => []],
    ['half a body', (body) => JSON.stringify(body).slice(0, -2)],
  ])('is refused with %s', async (_, change) => {
    await using setup = await startVaultServer()
    await fill(setup.owner)
    await setup.stranger.send('POST', '/records', aRecord({ id: 'other' }))
    expect((await expectUnchanged(setup, change)).status).toBe(400)
  })

  test('names the place of what is wrong', async () => {
    await using setup = await startVaultServer()
    await fill(setup.owner)
    const { body } = await expectUnchanged(setup, (all) =>
      withFields(all, second, ([one, two]) => [one, { ...(two as object), value: 'plain' }]),
    )
    expect(Object.keys((body as { message: object }).message)).toEqual([
      'error',
      'records.1.additional_fields.1.value',
    ])
  })

  test('takes the email address of the account in lower case, and no other', async () => {
    await using setup = await startVaultServer()
    const { server, owner } = setup
    for (const other of ['Owner@nas.local', 'own.er@nas.local', 'stranger@nas.local', 'x']) {
      const answer = await expectUnchanged(setup, (body) => ({ ...body, email: other }))
      expect(answer).toMatchObject(
        failure(
          403,
          "Access Denied. The email address can't be changed: the new keys must be made with owner@nas.local, in lower case",
        ),
      )
    }
    const body = { ...bodyFor(await readVault(owner)), email }
    expect((await send(server, body, oldHash, 'OWNER@nas.local')).status).toBe(200)
  })

  test('needs the old password, before its body is read', async () => {
    await using setup = await startVaultServer()
    const { server, owner, stranger, expectRefusal } = setup
    const body = bodyFor(await readVault(owner))
    const wrong = failure(401, 'Authentication Error. Incorrect credentials')
    expect(await expectRefusal(() => send(server, body, newHash))).toMatchObject(wrong)
    expect(await expectRefusal(() => send(server, 'not JSON', newHash))).toMatchObject(wrong)
    expect(
      await expectRefusal(() => send(server, body, oldHash, 'stranger@nas.local')),
    ).toMatchObject(wrong)
    // A session is no proof of who sits there.
    for (const client of [owner, stranger])
      expect((await expectRefusal(() => client.send('PUT', path, body))).status).toBe(401)
  })

  test('counts a wrong password as a guess', async () => {
    await using setup = await startVaultServer({ SNAILPASS_RATE_LIMITS: 'guesses=10/15m' })
    const { server } = setup
    const statuses: number[] = []
    for (let guess = 0; guess < 30; guess++)
      statuses.push((await send(server, {}, `wrong ${guess}`)).status)
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
    expect(await signIn(server, 'wrong')).toBe(429)
  })

  test('may be larger than other bodies, as the vault is, up to one and a half times its quota', async () => {
    const quota = 2 * 1024 ** 2
    await using setup = await startVaultServer({ SNAILPASS_MAX_VAULT: `${quota}` })
    const { server, owner, expectRefusal } = setup
    const notes = Array.from({ length: 4 }, (_, index) => aNote({ id: `n${index}` }))
    for (const note of notes)
      await owner.send('POST', '/notes', { ...note, content: ciphertext(450_000) })
    const body = bodyFor(await readVault(owner))
    const filled = (length: number) => ({
      ...body,
      notes: body.notes.map((note) => ({ ...note, content: ciphertext(length) })),
    })
    // As in every request, a vault must not grow beyond the quota.
    expect((await expectRefusal(() => send(server, filled(524_000)))).status).toBe(507)
    const padding = (bytes: number) => ({ ...body, padding: 'x'.repeat(bytes) })
    expect((await expectRefusal(() => send(server, padding(1.5 * quota)))).status).toBe(413)
    expect((await send(server, filled(450_000))).status).toBe(200)
  })

  test('is made by one owner at a time', async () => {
    await using setup = await startVaultServer()
    const { server, owner, stranger } = setup
    await fill(owner)
    const text = JSON.stringify(bodyFor(await readVault(owner)))
    const rest = Promise.withResolvers<void>()
    const encoder = new TextEncoder()
    const slow = fetch(new URL(path, server.url), {
      method: 'PUT',
      headers: { authorization: basicAuth(email, oldHash), 'content-type': 'application/json' },
      body: new ReadableStream({
        async start(controller) {
          controller.enqueue(encoder.encode(text.slice(0, 100)))
          await rest.promise
          controller.enqueue(encoder.encode(text.slice(100)))
          controller.close()
        },
      }),
    })
    const other = bodyFor(await readVault(stranger))
    const hash = Buffer.from('hash of stranger').toString('base64')
    // Refused by its body once it has its turn, which therefore is one that changes nothing.
    const early = await until(async () => {
      const answer = await answerOf(send(server, {}, hash, 'stranger@nas.local'))
      return answer.status === 503 ? answer : null
    }, 'the first request has begun')
    expect(early).toMatchObject(
      failure(
        503,
        'Service Unavailable. Another master password is being changed, try again in a while',
      ),
    )
    rest.resolve()
    expect((await slow).status).toBe(200)
    expect((await send(server, other, hash, 'stranger@nas.local')).status).toBe(200)
  })
})
