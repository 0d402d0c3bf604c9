import { AsyncLocalStorage } from 'node:async_hooks'
import { axios, Client } from 'acme-client'
import { reasonOf } from '../domain/errors'
import { AcmeFault, problemFault, problemType, strangeAnswer } from './acme-fault'
import type { AcmeAnswer, AcmeWire } from './acme-wire'

/** What an authority gave an operator, so that accounts here belong to the one there (RFC 8555, section 7.3.4). */
export interface ExternalAccount {
  readonly kid: string
  /** Base64url. */
  readonly key: { reveal(): string }
}

/** What came of a question, as the authority wrote it. */
export interface Answer {
  readonly document: unknown
  /** Milliseconds that the authority wants us to wait; null where it said nothing of it. */
  readonly retryAfter: number | null
}

export interface AcmeClient {
  /** Signs in, with a new account where there is none. Throws AcmeFault, as everything here, and what the signal says. */
  signIn(email: string | null): Promise<void>
  /** Asks by the library's client. `doing` names what is asked for in the words of a refusal. */
  ask(doing: string, question: (client: Client) => Promise<unknown>): Promise<Answer>
}

/** One question on its way through the library. */
interface Asking {
  readonly wire: AcmeWire
  /** URL of the directory. */
  readonly directory: string
  readonly doing: string
  requests: number
  retryAfter: number | null
  /** The refusal of a nonce that came last, while nothing else has come: the library keeps little of it. */
  refusal: unknown
}

/** A question takes a third of these where every nonce is refused; more is a loop of the library with a strange authority. */
const mostRequests = 64

/** All clients of the library share one way to the network: whose question a request belongs to, this tells. */
const asked = new AsyncLocalStorage<Asking>()

// Ours knows whom to trust, when to give up and how much to read, and ends with the server; the library's own waits for as
// long, and reads as much, as the other side likes. It also says what a refusal was, of which the library keeps a sentence.
axios.defaults.adapter = async (config) => {
  const asking = asked.getStore()
  if (asking === undefined) throw new Error('the library asks an authority by itself')
  const { url = '', data } = config
  if (++asking.requests > mostRequests)
    throw strangeAnswer(`${asking.doing} does not come to an end`)
  const answer = await asking.wire.send(url, {
    method: (config.method ?? 'get').toUpperCase(),
    ...(typeof data === 'string' && { body: data }),
  })
  asking.retryAfter = answer.retryAfter
  if (url === asking.directory) requireDirectory(url, answer)
  asking.refusal = undefined
  if (answer.status >= 400) {
    asking.refusal = answer.json()
    // This one it sends again by itself, with the nonce that came with it (RFC 8555, section 6.5).
    if (problemType(asking.refusal) !== 'badNonce') throw problemFault(asking.refusal, asking)
  }
  const { status, text, headers } = answer
  return { config, status, statusText: '', headers: Object.fromEntries(headers), data: text }
}

/** Speaks the protocol of RFC 8555 with the authority of a directory, as the owner of a key (PEM). */
export function createAcmeClient(deps: {
  readonly wire: AcmeWire
  readonly directory: string
  readonly key: string
  readonly external: ExternalAccount | null
  readonly signal: AbortSignal
}): AcmeClient {
  const { wire, directory, external, signal } = deps
  const client = new Client({
    directoryUrl: directory,
    accountKey: deps.key,
    ...(external !== null && {
      externalAccountBinding: { kid: external.kid, hmacKey: external.key.reveal() },
    }),
  })

  const ask: AcmeClient['ask'] = async (doing, question) => {
    const asking: Asking = {
      wire,
      directory,
      doing,
      requests: 0,
      retryAfter: null,
      refusal: undefined,
    }
    try {
      const document = await asked.run(asking, () => question(client))
      return { document, retryAfter: asking.retryAfter }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof AcmeFault) throw error
      if (asking.refusal !== undefined) throw problemFault(asking.refusal, asking)
      throw strangeAnswer(`${doing}: ${reasonOf(error)}`, error)
    }
  }

  return {
    ask,
    async signIn(email) {
      const doing = 'an account'
      try {
        await ask(doing, (by) => by.createAccount({ onlyReturnExisting: true }))
      } catch (error) {
        if (!isWithoutAccount(error, external)) throw aboutAccount(error, external)
        const account = {
          // By choosing this source of certificates, as the README says.
          termsOfServiceAgreed: true,
          ...(email !== null && { contact: [`mailto:${email}`] }),
        }
        await ask(doing, (by) => by.createAccount(account)).catch((fault) => {
          throw aboutAccount(fault, external)
        })
      }
    },
  }
}

function requireDirectory(url: string, { status, retryAfter, json }: AcmeAnswer): void {
  const resources = json()
  if (status === 200 && typeof resources === 'object' && resources !== null) return
  const answer = status === 200 ? 'what is no list of resources' : status
  throw new AcmeFault(`${url} is no directory of an authority: it answers ${answer}`, {
    hint: 'see what SNAILPASS_ACME_DIRECTORY says, or wait where the authority has an outage',
    retryAfter,
  })
}

/** Whether the authority knows no account of ours yet. Some want to see a binding before they look. */
function isWithoutAccount(error: unknown, external: ExternalAccount | null): boolean {
  if (!(error instanceof AcmeFault)) return false
  return (
    error.type === 'accountDoesNotExist' ||
    (error.type === 'externalAccountRequired' && external !== null)
  )
}

/**
 * The authority refuses an account. Where we are bound to one of its own, that binding is likelier wrong than anything else;
 * and nothing here is about a name that it could not reach.
 */
function aboutAccount(error: unknown, external: ExternalAccount | null): unknown {
  if (!(error instanceof AcmeFault)) return error
  const { message, type, retryAfter, cause } = error
  if (type !== 'unauthorized' && (type !== 'malformed' || external === null)) return error
  return new AcmeFault(message, {
    hint:
      external === null
        ? 'the account may be closed: move its file (tls/acme-…-account.key in the data folder) away, and a new one is made'
        : 'see that SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are what the authority gave you',
    type,
    retryAfter,
    cause,
  })
}
