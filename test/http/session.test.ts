import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { withUsers } from '../../src/app/operations/users'
import { systemRuntime } from '../../src/app/runtime'
import { loadConfig } from '../../src/config/load'
import { createTokens } from '../../src/crypto/tokens'
import type { ManagedUsers } from '../../src/domain/managed-users'
import { aField, aNote, aRecord, type Client, signUpAndLogIn } from '../support/client'
import { startTestServer, type TestServer } from '../support/server'

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
] as const

const invalid = { message: { error: 'Authentication Error. Token is invalid' } }

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

/** What the server's own key signs, with what is in the owner's token. */
function forge(owner: Client, change: Record<string, string>, clock: () => number = Date.now) {
  const tokens = createTokens(new TextEncoder().encode(secretKey), clock)
  const session = { purpose: 'session', userId: owner.userId, epoch: epochOf(owner) } as const
  return tokens.issue({ ...session, ...change }, 600)
}

describe('every guarded route', () => {
  test('is one of these', async () => {
    await using server = await startTestServer()
    const { paths } = await (await fetch(new URL('/openapi.json', server.url))).json()
    const found = Object.entries<Record<string, { security: object[] }>>(paths).flatMap(
      ([path, operations]) =>
        Object.entries(operations)
          .filter(([, { security }]) => security.some((scheme) => 'token' in scheme))
          .map(([method]) => `${method.toUpperCase()} ${path}`),
    )
    const these = guarded.map(([method, path]) => `${method} ${path.replace(/\?.*/, '')}`)
    expect(new Set(found)).toEqual(new Set(these))
  })

  test('refuses whoever has no token', async () => {
    const { server } = await startServerWithOwner()
    await using _ = server
    for (const route of guarded) {
      const response = await ask(server, route)
      expect({ status: response.status, body: await response.json() }, route.join(' ')).toEqual({
        status: 400,
        body: {
          message: { error: 'Missing Request Header. Token is missing in x-access-token header' },
        },
      })
    }
  })

  test('refuses an expired token', async () => {
    const { server, owner } = await startServerWithOwner()
    await using _ = server
    const token = await forge(owner, {}, () => Date.now() - 3_600_000)
    for (const route of guarded) {
      const response = await ask(server, route, token)
      expect({ status: response.status, body: await response.json() }, route.join(' ')).toEqual({
        status: 401,
        body: { message: { error: 'Authentication Error. Token already expired' } },
      })
    }
  })

  test('refuses a confirmation token, one of a session that was ended, and one of nobody', async () => {
    const { server, owner } = await startServerWithOwner()
    await using _ = server
    const strangers = {
      confirmation: await createTokens(new TextEncoder().encode(secretKey), Date.now).issue(
        { purpose: 'confirmation', userId: owner.userId, email: 'owner@nas.local' },
        600,
      ),
      'another epoch': await forge(owner, { epoch: 'another' }),
      nobody: await forge(owner, { userId: 'nobody' }),
      'another key': await createTokens(new TextEncoder().encode('another key'), Date.now).issue(
        { purpose: 'session', userId: owner.userId, epoch: epochOf(owner) },
        600,
      ),
      'no key': `${btoa('{"alg":"none","typ":"JWT"}')}.${owner.token.split('.')[1]}.`.replaceAll(
        '=',
        '',
      ),
      'no token': 'garbage',
    }
    for (const [name, token] of Object.entries(strangers)) {
      for (const route of guarded) {
        const response = await ask(server, route, token)
        const answer = { status: response.status, body: await response.json() }
        expect(answer, `${name}: ${route.join(' ')}`).toEqual({ status: 401, body: invalid })
      }
    }
  })

  test('refuses a token of a user who was disabled, and one of a session that an operator ended', async () => {
    await using server = await startTestServer()
    const settings = loadConfig({
      environment: {},
      flags: { dataDir: server.dataDir },
      file: null,
    }).settings
    const users = (work: (managed: ManagedUsers) => Promise<unknown>) =>
      withUsers(settings, systemRuntime, work)
    for (const [name, keepOut] of [
      ['disabled', (managed: ManagedUsers, id: string) => managed.disable(id)],
      ['ended', (managed: ManagedUsers, id: string) => managed.logout(id)],
    ] as const) {
      const { token, userId } = await signUpAndLogIn(server.url, name)
      expect((await ask(server, ['GET', '/users'], token)).status).toBe(200)
      await users((managed) => keepOut(managed, userId))
      for (const route of guarded) {
        const response = await ask(server, route, token)
        const answer = { status: response.status, body: await response.json() }
        expect(answer, `${name}: ${route.join(' ')}`).toEqual({ status: 401, body: invalid })
      }
    }
  })

  test("refuses another user's rows, and leaves them as they are", async () => {
    const { server, owner } = await startServerWithOwner()
    await using _ = server
    const stranger = await signUpAndLogIn(server.url, 'stranger')
    const record = aRecord()
    const note = aNote()
    const field = aField(record.id)
    await owner.send('POST', '/records', record)
    await owner.send('POST', '/notes', note)
    await owner.send('POST', '/additional_fields', field)
    const before = contents(server)

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
    expect(contents(server)).toEqual(before)
  })
})

test('a token of an account that is gone is invalid, not "not found"', async () => {
  const { server, owner } = await startServerWithOwner()
  await using _ = server
  using database = new Database(join(server.dataDir, 'snailpass.db'))
  database.run('pragma foreign_keys = on')
  database.run('delete from users')
  for (const path of ['/users', '/records', '/notes', '/additional_fields?id=x']) {
    const response = await owner.send('GET', path)
    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 401,
      body: invalid,
    })
  }
})

function contents(server: TestServer): unknown {
  using database = new Database(join(server.dataDir, 'snailpass.db'), { readonly: true })
  return ['users', 'records', 'notes', 'additional_fields'].map((table) =>
    database.query(`select * from ${table} order by seq`).all(),
  )
}
