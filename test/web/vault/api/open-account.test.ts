import { expect, test } from 'bun:test'
import { openAccount } from '../../../../src/web/vault/api/open-account'
import { connectToServer, type Fetch } from '../../../../src/web/vault/api/server'
import { deriveVaultKeys } from '../../../../src/web/vault/crypto/keys'
import { encryptChange, toWireChanges } from '../../../../src/web/vault/model/changes'
import { anOpenNote } from '../../../support/open-entries'
import { startTestServer } from '../../../support/server'

const masterPassword = 'пароль-улитки'

/** An account with a note, as a client that salts with `email` as typed creates it. Asks as the page at /vault/ does. */
async function startWithAccount(email: string) {
  const server = await startTestServer()
  const keys = await deriveVaultKeys({ email, masterPassword })
  const asked: string[] = []
  const fetchPage: Fetch = (address, init) => {
    const url = new URL(address, new URL('/vault/', server.url))
    asked.push(url.pathname)
    return fetch(url, init)
  }
  const send = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }
    const answer = await fetch(new URL(path, server.url), { ...init, body: JSON.stringify(body) })
    expect(answer.ok).toBe(true)
  }
  const { masterPasswordHash: master_password_hash, encryptionKey } = keys
  await send('/users', { id: crypto.randomUUID(), email, master_password_hash })
  const api = connectToServer(fetchPage)
  const signedIn = await api.signIn({ email, masterPasswordHash: keys.masterPasswordHash })
  if (!signedIn.ok) throw new Error('cannot sign in')
  const draft = { ...anOpenNote({ name: 'Дверь' }), revision: null }
  await send('/account/vault', toWireChanges([await encryptChange(encryptionKey, draft)]), {
    'x-access-token': signedIn.value,
  })
  asked.length = 0
  return { api, asked, [Symbol.asyncDispose]: () => server.stop() }
}

/** An API whose server answers everything in this way. */
const answering = (answer: () => Response) => connectToServer(() => Promise.resolve(answer()))

test('opens a vault with the master password', async () => {
  await using setup = await startWithAccount('marta@example.org')
  const opened = await openAccount(setup.api, { email: ' Marta@example.org', masterPassword })
  expect(opened).toMatchObject({
    ok: true,
    value: { vault: { email: 'marta@example.org', entries: [{ kind: 'note', name: 'Дверь' }] } },
  })
  expect(setup.asked).toEqual(['/login', '/account/vault'])
})

test('opens an account that was created with capitals in its email, by a second guess', async () => {
  await using setup = await startWithAccount('Marta@Example.org')
  const opened = await openAccount(setup.api, { email: 'Marta@Example.org', masterPassword })
  expect(opened).toMatchObject({ ok: true, value: { vault: { entries: [{ name: 'Дверь' }] } } })
  expect(setup.asked).toEqual(['/login', '/login', '/account/vault'])
})

test('takes one guess for a wrong master password, and asks for nothing else', async () => {
  await using setup = await startWithAccount('marta@example.org')
  const wrong = await openAccount(setup.api, { email: 'marta@example.org', masterPassword: 'x' })
  expect(wrong).toEqual({
    ok: false,
    failure: {
      ...{ kind: 'refused', status: 401, retryAfter: null },
      detail: 'Authentication Error. Incorrect credentials',
    },
  })
  expect(setup.asked).toEqual(['/login'])
})

test('tells a server that is away from one that refuses, and from one that is no such server', async () => {
  const typed = { email: 'M@example.org', masterPassword }
  const failureOf = async (api: Parameters<typeof openAccount>[0]) => {
    const opened = await openAccount(api, typed)
    return opened.ok ? null : opened.failure
  }
  expect(
    await failureOf(connectToServer(() => Promise.reject(new TypeError('no network')))),
  ).toEqual({ kind: 'offline' })
  const headers = { 'retry-after': '90' }
  expect(await failureOf(answering(() => new Response('{}', { status: 429, headers })))).toEqual({
    ...{ kind: 'refused', status: 429, retryAfter: 90, detail: '' },
  })
  const fileOf = (answer: Response | null) =>
    connectToServer(() =>
      answer === null ? Promise.reject(new TypeError('no network')) : Promise.resolve(answer),
    ).readFile('vault.js')
  expect(await fileOf(null)).toEqual({ ok: false, failure: { kind: 'offline' } })
  expect(await fileOf(new Response('no such file', { status: 404 }))).toEqual({
    ok: false,
    failure: { kind: 'refused', status: 404, retryAfter: null, detail: '' },
  })
  expect(await fileOf(new Response('script'))).toEqual({ ok: true, value: 'script' })
  const bodies = ['<html>', '{}', '{"token":1}', '{"token":"t"}']
  const failures = bodies.map((body) => failureOf(answering(() => new Response(body))))
  expect(await Promise.all(failures)).toEqual(bodies.map(() => ({ kind: 'unexpected' })))
})
