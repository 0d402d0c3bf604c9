import { AsyncLocalStorage } from 'node:async_hooks'
import axios from 'acme-client/src/axios'
import Client from 'acme-client/src/client'
import { errorMessage } from '../../domain/errors'
import { AcmeFault, faultFromProblem, problemType, unexpectedResponse } from './fault'
import type { AcmeResponse, AcmeTransport } from './transport'

/** Credentials from a CA that bind our account to the operator's account there (RFC 8555, section 7.3.4). */
export interface ExternalAccount {
  readonly kid: string
  /** Base64url. */
  readonly key: { reveal(): string }
}

/** The response of the CA to a request. */
export interface AcmeResult {
  /** The JSON document, or a text; nothing of it has been checked. */
  readonly document: unknown
  /** Milliseconds that the CA asks us to wait; null if it does not ask. */
  readonly retryAfter: number | null
}

export interface AcmeClient {
  /** Looks up our account and creates it if there is none. Throws AcmeFault, or the reason of the signal. */
  signIn(email: string | null): Promise<void>
  /** Calls the library's client. `action` says in error messages what was requested. Throws like `signIn`. */
  request(action: string, call: (client: Client) => Promise<unknown>): Promise<AcmeResult>
}

/** The state of one call of the library, which may send several HTTP requests. */
interface PendingRequest {
  readonly transport: AcmeTransport
  /** URL of the directory. */
  readonly directory: string
  readonly action: string
  requestCount: number
  retryAfter: number | null
  /** The problem document of the last response, if that rejected a nonce: the library keeps only a part of it. */
  problem: unknown
}

/** A call takes a third of these if every nonce is rejected. More is an endless loop of the library with a faulty CA. */
const maxRequests = 64

/** All clients of the library share one HTTP adapter. This tells the adapter which call a request belongs to. */
const currentRequest = new AsyncLocalStorage<PendingRequest>()

// Our adapter trusts the configured CA bundle, has limits of time and size, and stops with the server; the library's own has
// no limits. It also keeps the whole problem document of a rejection, of which the library keeps one sentence.
axios.defaults.adapter = async (config) => {
  const pending = currentRequest.getStore()
  if (pending === undefined) throw new Error('the ACME library sent a request of its own')
  const { url = '', data } = config
  if (++pending.requestCount > maxRequests)
    throw unexpectedResponse(`${pending.action} needs too many requests`)
  const response = await pending.transport.send(url, {
    method: (config.method ?? 'get').toUpperCase(),
    ...(typeof data === 'string' && { body: data }),
  })
  pending.retryAfter = response.retryAfter
  if (url === pending.directory) checkDirectory(url, response)
  pending.problem = undefined
  if (response.status >= 400) {
    pending.problem = response.json()
    // The library repeats this request itself, with the nonce of the response (RFC 8555, section 6.5).
    if (problemType(pending.problem) !== 'badNonce')
      throw faultFromProblem(pending.problem, pending)
  }
  const { status, text, headers } = response
  return { config, status, statusText: '', headers: Object.fromEntries(headers), data: text }
}

/** Returns a client for the protocol of RFC 8555. `directory` is the URL of the CA's directory, `key` our account key (PEM). */
export function createAcmeClient(deps: {
  readonly transport: AcmeTransport
  readonly directory: string
  readonly key: string
  readonly externalAccount: ExternalAccount | null
  readonly signal: AbortSignal
}): AcmeClient {
  const { transport, directory, externalAccount, signal } = deps
  const client = new Client({
    directoryUrl: directory,
    accountKey: deps.key,
    ...(externalAccount !== null && {
      externalAccountBinding: { kid: externalAccount.kid, hmacKey: externalAccount.key.reveal() },
    }),
  })

  const request: AcmeClient['request'] = async (action, call) => {
    const pending: PendingRequest = {
      transport,
      directory,
      action,
      requestCount: 0,
      retryAfter: null,
      problem: undefined,
    }
    try {
      const document = await currentRequest.run(pending, () => call(client))
      return { document, retryAfter: pending.retryAfter }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof AcmeFault) throw error
      if (pending.problem !== undefined) throw faultFromProblem(pending.problem, pending)
      throw unexpectedResponse(`${action}: ${errorMessage(error)}`, error)
    }
  }

  return {
    request,
    async signIn(email) {
      const action = 'the account'
      try {
        await request(action, (acme) => acme.createAccount({ onlyReturnExisting: true }))
      } catch (error) {
        if (!isAccountMissing(error, externalAccount)) throw withAccountHint(error, externalAccount)
        const account = {
          // The operator agrees by choosing this source of certificates, as the documentation says.
          termsOfServiceAgreed: true,
          ...(email !== null && { contact: [`mailto:${email}`] }),
        }
        await request(action, (acme) => acme.createAccount(account)).catch((fault) => {
          throw withAccountHint(fault, externalAccount)
        })
      }
    },
  }
}

function checkDirectory(url: string, { status, retryAfter, json }: AcmeResponse): void {
  const resources = json()
  if (status === 200 && typeof resources === 'object' && resources !== null) return
  const reason = status === 200 ? 'the response is not a JSON object' : `status ${status}`
  throw new AcmeFault(`${url} is not an ACME directory: ${reason}`, {
    hint: 'check SNAILPASS_ACME_DIRECTORY; if it is right, the certificate authority may have an outage',
    retryAfter,
  })
}

/** Whether an error says that we have no account yet. Some CAs ask for the external account before they look it up. */
function isAccountMissing(error: unknown, externalAccount: ExternalAccount | null): boolean {
  if (!(error instanceof AcmeFault)) return false
  return (
    error.type === 'accountDoesNotExist' ||
    (error.type === 'externalAccountRequired' && externalAccount !== null)
  )
}

/**
 * Gives a rejection of the account a hint of its own: the usual one for `unauthorized` is about names that the CA can't reach.
 * With external account credentials, they are most likely wrong. Other errors are returned unchanged.
 */
function withAccountHint(error: unknown, externalAccount: ExternalAccount | null): unknown {
  if (!(error instanceof AcmeFault)) return error
  const { message, type, retryAfter, cause } = error
  if (type !== 'unauthorized' && (type !== 'malformed' || externalAccount === null)) return error
  return new AcmeFault(message, {
    hint:
      externalAccount === null
        ? 'the account may be closed: move its file (tls/acme-…-account.key in the data folder) away to create a new one'
        : 'check that SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are the values from the certificate authority',
    type,
    retryAfter,
    cause,
  })
}
