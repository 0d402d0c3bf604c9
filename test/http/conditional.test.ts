import { describe, expect, test } from 'bun:test'
import { aField, aNote, aRecord, type Client } from '../support/client'
import { startVaultServer, type VaultServer } from '../support/vaults'

/*
 * What a client gets that names the copy it has, by the entity tag (RFC 9110, section 13.1.2).
 */

const paths = ['/users', '/records', '/notes', '/additional_fields?id=r1'] as const

async function fill({ owner }: VaultServer): Promise<void> {
  for (const [path, body] of [
    ['/records', aRecord({ id: 'r1' })],
    ['/notes', aNote({ id: 'n1' })],
    ['/additional_fields', aField('r1', { id: 'f1' })],
  ] as const) {
    expect((await owner.send('POST', path, body)).status).toBe(201)
  }
}

/** Sends a GET with an entity tag. */
async function ask(client: Client, path: string, tag?: string) {
  const answer = await client.send('GET', path, undefined, {
    ...(tag !== undefined && { 'if-none-match': tag }),
  })
  return { status: answer.status, tag: answer.headers.get('etag'), body: await answer.text() }
}

describe.each(paths)('GET %s', (path) => {
  test('has a weak entity tag, with which it is 304 and empty until something changes', async () => {
    await using setup = await startVaultServer()
    await fill(setup)
    const { owner } = setup
    const first = await ask(owner, path)
    const tag = first.tag ?? ''
    expect(first.status).toBe(200)
    expect(tag).toMatch(/^W\/"[!#-~]+"$/)
    expect(await ask(owner, path, tag)).toEqual({ status: 304, tag, body: '' })
    await owner.send('PUT', '/notes', aNote({ id: 'n1', name: 'other:iv' }))
    const second = await ask(owner, path, tag)
    expect(second.status).toBe(200)
    expect(second.tag).not.toBe(tag)
    expect(await ask(owner, path, second.tag ?? '')).toMatchObject({ status: 304 })
  })

  test.each([
    ['strong', (tag: string) => tag.replace('W/', '')],
    ['among others', (tag: string) => `"a", W/"b,c" , ${tag},"d"`],
    ['compressed by Apache', (tag: string) => tag.replace(/"$/, '-gzip"')],
    ['compressed by Jetty', (tag: string) => tag.replace(/"$/, '--gzip"')],
    ['compressed by Apache, with Brotli', (tag: string) => tag.replace(/"$/, ';br"')],
    ['any', () => ' * '],
  ])('is 304 if the tag is %s', async (_, change) => {
    await using setup = await startVaultServer()
    await fill(setup)
    const { tag } = await ask(setup.owner, path)
    expect(await ask(setup.owner, path, change(tag ?? ''))).toEqual({ status: 304, tag, body: '' })
  })

  test.each([
    ['of nothing', () => ''],
    ['without quotes', (tag: string) => tag.replaceAll('"', '')],
    ['of a later state', (tag: string) => tag.replace(/"$/, '0"')],
    ['of another account', (tag: string) => tag.replace('"', '"x')],
    ['with a longer end', (tag: string) => tag.replace(/"$/, '-gzip.5"')],
    ['cut', (tag: string) => tag.slice(0, -2)],
  ])('is 200 if the tag is one %s', async (_, change) => {
    await using setup = await startVaultServer()
    await fill(setup)
    const first = await ask(setup.owner, path)
    expect(await ask(setup.owner, path, change(first.tag ?? ''))).toEqual(first)
  })
})

test('the tag of one account never stands for the vault of another, whatever their ids are', async () => {
  await using setup = await startVaultServer()
  const { owner, stranger } = setup
  await fill(setup)
  for (const body of [aRecord({ id: 'r2' }), aRecord({ id: 'r3' }), aRecord({ id: 'r4' })])
    await stranger.send('POST', '/records', body)
  const theirs = await ask(stranger, '/records')
  const ours = await ask(owner, '/records')
  expect(await ask(owner, '/records', theirs.tag ?? '')).toEqual(ours)
  expect(await ask(stranger, '/records', ours.tag ?? '')).toEqual(theirs)
})

test('the 404 of an empty list has no tag, and stays a 404 with the one of the list before', async () => {
  await using setup = await startVaultServer()
  const { owner } = setup
  await owner.send('POST', '/notes', aNote({ id: 'n1', is_deleted: true }))
  const { tag } = await ask(owner, '/notes')
  await owner.send('DELETE', '/notes?id=n1')
  expect(await ask(owner, '/notes', tag ?? '')).toMatchObject({ status: 404, tag: null })
  expect(await ask(owner, '/notes', '*')).toMatchObject({ status: 404, tag: null })
  expect(await ask(owner, '/notes')).toMatchObject({ status: 404, tag: null })
})

test('a refusal changes no tag, and the change of any entry or field changes it', async () => {
  await using setup = await startVaultServer()
  await fill(setup)
  const { owner, stranger } = setup
  const tags = async () => Promise.all([owner, stranger].map((each) => ask(each, '/users')))
  const change = async (...request: Parameters<Client['send']>) => {
    const [before, theirs] = await tags()
    const { status } = await owner.send(...request)
    const [after, theirsAfter] = await tags()
    expect(theirsAfter).toEqual(theirs)
    return { status, isChanged: before?.tag !== after?.tag }
  }
  const field = aField('r1', { id: 'f1' })
  for (const [method, path, body] of [
    ['PUT', '/records', aRecord({ id: 'r1' })],
    ['PUT', '/additional_fields', field],
    ['DELETE', '/additional_fields?id=f1'],
    ['POST', '/additional_fields', field],
    ['DELETE', '/records?id=r1'],
    ['DELETE', '/records?id=r1'],
    ['DELETE', '/notes?id=n1'],
  ] as const) {
    const answer = await change(method, path, body)
    expect({ method, path, ...answer, isDone: answer.status < 300 }).toMatchObject({
      ...{ method, path, isChanged: true, isDone: true },
    })
  }
  for (const [method, path, body, status] of [
    ['POST', '/notes', aNote({ id: 'n1' }), 409],
    ['PUT', '/records', aRecord({ id: 'gone' }), 404],
    ['DELETE', '/additional_fields?id=gone', undefined, 404],
    ['POST', '/notes', { id: 'n2' }, 400],
  ] as const) {
    expect(await change(method, path, body)).toEqual({ status, isChanged: false })
  }
})
