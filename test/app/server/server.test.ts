import { describe, expect, test } from 'bun:test'
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { captureError } from '../../support/capture-error'
import { aRecord, basicAuth, logIn, signUpAndLogIn } from '../../support/client'
import { temporaryFolder } from '../../support/executable'
import { startTestServer } from '../../support/server'
import { createTestTokens } from '../../support/tokens'

describe('the server', () => {
  test('can be started and stopped many times in one process, on the same folder', async () => {
    using folder = temporaryFolder()
    const user = { userId: '', email: 'owner@nas.local', masterPasswordHash: btoa('hash of owner') }
    for (let run = 0; run < 10; run++) {
      await using server = await startTestServer({ dataDir: folder.path })
      const owner =
        run === 0 ? await signUpAndLogIn(server.url, 'owner') : await logIn(server.url, user)
      expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
      expect(await (await owner.send('GET', '/records')).json()).toHaveLength(run + 1)
    }
    // Neither a write-ahead log nor a temporary file is left behind.
    expect(readdirSync(folder.path).sort()).toEqual(['secret.key', 'server.lock', 'snailpass.db'])
  })

  test('keeps sessions over a restart', async () => {
    using folder = temporaryFolder()
    let token = ''
    {
      await using server = await startTestServer({ dataDir: folder.path })
      token = (await signUpAndLogIn(server.url, 'owner')).token
    }
    await using server = await startTestServer({ dataDir: folder.path })
    const response = await fetch(new URL('/users', server.url), {
      headers: { 'x-access-token': token },
    })
    expect(response.status).toBe(200)
  })

  test('refuses the folder of a running server, which goes on', async () => {
    await using server = await startTestServer()
    expect(await captureError(startTestServer({ dataDir: server.dataDir }))).toMatchObject({
      code: 'conflict',
    })
    expect((await signUpAndLogIn(server.url, 'owner')).token).not.toBe('')
  })

  test('releases everything when its address is in use', async () => {
    await using server = await startTestServer()
    using folder = temporaryFolder()
    const start = () => startTestServer({ dataDir: folder.path, listen: server.url.host })
    expect(await captureError(start())).toMatchObject({
      code: 'unavailable',
      message: `can't listen on ${server.url.host}: port ${server.url.port} is already in use`,
    })
    // Not `conflict`: the lock was released.
    expect(await captureError(start())).toMatchObject({ code: 'unavailable' })
  })

  test('answers under a short host name', async () => {
    await using server = await startTestServer()
    for (const host of ['pi', 'nas:5000', 'a']) {
      const response = await fetch(new URL('/login', server.url), { headers: { host } })
      expect(response.status, host).toBe(401)
    }
  })

  test('fixes the permissions of its files, and logs that', async () => {
    using folder = temporaryFolder()
    await (await startTestServer({ dataDir: folder.path })).stop()
    chmodSync(join(folder.path, 'secret.key'), 0o644)
    await using server = await startTestServer({ dataDir: folder.path })
    expect(statSync(join(folder.path, 'secret.key')).mode & 0o777).toBe(0o600)
    expect(server.log.join('\n')).toContain('its mode is 0600 now')
  })

  test('logs at its start what an operator should know, its addresses last', async () => {
    await using server = await startTestServer()
    const messages = server.log.map((line) => JSON.parse(line).message)
    expect(messages).toEqual([
      `created secret key ${join(server.dataDir, 'secret.key')}`,
      `created database ${join(server.dataDir, 'snailpass.db')}`,
      'email confirmation: off',
      'audit log head',
      expect.stringMatching(/^started snailpass \d+\.\d+\.\d+$/),
      `listening on ${server.url}`,
      `vault in a browser: ${server.url}vault/`,
    ])
  })

  test('uses the key of the settings, and creates none then', async () => {
    await using server = await startTestServer({
      settings: { SNAILPASS_SECRET_KEY: 'given by the operator' },
    })
    expect(readdirSync(server.dataDir)).not.toContain('secret.key')
    const { token } = await signUpAndLogIn(server.url, 'owner')
    const tokens = createTestTokens(new TextEncoder().encode('given by the operator'), Date.now)
    expect(await tokens.verify('session', token)).toMatchObject({ purpose: 'session' })
  })
})

describe('simultaneous requests that create the same thing', () => {
  test('create exactly one user', async () => {
    await using server = await startTestServer()
    const signUp = (id: string, email: string) =>
      fetch(new URL('/users', server.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id, email, master_password_hash: 'x' }),
      }).then((response) => response.status)
    const sameId = Array.from({ length: 8 }, (_, index) => signUp('u', `u${index}@nas.local`))
    expect((await Promise.all(sameId)).sort()).toEqual([201, ...Array(7).fill(409)])
    const sameEmail = Array.from({ length: 8 }, (_, index) => signUp(`e${index}`, 'E@nas.local'))
    expect((await Promise.all(sameEmail)).sort()).toEqual([201, ...Array(7).fill(409)])
  })

  test.each(['/records', '/notes'])('create exactly one in %s', async (path) => {
    await using server = await startTestServer()
    const owner = await signUpAndLogIn(server.url, 'owner')
    const body = { ...aRecord(), content: 'a:b' }
    const responses = Array.from({ length: 8 }, () => owner.send('POST', path, body))
    const statuses = (await Promise.all(responses)).map((response) => response.status)
    expect(statuses.sort()).toEqual([201, ...Array(7).fill(409)])
    expect(await (await owner.send('GET', path)).json()).toHaveLength(1)
  })
})

test('the log has a line for each request, and no secret in any', async () => {
  await using server = await startTestServer()
  const owner = await signUpAndLogIn(server.url, 'owner')
  await owner.send('POST', '/records', aRecord({ id: 'r', name: 'c2VjcmV0:aXY=' }))
  await owner.send('GET', '/records?id=a-path-may-hold-anything')
  await fetch(new URL('/confirm/a-token-that-leaked', server.url))
  await fetch(new URL('/nowhere/a-token-that-leaked', server.url))
  await fetch(new URL('/login', server.url), {
    headers: { authorization: basicAuth('x@y.zz', 'h') },
  })

  const lines = server.log.map((line) => JSON.parse(line))
  const requests = lines.filter(({ message }) => message === 'request')
  const user = owner.userId
  expect(requests.map(({ method, route, status, user }) => [method, route, status, user])).toEqual([
    ['POST', '/users', 201, user],
    ['GET', '/login', 200, user],
    ['POST', '/records', 201, user],
    ['GET', '/records', 200, user],
    ['GET', '/confirm/:token', 200, '-'],
    ['GET', '-', 404, '-'],
    ['GET', '/login', 401, '-'],
  ])
  for (const { ms } of requests) expect(ms).toEqual(expect.any(Number))
  const secret = readFileSync(join(server.dataDir, 'secret.key'), 'utf8').trim()
  const logged = server.log.join('\n')
  for (const text of [
    owner.token,
    secret,
    'nas.local',
    btoa('hash of owner'),
    'c2VjcmV0',
    'leaked',
    'may-hold',
  ]) {
    expect(logged).not.toContain(text)
  }
})
