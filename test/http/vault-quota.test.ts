import { describe, expect, test } from 'bun:test'
import { aField, aNote, aRecord, createSender, signUpAndLogIn } from '../support/client'
import { temporaryFolder } from '../support/executable'
import { startTestServer } from '../support/server'

const full = {
  status: 507,
  body: {
    message: {
      error: 'Insufficient Storage. The vault may hold 1 MB: delete something for good first',
    },
  },
}
const settings = { SNAILPASS_MAX_VAULT: '1 MB' }
const long = (length: number) => `${'a'.repeat(length - 1)}:`

async function answer(response: Response) {
  return { status: response.status, body: await response.json() }
}

/** A server, and an owner whose vault has room for less than 100,000 bytes. */
async function startNearlyFullServer() {
  const server = await startTestServer({ settings })
  const owner = await signUpAndLogIn(server.url, 'owner')
  const [first, second] = [aNote({ content: long(450_000) }), aNote({ content: long(450_000) })]
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
  test('takes nothing that is too much, by whichever way, and keeps what it has', async () => {
    const { server, owner, first, record, field } = await startNearlyFullServer()
    await using _ = server
    const before = await Promise.all(['/records', '/notes'].map((path) => owner.send('GET', path)))
    const wide = { name: long(50_000), login: long(50_000) }
    for (const [method, path, body] of [
      ['POST', '/notes', aNote({ content: long(100_000) })],
      ['PUT', '/notes', { ...first, content: long(524_288), name: long(50_000) }],
      ['POST', '/records', aRecord(wide)],
      ['PUT', '/records', { ...record, ...wide }],
      [
        'POST',
        '/additional_fields',
        aField(record.id, { name: long(50_000), value: long(50_000) }),
      ],
      ['PUT', '/additional_fields', { ...field, name: long(50_000), value: long(50_000) }],
    ] as const) {
      expect(await answer(await owner.send(method, path, body)), `${method} ${path}`).toEqual(full)
    }
    const after = await Promise.all(['/records', '/notes'].map((path) => owner.send('GET', path)))
    expect(await Promise.all(after.map((one) => one.text()))).toEqual(
      await Promise.all(before.map((one) => one.text())),
    )
    expect(server.log.join('\n')).toContain('The vault may hold 1 MB')
  })

  test('takes what fits, and more once something was deleted for good', async () => {
    const { server, owner, first } = await startNearlyFullServer()
    await using _ = server
    expect((await owner.send('POST', '/notes', aNote())).status).toBe(201)
    const note = aNote({ content: long(400_000) })
    expect((await owner.send('POST', '/notes', note)).status).toBe(507)
    // The trash is in the vault.
    await owner.send('DELETE', `/notes?id=${first.id}`)
    expect((await owner.send('POST', '/notes', note)).status).toBe(507)
    await owner.send('DELETE', `/notes?id=${first.id}`)
    expect((await owner.send('POST', '/notes', note)).status).toBe(201)
  })

  test('says what else is wrong as ever', async () => {
    const { server, owner, first } = await startNearlyFullServer()
    await using _ = server
    const note = { ...first, content: long(100_000) }
    expect((await owner.send('POST', '/notes', note)).status).toBe(409)
    expect((await owner.send('PUT', '/notes', { ...note, id: 'nowhere' })).status).toBe(404)
  })

  test('takes nothing from others', async () => {
    const { server } = await startNearlyFullServer()
    await using _ = server
    const other = await signUpAndLogIn(server.url, 'other')
    expect((await other.send('POST', '/notes', aNote({ content: long(500_000) }))).status).toBe(201)
  })
})

test('a vault that is over the bound is read, changed and made smaller, and takes nothing more', async () => {
  using folder = temporaryFolder()
  const note = aNote({ content: long(500_000) })
  const path = folder.path
  let token: string
  {
    await using server = await startTestServer({ dataDir: path })
    const owner = await signUpAndLogIn(server.url, 'owner')
    for (const one of [
      note,
      ...Array.from({ length: 3 }, () => ({ ...note, id: crypto.randomUUID() })),
    ]) {
      expect((await owner.send('POST', '/notes', one)).status).toBe(201)
    }
    token = owner.token
  }
  await using server = await startTestServer({ dataDir: path, settings })
  const send = createSender(server.url, token)
  expect(await (await send('GET', '/notes')).json()).toHaveLength(4)
  expect((await send('POST', '/notes', aNote())).status).toBe(507)
  expect((await send('PUT', '/notes', { ...note, is_favorite: true })).status).toBe(200)
  expect((await send('PUT', '/notes', { ...note, content: long(400_000) })).status).toBe(200)
  expect((await send('PUT', '/notes', note)).status).toBe(507)
  for (const _ of ['trash', 'gone']) {
    expect((await send('DELETE', `/notes?id=${note.id}`)).status).toBe(200)
  }
})

test('however many short edits there are, nothing is refused', async () => {
  const { server, owner, record } = await startNearlyFullServer()
  await using _ = server
  const change = { ...record, name: long(20_000) }
  for (let count = 0; count < 20; count++) {
    expect((await owner.send('PUT', '/records', change)).status).toBe(200)
  }
})
