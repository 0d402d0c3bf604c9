import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { withUsers } from '../../src/app/operations/users'
import { systemRuntime } from '../../src/app/runtime'
import { openTargets } from '../../src/app/targets'
import { loadConfig } from '../../src/config/load'
import type { ManagedUsers } from '../../src/domain/managed-users'
import { answerOf, failure } from '../support/answers'
import { aField, aNote, aRecord, basicAuth, type Client, signUpAndLogIn } from '../support/client'
import { startTestServer, type TestServer } from '../support/server'
import { createTestTokens } from '../support/tokens'
import { vaultRows } from '../support/vaults'

const secretKey = 'the key of these tests'
const guarded = [
  ['GET', '/users'],
  ['GET', '/records'],
  ['POST', '/records'],
  ['PUT', '/records'],
  ['DELETE', '/records?id=x'],
  ['GET', '/additional_fields?id=x'],
  ['POST', '/additional_fields'],
  ['PUT', '/additional_fields'],
  ['DELETE', '/additional_fields?id=x'],
  ['GET', '/notes'],
  ['POST', '/notes'],
  ['PUT', '/notes'],
  ['DELETE', '/notes?id=x'],
  ['GET', '/account/vault'],
  ['POST', '/account/vault'],
  ['GET', '/account/devices'],
  ['DELETE', '/account/sessions'],
  ['GET', '/account/history'],
  ['DELETE', '/account/history'],
  ['GET', '/account/history/{entry}'],
  ['POST', '/account/history/{version}/restore'],
] as const

const invalidToken = failure(401, 'Authentication Error. Token is invalid')

async function startServerWithOwner() {
  const server = await startTestServer({ settings: { SNAILPASS_SECRET_KEY: secretKey } })
  return { server, owner: await signUpAndLogIn(server.url, 'owner') }
}

function ask(server: TestServer, [method, path]: readonly [string, string], token?: string) {
  return fetch(new URL(path, server.url), {
    method,
    headers: token === undefined ? {} : { 'x-access-token': token },
  })
}

function epochOf({ token }: Client): string {
  return String(JSON.parse(atob(token.split('.')[1] ?? '')).epoch)
}

/** Issues a token signed with the server's own key, like the owner's but for some claims. */
function issueToken(owner: Client, change: Record<string, string>, clock: () => number = Date.now) {
  const tokens = createTestTokens(new TextEncoder().encode(secretKey), clock)
  const session = { purpose: 'session', userId: owner.userId, epoch: epochOf(owner) } as const
  return tokens.issue({ ...session, ...change })
}

describe('every guarded route', () => {
  test('is in the list of these tests', async () => {
    await using server = await startTestServer()
    const { paths } = await (await fetch(new URL('/openapi.json', server.url))).json()
    const found = Object.entries<Record<string, { security: object[] }>>(paths).flatMap(
      ([path, operations]) =>
        Object.entries(operations)
          .filter(([, { security }]) => security.some((scheme) => 'token' in scheme))
          .map(([method]) => `${method.toUpperCase()} ${path}`),
    )
    const listed = guarded.map(([method, path]) => `${method} ${path.replace(/\?.*/, '')}`)
    expect(new Set(found)).toEqual(new Set(listed))
  })

  test('refuses a request without a token', async () => {
    const { server } = await startServerWithOwner()
    await using _ = server
    for (const route of guarded) {
      expect(await answerOf(ask(server, route)), route.join(' ')).toEqual(
        failure(400, 'Missing Request Header. Token is missing in x-access-token header'),
      )
    }
  })

  test('refuses an expired token', async () => {
    const { server, owner } = await startServerWithOwner()
    await using _ = server
    const token = await issueToken(owner, {}, () => Date.now() - 3_600_000)
    for (const route of guarded) {
      expect(await answerOf(ask(server, route, token)), route.join(' ')).toEqual(
        failure(401, 'Authentication Error. Token already expired'),
      )
    }
  })

  test('refuses a confirmation token, the token of an ended session or of an unknown user, and forged ones', async () => {
    const { server, owner } = await startServerWithOwner()
    await using _ = server
    const invalidTokens = {
      confirmation: await createTestTokens(new TextEncoder().encode(secretKey), Date.now).issue({
        purpose: 'confirmation',
        userId: owner.userId,
        email: 'owner@nas.local',
      }),
      'another epoch': await issueToken(owner, { epoch: 'another' }),
      'an unknown user': await issueToken(owner, { userId: 'nobody' }),
      'another key': await createTestTokens(
        new TextEncoder().encode('another key'),
        Date.now,
      ).issue({ purpose: 'session', userId: owner.userId, epoch: epochOf(owner) }),
      'no signature':
        `${btoa('{"alg":"none","typ":"JWT"}')}.${owner.token.split('.')[1]}.`.replaceAll('=', ''),
      'no token': 'garbage',
    }
    for (const [name, token] of Object.entries(invalidTokens)) {
      for (const route of guarded) {
        const answer = await answerOf(ask(server, route, token))
        expect(answer, `${name}: ${route.join(' ')}`).toEqual(invalidToken)
      }
    }
  })

  test('refuses the token of a user who is disabled, whom the operator has signed out, and who has left', async () => {
    await using server = await startTestServer()
    const settings = loadConfig({
      environment: {},
      flags: { dataDir: server.dataDir },
      file: null,
    }).settings
    const manage = (work: (managed: ManagedUsers) => Promise<unknown>) =>
      withUsers(openTargets(settings, systemRuntime), work)
    const leave = (name: string) =>
      fetch(new URL('/account', server.url), {
        method: 'DELETE',
        headers: { authorization: basicAuth(`${name}@nas.local`, btoa(`hash of ${name}`)) },
      })
    for (const [name, signOut] of [
      ['disabled', (id: string) => manage((managed) => managed.disable(id))],
      ['signed-out', (id: string) => manage((managed) => managed.logout(id))],
      ['left', (_: string, name: string) => leave(name)],
      [
        'back',
        async (id: string, name: string) => {
          await leave(name)
          expect(await manage((managed) => managed.undelete(id))).toBeTrue()
        },
      ],
    ] as const) {
      const { token, userId } = await signUpAndLogIn(server.url, name)
      expect((await ask(server, ['GET', '/users'], token)).status).toBe(200)
      await signOut(userId, name)
      for (const route of guarded) {
        const answer = await answerOf(ask(server, route, token))
        expect(answer, `${name}: ${route.join(' ')}`).toEqual(invalidToken)
      }
    }
  })

  test("refuses access to another user's rows, and leaves them as they are", async () => {
    const { server, owner } = await startServerWithOwner()
    await using _ = server
    const stranger = await signUpAndLogIn(server.url, 'stranger')
    const record = aRecord()
    const note = aNote()
    const field = aField(record.id)
    await owner.send('POST', '/records', record)
    await owner.send('POST', '/notes', note)
    await owner.send('POST', '/additional_fields', field)
    const before = vaultRows(server)

    const attempts = [
      stranger.send('PUT', '/records', { ...record, is_favorite: true }),
      stranger.send('DELETE', `/records?id=${record.id}`),
      stranger.send('PUT', '/notes', { ...note, is_favorite: true }),
      stranger.send('DELETE', `/notes?id=${note.id}`),
      stranger.send('GET', `/additional_fields?id=${record.id}`),
      stranger.send('POST', '/additional_fields', aField(record.id)),
      stranger.send('PUT', '/additional_fields', { ...field, value: 'x:y' }),
      stranger.send('DELETE', `/additional_fields?id=${field.id}`),
    ]
    for (const response of await Promise.all(attempts)) {
      expect(response.status).toBe(403)
      expect(await response.text()).toContain('Access Denied. ')
    }
    expect(vaultRows(server)).toEqual(before)
  })
})

test('the token of a deleted account is invalid: the answer is 401, not 404', async () => {
  const { server, owner } = await startServerWithOwner()
  await using _ = server
  using database = new Database(join(server.dataDir, 'snailpass.db'))
  database.run('pragma foreign_keys = on')
  database.run('delete from users')
  for (const route of guarded) {
    expect(await answerOf(ask(server, route, owner.token)), route.join(' ')).toEqual(invalidToken)
  }
})
