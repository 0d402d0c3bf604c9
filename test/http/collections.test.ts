import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { systemRuntime } from '../../src/app/runtime'
import { DomainError } from '../../src/domain/errors'
import { type ApiDeps, createApi } from '../../src/http/api'
import { createClientResolver } from '../../src/http/client'
import { listen } from '../../src/http/listener'
import { createLog } from '../../src/log'
import { aRecord, signUpAndLogIn } from '../support/client'
import { startTestServer } from '../support/server'

/*
 * Both clients keep an offline copy that a wrong answer to one of these destroys, so a fault closes the
 * connection instead of answering.
 */
const collections = ['/records', '/notes', '/additional_fields?id=x']

const answered = (request: Promise<Response>) =>
  request.then(
    (response) => response.status,
    () => 'cut',
  )

describe('a collection', () => {
  test('is not answered by a fault, which is logged whole, while everything else is', async () => {
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
      expect(await answered(owner.send('GET', path)), path).toBe('cut')
    }
    expect(await answered(owner.send('GET', '/users'))).toBe(200)
    const faulty = await owner.send('DELETE', '/notes?id=x')
    expect({ status: faulty.status, body: await faulty.json() }).toEqual({
      status: 500,
      body: {
        message: {
          error:
            "Unknown Error. Sorry, that error is on us, please contact support if this wasn't an accident",
        },
      },
    })
    const lines = server.log.map((line) => JSON.parse(line))
    const faults = lines.filter(({ level }) => level === 'error')
    expect(faults.length).toBeGreaterThanOrEqual(4)
    for (const { fault } of faults) expect(fault).toContain('no such table')
    expect(lines.filter(({ status }) => status === 'cut').length).toBeGreaterThanOrEqual(3)
  })

  test.each(['unavailable', 'storage_full', 'vault_full', 'rate_limited'] as const)(
    'is not answered by a rule that says %s, on the way or before it',
    async (code) => {
      const error = new DomainError(code, 'not now')
      using atRule = startFailingServer({
        sessions: { authenticate: async () => user },
        fault: error,
      })
      using atGuard = startFailingServer({
        sessions: { authenticate: () => Promise.reject(error) },
        fault: error,
      })
      for (const { url } of [atRule, atGuard]) {
        for (const path of collections) {
          expect(await answered(ask(url, 'GET', path)), path).toBe('cut')
        }
      }
      const other = await ask(atRule.url, 'DELETE', '/records?id=x')
      expect({ status: other.status, body: await other.json() }).toEqual(refusals[code])
    },
  )

  test.each([
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['not_found', 404],
  ] as const)('is answered when a rule says %s', async (code, status) => {
    const fault = new DomainError(code, 'so it is')
    using listener = startFailingServer({ sessions: { authenticate: async () => user }, fault })
    for (const path of collections) {
      expect(await answered(ask(listener.url, 'GET', path))).toBe(status)
    }
  })
})

const refusals = {
  unavailable: { status: 503, body: { message: { error: 'Service Unavailable. not now' } } },
  storage_full: { status: 507, body: { message: { error: 'Insufficient Storage. not now' } } },
  vault_full: { status: 507, body: { message: { error: 'Insufficient Storage. not now' } } },
  rate_limited: { status: 429, body: { message: { error: 'Too Many Requests. not now' } } },
}

const user = {
  id: 'u',
  email: 'a@b.cc',
  passwordHash: '',
  hint: null,
  emailConfirmed: true,
  sessionEpoch: '',
  creationTime: 0,
  isDisabled: false,
  loginTime: null,
}

function ask(url: URL, method: string, path: string): Promise<Response> {
  return fetch(new URL(path, url), { method, headers: { 'x-access-token': 'any' } })
}

/** An API whose every rule throws the same: faults that no database can be brought to make. */
function startFailingServer(deps: {
  sessions: Pick<ApiDeps['sessions'], 'authenticate'>
  fault: Error
}): Disposable & { readonly url: URL } {
  const reject = () => Promise.reject(deps.fault)
  const rules = { list: reject, add: reject, change: reject, delete: reject }
  const log = createLog('json', Date.now, () => {})
  const api = createApi({
    users: { signUp: reject },
    login: { login: reject },
    sessions: { ...deps.sessions, open: reject },
    emailConfirmation: { confirm: reject },
    records: rules,
    additionalFields: rules,
    notes: rules,
    readiness: { check: reject },
    resolveBaseUrl: () => 'http://pi/',
    findChallenge: null,
    requireHttps: () => {},
    authority: () => null,
    tlsPort: () => null,
    httpPort: () => null,
    log,
    version: '0',
    maxBody: 1024,
    corsOrigins: [],
    wait: systemRuntime.wait,
  })
  const listener = listen(
    api,
    { hostname: '127.0.0.1', port: 0 },
    {
      certificates: null,
      resolveClient: createClientResolver(() => false),
      ...systemRuntime,
      log,
    },
  )
  return { url: listener.url, [Symbol.dispose]: () => void listener.stop({ now: true }) }
}
