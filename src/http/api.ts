/**
 * The HTTP API: everything between a socket and the rules in src/domain. Each noun has a file with its routes (`records`,
 * `notes`, `users`, `login` …), which check the request, call a rule and return its result. What they share has files of
 * its own: the session guard (`session`), the bodies on the wire (`schemas`, `validate-body`), the translation of errors
 * (`errors`), the rule about offline copies (`offline-copies`), and the sockets (`listener`). This file puts them together.
 *
 * Paths, members, statuses and texts follow the wire contract: what the existing clients and the original server agreed
 * on. `test/data/cases.jsonl` holds it as requests with their answers.
 */
import { Elysia } from 'elysia'
import type { Account } from '../domain/account'
import type { AcmeChallenges } from '../domain/acme-challenges'
import type { AdditionalFields } from '../domain/additional-fields'
import type { AnswerBudget } from '../domain/answer-budget'
import type { AnswerCache } from '../domain/answer-cache'
import type { Awaitable } from '../domain/awaitable'
import type { EmailConfirmation } from '../domain/email-confirmation'
import type { History } from '../domain/history'
import type { Login } from '../domain/login'
import type { MasterPassword } from '../domain/master-password'
import type { Notes } from '../domain/notes'
import type { Readiness } from '../domain/readiness'
import type { Records } from '../domain/records'
import { answerTimeout } from '../domain/request-bounds'
import type { MonotonicClock, Wait } from '../domain/runtime'
import type { Sessions } from '../domain/sessions'
import type { SignUpPolicy } from '../domain/sign-up-policy'
import type { Users } from '../domain/users'
import type { VaultSync } from '../domain/vault-sync'
import type { Log } from '../log'
import { accountRoutes } from './account'
import { acmeChallengeRoutes } from './acme-challenges'
import { additionalFieldsRoutes } from './additional-fields'
import { type AuthorityFiles, authorityRoutes } from './authority-pages'
import type { ResolveBaseUrl } from './base-url'
import { setUrl } from './client'
import { createCors } from './cors'
import { createErrorPages } from './error-pages'
import { createErrorHandler, errorResponse, toErrorResponse } from './errors'
import { healthRoutes } from './health'
import { historyRoutes } from './history'
import { HttpError } from './http-error'
import { createFieldsKeeper } from './kept-fields'
import { loginRoutes } from './login'
import { masterPasswordPath, masterPasswordRoutes } from './master-password'
import { createMethodTable } from './method-not-allowed'
import { notesRoutes } from './notes'
import { copiedOfflineRoutes } from './offline-copies'
import { createOpenApiDocument, type Route } from './openapi'
import { basePathOf, pagesRoutes } from './pages'
import { checkContentLength, createJsonReader, type ReadJsonBody } from './read-body'
import { recordsRoutes } from './records'
import { createRequestContexts, type RequestContexts } from './request-context'
import type { NeedsHttps } from './require-https'
import { withCommonHeaders } from './responses'
import { createSessionGuard } from './session'
import { usersRoutes } from './users'
import { maxVaultBody, vaultPath, vaultRoutes } from './vault'
import { createVaultAnswers } from './vault-answers'
import { vaultPageRoutes } from './vault-page'

export interface ApiDeps {
  readonly users: Users
  readonly login: Login
  readonly account: Account
  readonly sessions: Sessions
  readonly emailConfirmation: EmailConfirmation
  readonly records: Records
  readonly additionalFields: AdditionalFields
  readonly notes: Notes
  readonly vaultSync: VaultSync
  readonly masterPassword: MasterPassword
  readonly history: History
  readonly answerBudget: AnswerBudget
  readonly answerCache: AnswerCache
  readonly readiness: Readiness
  /** Chooses the server's URL for the links in emails. */
  readonly resolveBaseUrl: ResolveBaseUrl
  readonly needsHttps: NeedsHttps
  /** Who may sign up, for pages to say; the rules refuse others. */
  readonly signUps: SignUpPolicy
  /** Where browsers and clients reach this server, with a slash at its end; null if the operator has not said. */
  readonly publicUrl: URL | null
  /** Returns this server's own certificate authority; null if it has none. */
  readonly authority: () => AuthorityFiles | null
  /** Returns the HTTPS port; null if HTTPS is off. */
  readonly tlsPort: () => number | null
  /** Returns the port at which other machines reach this server over plain HTTP; null for none. */
  readonly httpPort: () => number | null
  /** Null if no certificate authority is used. */
  readonly findChallenge: AcmeChallenges['find'] | null
  readonly log: Log
  readonly version: string
  /** Maximum size of a request body, in bytes. */
  readonly maxBody: number
  /** Maximum size of a body with a whole vault, in bytes. */
  readonly maxWholeVaultBody: number
  /** Origins of the web pages that may read answers. */
  readonly corsOrigins: readonly string[]
  readonly wait: Wait
  readonly monotonicClock: MonotonicClock
}

export interface Api {
  /** Answers a request that has a context. It never throws what a route threw, and waits only if the answer is not known. */
  handle(request: Request): Awaitable<Response>
  readonly contexts: RequestContexts
}

/**
 * Creates the API. If several errors apply to a request, the first of these steps decides the answer: path and method (the
 * router), announced length of the body, token (the guard), JSON, members of the body, state of the data.
 */
export function createApi(deps: ApiDeps): Api {
  const contexts = createRequestContexts()
  const guard = createSessionGuard(deps.sessions, contexts)
  const createReader = (bounds: { maxBytes: number; isLarge?: boolean }): ReadJsonBody => {
    const read = createJsonReader({ ...bounds, wait: deps.wait })
    return async (request, signal) => {
      const body = await read(request, signal)
      contexts.get(request).deadline = deps.monotonicClock() + answerTimeout
      return body
    }
  }
  const readJson = createReader({ maxBytes: deps.maxBody })
  const readLargeJson = createReader({ maxBytes: maxVaultBody })
  const readVaultJson = createReader({ maxBytes: deps.maxWholeVaultBody, isLarge: true })
  const { answerBudget: budget, answerCache: cache, log } = deps
  const answerVault = createVaultAnswers({ budget, cache, contexts, log })
  const keepFields = createFieldsKeeper({ budget, cache })
  const maxBodies = new Map([
    [vaultPath, maxVaultBody],
    [masterPasswordPath, deps.maxWholeVaultBody],
  ])
  const cors = createCors(deps.corsOrigins)
  const described = [
    pagesRoutes({ ...deps, contexts }),
    authorityRoutes({ ...deps, contexts }),
    vaultPageRoutes({ ...deps, contexts }),
    usersRoutes({ ...deps, guard, readJson, contexts }),
    loginRoutes({ ...deps, contexts }),
    accountRoutes({ ...deps, guard, contexts }),
    recordsRoutes({ ...deps, guard, readJson, answerVault }),
    additionalFieldsRoutes({ ...deps, guard, readJson, answerVault, keepFields }),
    notesRoutes({ ...deps, guard, readJson, answerVault }),
    vaultRoutes({ ...deps, guard, readLargeJson, answerVault }),
    historyRoutes({ ...deps, contexts, guard, answerVault }),
    masterPasswordRoutes({ ...deps, contexts, readVaultJson }),
    healthRoutes({ ...deps, contexts }),
  ]
  const groups = [
    ...described,
    openApiRoutes(() => createOpenApiDocument(routesOf(described), deps.version)),
    acmeChallengeRoutes(deps),
  ]
  const methodTable = createMethodTable(routesOf(groups), contexts)
  const handleError = createErrorHandler({
    ...deps,
    contexts,
    copiedRoutes: copiedOfflineRoutes(routesOf(groups)),
  })

  // The hooks come first: Elysia applies them only to the routes that are added after them.
  const app = new Elysia({
    strictPath: true,
    // Otherwise every route is 404 at short origins like http://pi/.
    handler: { standardHostname: false },
  })
    .onError(({ error, code, request }) =>
      // The router reports NOT_FOUND also for a path that exists, but not with this method.
      code === 'NOT_FOUND' ? methodTable.respond(request) : handleError(error, request),
    )
    .onBeforeHandle(({ request, route }) => {
      contexts.get(request).route = route
      checkContentLength(request, maxBodies.get(route) ?? deps.maxBody)
    })
  for (const group of groups) app.use(group)
  app.compile()

  const toErrorPage = createErrorPages({ contexts, base: basePathOf(deps.publicUrl) })

  function finish(request: Request, answer: Response): Awaitable<Response> {
    const response = toErrorPage(request, answer)
    if (response instanceof Promise) return response.then((page) => withHeaders(request, page))
    return withHeaders(request, response)
  }

  function withHeaders(request: Request, response: Response): Response {
    cors.addHeaders(request, response)
    return withCommonHeaders(response)
  }

  return {
    contexts,
    handle(request) {
      const answer =
        refuseTunnel(request) ??
        refuseBadHost(request) ??
        cors.preflight(request) ??
        app.fetch(request)
      if (!(answer instanceof Promise)) return finish(request, answer)
      return answer.then(
        (response) => finish(request, response),
        // Elysia passes on what a handler that it does not await rejects with.
        (error: unknown) => finish(request, handleError(error, request)),
      )
    },
  }
}

function routesOf(groups: readonly { readonly routes: readonly Route[] }[]): readonly Route[] {
  return groups.flatMap((group) => group.routes)
}

/** The document is created when it is first asked for. */
function openApiRoutes(createDocument: () => string) {
  const headers = { 'content-type': 'application/json' }
  let document: string | null = null
  return new Elysia().get('/openapi.json', () => {
    document ??= createDocument()
    return new Response(document, { headers })
  })
}

/** Returns a 405 to a client that takes this server for a proxy. The connection is closed, since it takes it for a tunnel now. */
function refuseTunnel({ method }: Request): Response | null {
  if (method !== 'CONNECT') return null
  const headers = { allow: 'OPTIONS, GET, HEAD, POST, PUT, DELETE', connection: 'close' }
  return errorResponse(405, 'Method Not Allowed. This server is no proxy', headers)
}

/** The paths that health checks ask for, some of them in HTTP/1.0 and without a Host header. */
const healthPaths: ReadonlySet<string | undefined> = new Set(['/', '/healthz', '/readyz'])

/**
 * Returns a 400 if the Host header gives no valid URL (RFC 9112, section 3.2), since all other code parses that URL. A health
 * check without the header gets an URL instead.
 */
function refuseBadHost(request: Request): Response | null {
  const { url } = request
  if (URL.canParse(url)) return null
  const { method, headers } = request
  const isHealthCheck =
    ['GET', 'HEAD', 'OPTIONS'].includes(method) && healthPaths.has(url.split('?')[0])
  if (isHealthCheck && (headers.get('host') ?? '') === '') {
    setUrl(request, `http://localhost${url}`)
    return null
  }
  return toErrorResponse(
    new HttpError(400, 'Missing Request Header', 'The Host header is missing or not valid'),
  )
}
