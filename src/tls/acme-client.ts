import { calculateJwkThumbprint, exportJWK, FlattenedSign, type JWK } from 'jose'
import { memberOf } from '../domain/member'
import { accountAlgorithm } from './acme-account'
import { AcmeFault, problemFault, problemType } from './acme-fault'
import type { AcmeAnswer, AcmeWire } from './acme-wire'

/** What an authority gave an operator, so that accounts here belong to the one there (RFC 8555, section 7.3.4). */
export interface ExternalAccount {
  readonly kid: string
  /** Base64url. */
  readonly key: { reveal(): string }
}

export interface AcmeClient {
  /** Signs in, with a new account where there is none. Throws AcmeFault, as everything here. */
  signIn(account: { email: string | null; external: ExternalAccount | null }): Promise<void>
  /** `doing` names what is asked for in the words of a refusal. No payload reads (RFC 8555, section 6.3). */
  post(url: string, doing: string, payload?: object): Promise<AcmeAnswer>
  /** The address of one of the directory's resources. */
  resource(name: Resource): Promise<string>
  /** What is to be answered to a challenge (RFC 8555, section 8.1). */
  keyAuthorization(token: string): Promise<string>
}

type Resource = 'newNonce' | 'newAccount' | 'newOrder'

/** How often a nonce that was not good is followed by the next one. Authorities refuse some at random. */
const mostNonces = 10

/** Speaks the protocol of RFC 8555 with the authority of a directory, as the owner of a key. */
export function createAcmeClient(deps: {
  readonly wire: AcmeWire
  readonly directory: string
  readonly key: CryptoKey
}): AcmeClient {
  const { wire, key } = deps
  let resources: unknown
  let nonce: string | null = null
  /** The account's address; null before it is known, when the key itself says who signs. */
  let account: string | null = null

  async function resource(name: Resource): Promise<string> {
    if (resources === undefined) {
      const answer = await wire.send(deps.directory)
      if (answer.status !== 200) throw noDirectory(`it answers ${answer.status}`, answer.retryAfter)
      resources = answer.json()
    }
    const url = memberOf(resources, name)
    if (typeof url === 'string' && URL.canParse(url)) return url
    throw noDirectory(`it names no ${name}`, null)
  }

  function noDirectory(what: string, retryAfter: number | null): AcmeFault {
    return new AcmeFault(`${deps.directory} is no directory of an authority: ${what}`, {
      hint: 'see what SNAILPASS_ACME_DIRECTORY says, or wait where the authority has an outage',
      retryAfter,
    })
  }

  async function takeNonce(): Promise<string> {
    const kept = nonce
    nonce = null
    if (kept !== null) return kept
    const { headers } = await wire.send(await resource('newNonce'), { method: 'HEAD' })
    return headers.get('replay-nonce') ?? ''
  }

  async function sign(url: string, payload: object | undefined): Promise<string> {
    const bytes = new TextEncoder().encode(payload === undefined ? '' : JSON.stringify(payload))
    const who = account === null ? { jwk: await publicJwk(key) } : { kid: account }
    const header = { alg: accountAlgorithm, nonce: await takeNonce(), url, ...who }
    return JSON.stringify(await new FlattenedSign(bytes).setProtectedHeader(header).sign(key))
  }

  async function post(url: string, doing: string, payload?: object): Promise<AcmeAnswer> {
    for (let nonces = 1; ; nonces++) {
      const answer = await wire.send(url, { method: 'POST', body: await sign(url, payload) })
      nonce = answer.headers.get('replay-nonce')
      if (answer.status >= 200 && answer.status < 300) return answer
      const problem = answer.json()
      if (problemType(problem) === 'badNonce' && nonces < mostNonces) continue
      throw problemFault(problem, { doing, retryAfter: answer.retryAfter })
    }
  }

  return {
    post,
    resource,

    async signIn({ email, external }) {
      account = null
      const url = await resource('newAccount')
      const payload = {
        // By choosing this source of certificates, as the README says.
        termsOfServiceAgreed: true,
        ...(email !== null && { contact: [`mailto:${email}`] }),
        ...(external !== null && {
          externalAccountBinding: await bind(external, url, await publicJwk(key)),
        }),
      }
      const { headers } = await post(url, 'an account', payload).catch((error) => {
        throw external === null ? error : aboutBinding(error)
      })
      account = headers.get('location')
      if (account === null) throw problemFault(undefined, { doing: 'an account' })
    },

    async keyAuthorization(token) {
      return `${token}.${await calculateJwkThumbprint(await publicJwk(key))}`
    },
  }
}

/** The authority refuses an account; where we are bound to one of its own, that binding is likelier wrong than anything else. */
function aboutBinding(error: unknown): unknown {
  if (!(error instanceof AcmeFault)) return error
  const { message, type, retryAfter, cause } = error
  if (type !== 'unauthorized' && type !== 'malformed') return error
  return new AcmeFault(message, {
    hint: 'see that SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are what the authority gave you',
    type,
    retryAfter,
    cause,
  })
}

async function publicJwk(key: CryptoKey): Promise<JWK> {
  const { kty = '', crv = '', x = '', y = '' } = await exportJWK(key)
  return { kty, crv, x, y }
}

async function bind({ kid, key }: ExternalAccount, url: string, jwk: JWK): Promise<object> {
  const secret = Buffer.from(key.reveal(), 'base64url')
  return await new FlattenedSign(new TextEncoder().encode(JSON.stringify(jwk)))
    .setProtectedHeader({ alg: 'HS256', kid, url })
    .sign(secret)
}
