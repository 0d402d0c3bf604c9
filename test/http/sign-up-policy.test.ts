import { describe, expect, test } from 'bun:test'
import { withUsers } from '../../src/app/operations/users'
import { systemRuntime } from '../../src/app/runtime'
import { loadConfig } from '../../src/config/load'
import { basicAuth, signUpAndLogIn } from '../support/client'
import { startTestServer } from '../support/server'

function signUp(origin: URL, email: string): Promise<Response> {
  return fetch(new URL('/users', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: crypto.randomUUID(), email, master_password_hash: 'x' }),
  })
}

/** What the operator's commands do, on the database of a test's server. */
function operator(dataDir: string) {
  const { settings } = loadConfig({ environment: {}, flags: { dataDir }, file: null })
  return <T>(work: Parameters<typeof withUsers<T>>[2]) => withUsers(settings, systemRuntime, work)
}

describe('a sign-up', () => {
  test.each([
    ['closed', {}, 'Sign-up is closed at this server'],
    ['invited', {}, 'Sign-up is by invitation only at this server'],
    [
      'open',
      { SNAILPASS_SIGNUPS_DOMAINS: 'Example.org, example.net' },
      'Sign-up is for addresses of example.org, example.net at this server',
    ],
  ])('that %s does not allow is refused in the shape of the contract', async (mode, more, why) => {
    await using server = await startTestServer({ settings: { SNAILPASS_SIGNUPS: mode, ...more } })
    const refused = await signUp(server.url, 'anna@nas.local')
    expect({ status: refused.status, body: await refused.json() }).toEqual({
      status: 403,
      body: { message: { error: `Access Denied. ${why}` } },
    })
    expect(await operator(server.dataDir)((users) => users.list())).toEqual([])
  })

  test('with wrong fields is told of those first', async () => {
    await using server = await startTestServer({ settings: { SNAILPASS_SIGNUPS: 'closed' } })
    expect((await signUp(server.url, 'nonsense')).status).toBe(400)
  })
})

describe('a disabled account', () => {
  test('is kept out at once, with its tokens, and comes back by a new login alone', async () => {
    await using server = await startTestServer()
    const asOperator = operator(server.dataDir)
    const owner = await signUpAndLogIn(server.url, 'owner')
    const login = (hash = btoa('hash of owner')) =>
      fetch(new URL('/login', server.url), {
        headers: { authorization: basicAuth('owner@nas.local', hash) },
      })
    await asOperator((users) => users.disable(owner.userId))
    const denied = await owner.send('GET', '/records')
    expect({ status: denied.status, body: await denied.json() }).toEqual({
      status: 401,
      body: { message: { error: 'Authentication Error. Token is invalid' } },
    })
    const refused = await login()
    expect({ status: refused.status, body: await refused.json() }).toEqual({
      status: 403,
      body: {
        message: {
          error: 'Access Denied. The account is disabled; ask whoever runs this server',
        },
      },
    })
    // Only its owner learns that it is.
    expect((await login('wrong')).status).toBe(401)

    await asOperator((users) => users.enable(owner.userId))
    expect((await owner.send('GET', '/users')).status).toBe(401)
    expect((await login()).status).toBe(200)
  })

  test('is the only one that is signed out', async () => {
    await using server = await startTestServer()
    const [owner, other] = [
      await signUpAndLogIn(server.url, 'owner'),
      await signUpAndLogIn(server.url, 'b'),
    ]
    await operator(server.dataDir)((users) => users.logout('OWNER@nas.local'))
    expect((await owner.send('GET', '/users')).status).toBe(401)
    expect((await other.send('GET', '/users')).status).toBe(200)
  })
})
