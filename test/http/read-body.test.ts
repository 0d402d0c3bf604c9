import { describe, expect, test } from 'bun:test'
import { answerOf, failure, fieldErrors, problem } from '../support/answers'
import { aField, aNote, aRecord, signUpAndLogIn } from '../support/client'
import { startTestServer } from '../support/server'

const tooLarge = failure(413, 'Payload Too Large. The body is larger than 1048576 bytes')

describe('the length of a member', () => {
  const maxLengths = [
    ['/records', 'id', 100],
    ['/records', 'name', 65_536],
    ['/records', 'login', 65_536],
    ['/records', 'password', 65_536],
    ['/notes', 'id', 100],
    ['/notes', 'name', 65_536],
    ['/notes', 'content', 524_288],
    ['/additional_fields', 'id', 100],
    ['/additional_fields', 'record_id', 100],
    ['/additional_fields', 'name', 65_536],
    ['/additional_fields', 'value', 65_536],
  ] as const

  test.each(maxLengths)('of %s, %s, may be the maximum and no more', async (path, member, max) => {
    await using server = await startTestServer()
    const owner = await signUpAndLogIn(server.url, 'owner')
    const record = aRecord({ id: 'r'.repeat(100) })
    await owner.send('POST', '/records', record)
    const builders = {
      '/records': aRecord,
      '/notes': aNote,
      '/additional_fields': () => aField(record.id),
    }
    const text = (length: number) =>
      member.includes('id') ? 'r'.repeat(length) : `${'a'.repeat(length - 1)}:`
    const body = (length: number) => ({ ...builders[path](), [member]: text(length) })

    expect(await answerOf(owner.send('POST', path, body(max + 1)))).toEqual(
      fieldErrors({ [member]: problem.tooLong(max) }),
    )
    const longest = await owner.send('POST', path, body(max))
    // The record for the additional fields has the longest id already.
    expect(longest.status).toBe(path === '/records' && member === 'id' ? 409 : 201)
  })

  test('counts code points, not UTF-16 units', async () => {
    await using server = await startTestServer()
    const owner = await signUpAndLogIn(server.url, 'owner')
    const accepted = await owner.send('POST', '/records', aRecord({ id: '🐌'.repeat(100) }))
    expect(accepted.status).toBe(201)
    const refused = await owner.send('POST', '/records', aRecord({ id: '🐌'.repeat(101) }))
    expect(await answerOf(refused)).toEqual(fieldErrors({ id: problem.tooLong(100) }))
  })

  test.each([
    ['email', `${'a'.repeat(60)}@${'b'.repeat(40)}.cc`, 100],
    ['hint', 'h'.repeat(101), 100],
    ['master_password_hash', 'x'.repeat(513), 512],
  ])('of a sign-up, %s, may be no more than the maximum', async (member, text, max) => {
    await using server = await startTestServer()
    const response = await fetch(new URL('/users', server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'i', email: 'a@b.cc', master_password_hash: 'x', [member]: text }),
    })
    expect(await answerOf(response)).toEqual(fieldErrors({ [member]: problem.tooLong(max) }))
  })
})

describe('a text that no database can store unchanged', () => {
  test.each([
    ['a NUL', 'a\0:b'],
    ['half a surrogate pair', 'a\ud83d:b'],
  ])('is refused, with the name of its member: %s', async (_, text) => {
    await using server = await startTestServer()
    const owner = await signUpAndLogIn(server.url, 'owner')
    const refused = await owner.send('POST', '/records', aRecord({ id: text, name: text }))
    expect(await answerOf(refused)).toEqual(
      fieldErrors({ id: problem.unstorable, name: problem.unstorable }),
    )
    expect((await owner.send('GET', '/records')).status).toBe(404)
  })
})

describe('a body that is too large', () => {
  test('is refused by its announced length, before its token is checked', async () => {
    await using server = await startTestServer()
    const response = await fetch(new URL('/records', server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-access-token': 'garbage' },
      body: 'x'.repeat(1_048_577),
    })
    expect(await answerOf(response)).toEqual(tooLarge)
  })

  test('is refused while it arrives, if its length was not announced', async () => {
    await using server = await startTestServer()
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536
        if (sent > 64 * 1_048_576) controller.close()
        else controller.enqueue(new Uint8Array(65_536).fill(0x20))
      },
    })
    const response = await fetch(new URL('/users', server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
    })
    expect(await answerOf(response)).toEqual(tooLarge)
  })

  test('is one byte larger than SNAILPASS_MAX_BODY', async () => {
    await using server = await startTestServer({ settings: { SNAILPASS_MAX_BODY: '2000' } })
    const send = (length: number) =>
      fetch(new URL('/users', server.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}'.padEnd(length),
      })
    expect((await send(2000)).status).toBe(400)
    expect((await send(2001)).status).toBe(413)
  })
})

test('unknown members are ignored, whatever their names are', async () => {
  await using server = await startTestServer()
  const owner = await signUpAndLogIn(server.url, 'owner')
  const record = JSON.stringify({ ...aRecord({ id: 'one' }), IsDeletable: true })
  const body = record.replace('{', '{"__proto__": {"is_favorite": true}, "toString": 1, ')
  const response = await fetch(new URL('/records', server.url), {
    method: 'POST',
    headers: { 'content-type': 'Application/JSON; charset=utf-8', 'x-access-token': owner.token },
    body,
  })
  expect(response.status).toBe(201)
  expect(await (await owner.send('GET', '/records')).json()).toMatchObject([
    { id: 'one', is_favorite: false },
  ])
})

test('a secret in a refused body is in no answer and no log line', async () => {
  await using server = await startTestServer()
  const secret = 'c2VjcmV0LXNlY3JldA=='
  for (const body of [
    { id: 'i', email: 'not an email', master_password_hash: secret },
    { id: secret.repeat(40), email: 'a@b.cc', master_password_hash: [secret] },
  ]) {
    const response = await fetch(new URL('/users', server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(400)
    expect(await response.text()).not.toContain(secret)
  }
  expect(server.log.join('\n')).not.toContain(secret)
})
