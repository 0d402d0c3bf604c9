import { describe, expect, test } from 'bun:test'
import { withUsers } from '../../src/app/operations/users'
import { systemRuntime } from '../../src/app/runtime'
import { openTargets } from '../../src/app/targets'
import { loadConfig } from '../../src/config/load'
import { answerOf, failure } from '../support/answers'
import { basicAuth, signUpAndLogIn } from '../support/client'
import { startTestServer } from '../support/server'

function signUp(origin: URL, email: string): Promise<Response> {
  return fetch(new URL('/users', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: crypto.randomUUID(), email, master_password_hash: 'x' }),
  })
}

/** Returns a function that runs the operator's tasks on the database of a test server. */
function operatorOf(dataDir: string) {
  const { settings } = loadConfig({ environment: {}, flags: { dataDir }, file: null })
  const targets = openTargets(settings, systemRuntime)
  return <T>(work: Parameters<typeof withUsers<T>>[1]) => withUsers(targets, work)
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
  ])('is refused if SNAILPASS_SIGNUPS=%s does not allow it', async (mode, more, reason) => {
    await using server = await startTestServer({ settings: { SNAILPASS_SIGNUPS: mode, ...more } })
    const refused = await signUp(server.url, 'anna@nas.local')
    expect(await answerOf(refused)).toEqual(failure(403, `Access Denied. ${reason}`))
    expect(await operatorOf(server.dataDir)((users) => users.list())).toEqual([])
  })

  test('with invalid members is refused for those first', async () => {
    await using server = await startTestServer({ settings: { SNAILPASS_SIGNUPS: 'closed' } })
    expect((await signUp(server.url, 'nonsense')).status).toBe(400)
  })
})

describe('a disabled account', () => {
  test('is signed out and refused at once, and needs a new login after it is enabled again', async () => {
    await using server = await startTestServer()
    const asOperator = operatorOf(server.dataDir)
    const owner = await signUpAndLogIn(server.url, 'owner')
    const login = (hash = btoa('hash of owner')) =>
      fetch(new URL('/login', server.url), {
        headers: { authorization: basicAuth('owner@nas.local', hash) },
      })
    await asOperator((users) => users.disable(owner.userId))
    const denied = await owner.send('GET', '/records')
    expect(await answerOf(denied)).toEqual(failure(401, 'Authentication Error. Token is invalid'))
    const refused = await login()
    expect(await answerOf(refused)).toEqual(
      failure(403, 'Access Denied. The account is disabled; ask whoever runs this server'),
    )
    // Only someone with the right master password learns that the account is disabled.
    expect((await login('wrong')).status).toBe(401)

    await asOperator((users) => users.enable(owner.userId))
    expect((await owner.send('GET', '/users')).status).toBe(401)
    expect((await login()).status).toBe(200)
  })
})

test('a user whom the operator signs out needs a new login, and other users stay signed in', async () => {
  await using server = await startTestServer()
  const [owner, other] = [
    await signUpAndLogIn(server.url, 'owner'),
    await signUpAndLogIn(server.url, 'b'),
  ]
  await operatorOf(server.dataDir)((users) => users.logout('OWNER@nas.local'))
  expect((await owner.send('GET', '/users')).status).toBe(401)
  expect((await other.send('GET', '/users')).status).toBe(200)
})
