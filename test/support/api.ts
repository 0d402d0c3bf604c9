import { systemRuntime } from '../../src/app/runtime'
import { createAnswerCache } from '../../src/domain/answer-cache'
import { type Api, type ApiDeps, createApi } from '../../src/http/api'
import type { Client } from '../../src/http/client'
import { createLog } from '../../src/log'

/** What a test knows of a request besides what is in it. */
interface Connection {
  readonly client?: Client
  readonly peer?: string | null
}

/**
 * The HTTP API without sockets, over rules of a test's own: for states and errors that a real database is not brought into. A
 * rule that a test does not give rejects.
 */
export function createTestApi(change: Partial<ApiDeps> = {}) {
  const lines: Record<string, unknown>[] = []
  const reject = () => Promise.reject(new Error('the test gives no such rule'))
  const rules = { list: reject, add: reject, change: reject, delete: reject }
  const api = createApi({
    users: { signUp: reject },
    login: { login: reject },
    account: { listDevices: reject, endSessions: reject, leave: reject },
    sessions: { authenticate: reject, open: reject },
    emailConfirmation: { check: reject, confirm: reject },
    records: rules,
    additionalFields: rules,
    notes: rules,
    vaultSync: { read: reject, write: reject },
    masterPassword: { change: reject },
    history: { list: reject, read: reject, restore: reject, forget: reject },
    readiness: { check: reject },
    answerBudget: { hold: reject, tryHold: () => null, hasRoom: () => false },
    answerCache: createAnswerCache({ maxBytes: 0, monotonicClock: () => 0 }),
    resolveBaseUrl: () => 'http://pi/',
    findChallenge: null,
    needsHttps: () => false,
    signUps: { mode: 'open', domains: [] },
    publicUrl: null,
    authority: () => null,
    tlsPort: () => null,
    httpPort: () => null,
    log: createLog(
      'json',
      () => 0,
      (line) => lines.push(JSON.parse(line)),
    ),
    version: '1.2.3',
    maxBody: 1024,
    maxWholeVaultBody: 2048,
    corsOrigins: [],
    wait: systemRuntime.wait,
    monotonicClock: systemRuntime.monotonicClock,
    ...change,
  })
  return {
    api,
    /** The log of the API, which the lines of the requests themselves are not in: the listener writes those. */
    lines,
    ask: (path: string, init: RequestInit = {}, connection?: Connection) =>
      handleRequest(api, new Request(new URL(path, 'http://pi.local:5000/'), init), connection),
  }
}

/** Passes a request to an API, as the listener does. */
export async function handleRequest(
  api: Api,
  request: Request,
  { client = { address: null, isSecure: false }, peer = null }: Connection = {},
): Promise<Response> {
  api.contexts.open(request, () => ({ peer, client }))
  return await api.handle(request)
}

/** The answer without its body, with the headers that are not the same in every answer. */
export function headersOf({ headers }: Response): Record<string, string> {
  const common = [
    'x-content-type-options',
    'referrer-policy',
    'x-frame-options',
    'content-security-policy',
    'cache-control',
  ]
  return Object.fromEntries([...headers].filter(([name]) => !common.includes(name)))
}
