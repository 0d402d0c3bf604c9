import { describe, expect, test } from 'bun:test'
import { answerOf, failure } from '../support/answers'
import { aField, aNote, aRecord, createSender, signUpAndLogIn } from '../support/client'
import { temporaryFolder } from '../support/executable'
import { startTestServer } from '../support/server'
import { ciphertext } from '../support/vaults'

const full = failure(
  507,
  'Insufficient Storage. The vault may hold 1 MB: delete something permanently first',
)
const settings = { SNAILPASS_MAX_VAULT: '1 MB' }

/** A server with a user whose vault has room for less than 100,000 bytes. */
async function startNearlyFullServer() {
  const server = await startTestServer({ settings })
  const owner = await signUpAndLogIn(server.url, 'owner')
  const [first, second] = [
    aNote({ content: ciphertext(450_000) }),
    aNote({ content: ciphertext(450_000) }),
  ]
  const record = aRecord()
  const field = aField(record.id)
  for (const [path, body] of [
    ['/notes', first],
    ['/notes', second],
    ['/records', record],
    ['/additional_fields', field],
  ] as const) {
    expect((await owner.send('POST', path, body)).status).toBe(201)
  }
  return { server, owner, first, second, record, field }
}

describe('a vault that is nearly full', () => {
  test('refuses everything that does not fit, by every route, and stays as it is', async () => {
    const { server, owner, first, record, field } = await startNearlyFullServer()
    await using _ = server
    const before = await Promise.all(['/records', '/notes'].map((path) => owner.send('GET', path)))
    const longer = { name: ciphertext(50_000), login: ciphertext(50_000) }
    for (const [method, path, body] of [
      ['POST', '/notes', aNote({ content: ciphertext(100_000) })],
      ['PUT', '/notes', { ...first, content: ciphertext(524_288), name: ciphertext(50_000) }],
      ['POST', '/records', aRecord(longer)],
      ['PUT', '/records', { ...record, ...longer }],
      [
        'POST',
        '/additional_fields',
        aField(record.id, { name: ciphertext(50_000), value: ciphertext(50_000) }),
      ],
      [
        'PUT',
        '/additional_fields',
        { ...field, name: ciphertext(50_000), value: ciphertext(50_000) },
      ],
    ] as const) {
      expect(await answerOf(owner.send(method, path, body)), `${method} ${path}`).toEqual(full)
    }
    const after = await Promise.all(['/records', '/notes'].map((path) => owner.send('GET', path)))
    expect(await Promise.all(after.map((response) => response.text()))).toEqual(
      await Promise.all(before.map((response) => response.text())),
    )
    expect(server.log.join('\n')).toContain('The vault may hold 1 MB')
  })

  test('accepts what fits, and more after something is deleted permanently', async () => {
    const { server, owner, first } = await startNearlyFullServer()
    await using _ = server
    expect((await owner.send('POST', '/notes', aNote())).status).toBe(201)
    const note = aNote({ content: ciphertext(400_000) })
    expect((await owner.send('POST', '/notes', note)).status).toBe(507)
    // Notes in the trash count.
    await owner.send('DELETE', `/notes?id=${first.id}`)
    expect((await owner.send('POST', '/notes', note)).status).toBe(507)
    await owner.send('DELETE', `/notes?id=${first.id}`)
    expect((await owner.send('POST', '/notes', note)).status).toBe(201)
  })

  test('reports a taken or unknown id as any other vault does', async () => {
    const { server, owner, first } = await startNearlyFullServer()
    await using _ = server
    const note = { ...first, content: ciphertext(100_000) }
    expect((await owner.send('POST', '/notes', note)).status).toBe(409)
    expect((await owner.send('PUT', '/notes', { ...note, id: 'nowhere' })).status).toBe(404)
  })

  test('takes no room from other users', async () => {
    const { server } = await startNearlyFullServer()
    await using _ = server
    const other = await signUpAndLogIn(server.url, 'other')
    expect(
      (await other.send('POST', '/notes', aNote({ content: ciphertext(500_000) }))).status,
    ).toBe(201)
  })
})

test('a vault larger than the quota can be read, changed and reduced, but not extended', async () => {
  using folder = temporaryFolder()
  const note = aNote({ content: ciphertext(500_000) })
  const path = folder.path
  let token: string
  {
    await using server = await startTestServer({ dataDir: path })
    const owner = await signUpAndLogIn(server.url, 'owner')
    for (const each of [
      note,
      ...Array.from({ length: 3 }, () => ({ ...note, id: crypto.randomUUID() })),
    ]) {
      expect((await owner.send('POST', '/notes', each)).status).toBe(201)
    }
    token = owner.token
  }
  await using server = await startTestServer({ dataDir: path, settings })
  const send = createSender(server.url, token)
  expect(await (await send('GET', '/notes')).json()).toHaveLength(4)
  expect((await send('POST', '/notes', aNote())).status).toBe(507)
  expect((await send('PUT', '/notes', { ...note, is_favorite: true })).status).toBe(200)
  expect((await send('PUT', '/notes', { ...note, content: ciphertext(400_000) })).status).toBe(200)
  expect((await send('PUT', '/notes', note)).status).toBe(507)
  for (const _ of ['to the trash', 'permanently']) {
    expect((await send('DELETE', `/notes?id=${note.id}`)).status).toBe(200)
  }
})

test('any number of edits that do not extend a vault is accepted', async () => {
  const { server, owner, record } = await startNearlyFullServer()
  await using _ = server
  const change = { ...record, name: ciphertext(20_000) }
  for (let count = 0; count < 20; count++) {
    expect((await owner.send('PUT', '/records', change)).status).toBe(200)
  }
})
