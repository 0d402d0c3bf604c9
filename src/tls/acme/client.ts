import { AsyncLocalStorage } from 'node:async_hooks'
import { axios, Client } from 'acme-client'
import { errorMessage } from '../../domain/errors'
import { AcmeFault, faultFromProblem, problemType, unexpectedResponse } from './fault'
import type { AcmeResponse, AcmeTransport } from './transport'

/** What an authority gave an operator, so that accounts here belong to the one there (RFC 8555, section 7.3.4). */
export interface ExternalAccount {
  readonly kid: string
  /** Base64url. */
  readonly key: { reveal(): string }
}

/** What came of a question, as the authority wrote it. */
export interface AcmeResult {
  readonly document: unknown
  /** Milliseconds that the authority wants us to wait; null where it said nothing of it. */
  readonly retryAfter: number | null
}

export interface AcmeClient {
  /** Signs in, with a new account where there is none. Throws AcmeFault, as everything here, and what the signal says. */
  signIn(email: string | null): Promise<void>
  /** Asks by the library's client. `doing` names what is asked for in the words of a refusal. */
  request(action: string, call: (client: Client) => Promise<unknown>): Promise<AcmeResult>
}

/** One question on its way through the library. */
interface PendingRequest {
  readonly transport: AcmeTransport
  /** URL of the directory. */
  readonly directory: string
  readonly action: string
  requestCount: number
  retryAfter: number | null
  /** The refusal of a nonce that came last, while nothing else has come: the library keeps little of it. */
  problem: unknown
}

/** A question takes a third of these where every nonce is refused; more is a loop of the library with a strange authority. */
const maxRequests = 64

/** All clients of the library share one way to the network: whose question a request belongs to, this tells. */
const currentRequest = new AsyncLocalStorage<PendingRequest>()

// Ours knows whom to trust, when to give up and how much to read, and ends with the server; the library's own waits for as
// long, and reads as much, as the other side likes. It also says what a refusal was, of which the library keeps a sentence.
axios.defaults.adapter = async (config) => {
  const pending = currentRequest.getStore()
  if (pending === undefined) throw new Error('the library asks an authority by itself')
  const { url = '', data } = config
  if (++pending.requestCount > maxRequests)
    throw unexpectedResponse(`${pending.action} does not come to an end`)
  const answer = await pending.transport.send(url, {
    method: (config.method ?? 'get').toUpperCase(),
    ...(typeof data === 'string' && { body: data }),
  })
  pending.retryAfter = answer.retryAfter
  if (url === pending.directory) checkDirectory(url, answer)
  pending.problem = undefined
  if (answer.status >= 400) {
    pending.problem = answer.json()
    // This one it sends again by itself, with the nonce that came with it (RFC 8555, section 6.5).
    if (problemType(pending.problem) !== 'badNonce')
      throw faultFromProblem(pending.problem, pending)
  }
  const { status, text, headers } = answer
  return { config, status, statusText: '', headers: Object.fromEntries(headers), data: text }
}

/** Speaks the protocol of RFC 8555 with the authority of a directory, as the owner of a key (PEM). */
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
      const action = 'an account'
      try {
        await request(action, (acme) => acme.createAccount({ onlyReturnExisting: true }))
      } catch (error) {
        if (!isAccountMissing(error, externalAccount)) throw withAccountHint(error, externalAccount)
        const account = {
          // By choosing this source of certificates, as the README says.
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
  const answer = status === 200 ? 'what is no list of resources' : status
  throw new AcmeFault(`${url} is no directory of an authority: it answers ${answer}`, {
    hint: 'see what SNAILPASS_ACME_DIRECTORY says, or wait where the authority has an outage',
    retryAfter,
  })
}

/** Whether the authority knows no account of ours yet. Some want to see a binding before they look. */
function isAccountMissing(error: unknown, externalAccount: ExternalAccount | null): boolean {
  if (!(error instanceof AcmeFault)) return false
  return (
    error.type === 'accountDoesNotExist' ||
    (error.type === 'externalAccountRequired' && externalAccount !== null)
  )
}

/**
 * The authority refuses an account. Where we are bound to one of its own, that binding is likelier wrong than anything else;
 * and nothing here is about a name that it could not reach.
 */
function withAccountHint(error: unknown, externalAccount: ExternalAccount | null): unknown {
  if (!(error instanceof AcmeFault)) return error
  const { message, type, retryAfter, cause } = error
  if (type !== 'unauthorized' && (type !== 'malformed' || externalAccount === null)) return error
  return new AcmeFault(message, {
    hint:
      externalAccount === null
        ? 'the account may be closed: move its file (tls/acme-…-account.key in the data folder) away, and a new one is made'
        : 'see that SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are what the authority gave you',
    type,
    retryAfter,
    cause,
  })
}
