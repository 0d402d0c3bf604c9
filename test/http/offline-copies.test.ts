import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { systemRuntime } from '../../src/app/runtime'
import { DomainError } from '../../src/domain/errors'
import type { ApiDeps } from '../../src/http/api'
import { createClientResolver } from '../../src/http/client'
import { listen } from '../../src/http/listener'
import { createLog } from '../../src/log'
import { answerOf, failure } from '../support/answers'
import { createTestApi } from '../support/api'
import { aRecord, signUpAndLogIn } from '../support/client'
import { startTestServer } from '../support/server'
import { aUser, signedIn } from '../support/store'

/*
 * The offline-copy rule, see src/http/offline-copies.ts: clients delete their offline copy on a wrong answer to one of
 * these, so the server closes the connection instead.
 */
const collections = ['/records', '/notes', '/additional_fields?id=x']

/** Returns the status of an answer, or `cut` if the connection was closed without one. */
const outcomeOf = (request: Promise<Response>) =>
  request.then(
    (response) => response.status,
    () => 'cut',
  )

describe('a list that clients keep offline', () => {
  test('is not answered on a bug, which is logged whole, while other routes are', async () => {
    await using server = await startTestServer()
    const owner = await signUpAndLogIn(server.url, 'owner')
    const record = aRecord({ id: 'x' })
    await owner.send('POST', '/records', record)
    {
      using database = new Database(join(server.dataDir, 'snailpass.db'))
      database.run('drop table additional_fields')
      database.run('drop table notes')
    }
    for (const path of collections) {
      expect(await outcomeOf(owner.send('GET', path)), path).toBe('cut')
    }
    expect(await outcomeOf(owner.send('GET', '/users'))).toBe(200)
    const faulty = owner.send('DELETE', '/notes?id=x')
    expect(await answerOf(faulty)).toEqual(
      failure(
        500,
        "Unknown Error. Sorry, that error is on us, please contact support if this wasn't an accident",
      ),
    )
    const lines = server.log.map((line) => JSON.parse(line))
    const faults = lines.filter(({ level }) => level === 'error')
    expect(faults.length).toBeGreaterThanOrEqual(4)
    // Fetch repeats a GET whose connection was closed, so only its routes are known.
    const routesOf = (all: typeof lines) =>
      new Set(all.map(({ method, route }) => `${method} ${route}`))
    const copied = ['GET /additional_fields', 'GET /notes', 'GET /records']
    expect(routesOf(faults)).toEqual(new Set(['DELETE /notes', ...copied]))
    expect(routesOf(lines.filter(({ status }) => status === 'cut'))).toEqual(new Set(copied))
    for (const { fault } of faults) expect(fault).toContain('no such table')
    expect(lines.filter(({ status }) => status === 'cut').length).toBeGreaterThanOrEqual(3)
  })

  test.each(['unavailable', 'storage_full', 'vault_full', 'rate_limited'] as const)(
    'is not answered if a rule or the session guard throws %s',
    async (code) => {
      const error = new DomainError(code, 'not now')
      using ruleFails = startFailingServer({
        sessions: { authenticate: async () => user },
        fault: error,
      })
      using guardFails = startFailingServer({
        sessions: { authenticate: () => Promise.reject(error) },
        fault: error,
      })
      for (const { url } of [ruleFails, guardFails]) {
        for (const path of collections) {
          expect(await outcomeOf(ask(url, 'GET', path)), path).toBe('cut')
        }
      }
      const other = ask(ruleFails.url, 'DELETE', '/records?id=x')
      expect(await answerOf(other)).toEqual(failures[code])
    },
  )

  test.each([
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['not_found', 404],
  ] as const)('is answered if a rule throws %s', async (code, status) => {
    const fault = new DomainError(code, 'a reason')
    using listener = startFailingServer({ sessions: { authenticate: async () => user }, fault })
    for (const path of collections) {
      expect(await outcomeOf(ask(listener.url, 'GET', path))).toBe(status)
    }
  })
})

const failures = {
  unavailable: failure(503, 'Service Unavailable. not now'),
  storage_full: failure(507, 'Insufficient Storage. not now'),
  vault_full: failure(507, 'Insufficient Storage. not now'),
  rate_limited: failure(429, 'Too Many Requests. not now'),
}

const user = signedIn(aUser({ id: 'u' }))

function ask(url: URL, method: string, path: string): Promise<Response> {
  return fetch(new URL(path, url), { method, headers: { 'x-access-token': 'any' } })
}

/** A server whose rules all throw the same error: some can't be brought about with a real database. */
function startFailingServer(deps: {
  sessions: Pick<ApiDeps['sessions'], 'authenticate'>
  fault: Error
}): Disposable & { readonly url: URL } {
  const reject = () => Promise.reject(deps.fault)
  const rules = { list: reject, add: reject, change: reject, delete: reject }
  const { api } = createTestApi({
    sessions: { ...deps.sessions, open: reject },
    records: rules,
    additionalFields: rules,
    notes: rules,
  })
  const listener = listen(
    api,
    { hostname: '127.0.0.1', port: 0 },
    {
      certificates: null,
      resolveClient: createClientResolver(() => false),
      ...systemRuntime,
      log: createLog('json', Date.now, () => {}),
    },
  )
  return { url: listener.url, [Symbol.dispose]: () => void listener.stop({ now: true }) }
}
