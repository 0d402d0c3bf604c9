import type { Client, Order } from 'acme-client'
import type { Wait } from '../../domain/runtime'
import { sanitizeLine } from '../../domain/text'
import { ownProperty } from '../../domain/untrusted'
import type { AcmeClient, AcmeResult } from './client'
import { AcmeFault, faultFromProblem, unexpectedResponse } from './fault'

/** Stores the responses to a CA's challenges, which our HTTP listeners serve. */
export interface ChallengeStore {
  put(token: string, keyAuthorization: string): Promise<void>
  remove(token: string): Promise<void>
}

/** How long a CA may take for one step, and how long to wait between two requests unless it says. In milliseconds. */
const stepTimeout = 5 * 60_000
const minPollInterval = 1_000
const maxPollInterval = 30_000

/** Limit for the characters of a name (RFC 1035, section 2.3.4). */
const maxNameLength = 253

/**
 * Orders a certificate (RFC 8555, section 7.4): proves control of each name with an HTTP-01 challenge, submits the signing
 * request, and returns the chain (PEM), starting with our certificate. Throws AcmeFault, or the reason of the signal.
 */
export async function orderCertificate(
  client: AcmeClient,
  options: PollOptions & {
    readonly names: readonly string[]
    /** The certificate signing request (PKCS #10) as PEM. */
    readonly csr: string
    readonly challenges: ChallengeStore
  },
): Promise<string> {
  const identifiers = options.names.map((value) => ({ type: 'dns', value }))
  const created = await client.request('the order', (acme) => acme.createOrder({ identifiers }))
  const order = parseOrder(created.document)
  for (const url of order.authorizations) {
    await authorizeName(client, { ...order, authorizations: [url] }, options)
  }
  const fetchOrder = () => client.request('the order', (acme) => acme.getOrder(order))
  const action = 'the order'
  const toReady = { action, states: ['ready', 'valid'], ...options }
  const ready = parseOrder(await pollStatus(fetchOrder, toReady))
  if (ready.status === 'ready') {
    await client.request('the certificate', (acme) => acme.finalizeOrder(ready, options.csr))
  }
  const toValid = { action, states: ['valid'], ...options }
  const valid = parseOrder(await pollStatus(fetchOrder, toValid))
  const { document } = await client.request('the certificate', (acme) => acme.getCertificate(valid))
  return stringOf(document)
}

type PollOptions = { readonly wait: Wait; readonly signal: AbortSignal }

/** Proves to the CA that we control a name. `order` has the URL of that name's authorization only. */
async function authorizeName(
  client: AcmeClient,
  order: Order,
  options: PollOptions & { readonly challenges: ChallengeStore },
): Promise<void> {
  const fetchAuthorization = async (action: string): Promise<AcmeResult> => {
    const { document, retryAfter } = await client.request(action, (acme) =>
      acme.getAuthorizations(order),
    )
    return { document: listOf(document)[0], retryAfter }
  }
  const { document } = await fetchAuthorization('the authorization of a name')
  // A recent proof is still valid.
  if (ownProperty(document, 'status') === 'valid') return
  const name = sanitizeLine(
    stringOf(ownProperty(ownProperty(document, 'identifier'), 'value')),
    maxNameLength,
  )
  const offered = challengesOf(document).find((one) => ownProperty(one, 'type') === 'http-01')
  if (offered === undefined) {
    throw new AcmeFault(`the certificate authority offers no HTTP-01 challenge for ${name}`, {
      hint: 'names with a * need a DNS challenge, which snailpass does not support: check SNAILPASS_ACME_NAMES',
    })
  }
  const challenge = parseChallenge(offered)
  const action = `the challenge for ${name}`
  const keyAuthorization = await client.request(action, (acme) =>
    acme.getChallengeKeyAuthorization(challenge),
  )
  await options.challenges.put(challenge.token, stringOf(keyAuthorization.document))
  try {
    await client.request(action, (acme) => acme.completeChallenge(challenge))
    await pollStatus(() => fetchAuthorization(action), { action, states: ['valid'], ...options })
  } finally {
    // A response that can't be removed now is deleted a day later. The failure says nothing about the challenge.
    await options.challenges.remove(challenge.token).catch(() => {})
  }
}

/**
 * Fetches a document until its status is one of `states`, and returns it. The CA may say how long to wait in between. Throws
 * AcmeFault if the status is another final one, or after `stepTimeout`.
 */
async function pollStatus(
  fetchDocument: () => Promise<AcmeResult>,
  {
    action,
    states,
    wait,
    signal,
  }: PollOptions & { readonly action: string; readonly states: readonly string[] },
): Promise<unknown> {
  for (
    let interval = minPollInterval, waited = 0;
    ;
    interval = Math.min(2 * interval, maxPollInterval)
  ) {
    const { document, retryAfter } = await fetchDocument()
    const status = stringOf(ownProperty(document, 'status'))
    if (states.includes(status)) return document
    if (!['pending', 'processing', 'ready'].includes(status)) {
      throw faultFromProblem(problemOf(document), { action })
    }
    const delay = Math.max(retryAfter ?? interval, minPollInterval)
    if (waited + delay > stepTimeout) {
      throw new AcmeFault(`${action} was not completed within five minutes`, {
        hint: 'wait: the certificate authority may be slow, and the request is retried automatically',
        retryAfter,
      })
    }
    await wait(delay, signal)
    waited += delay
  }
}

/** Returns the problem document of a failed order, or of the failed challenge of an authorization. */
function problemOf(document: unknown): unknown {
  const own = ownProperty(document, 'error')
  if (own !== undefined) return own
  return challengesOf(document)
    .map((challenge) => ownProperty(challenge, 'error'))
    .find((error) => error !== undefined)
}

const orderStates = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const

function parseOrder(document: unknown): Order {
  const certificate = ownProperty(document, 'certificate')
  return {
    url: stringOf(ownProperty(document, 'url')),
    status: orderStates.find((state) => state === ownProperty(document, 'status')) ?? 'invalid',
    identifiers: [],
    authorizations: listOf(ownProperty(document, 'authorizations')).map(stringOf),
    finalize: stringOf(ownProperty(document, 'finalize')),
    ...(certificate !== undefined && { certificate: stringOf(certificate) }),
  }
}

type Challenge = Parameters<Client['completeChallenge']>[0]

function parseChallenge(document: unknown): Challenge {
  return {
    type: 'http-01',
    status: 'pending',
    url: stringOf(ownProperty(document, 'url')),
    token: stringOf(ownProperty(document, 'token')),
  }
}

function challengesOf(authorization: unknown): readonly unknown[] {
  return listOf(ownProperty(authorization, 'challenges'))
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function stringOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw unexpectedResponse('a member is missing')
}
