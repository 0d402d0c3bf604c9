import type { Client, Order } from 'acme-client'
import type { Wait } from '../../domain/runtime'
import { sanitizeLine } from '../../domain/text'
import { ownProperty } from '../../domain/untrusted'
import type { AcmeClient, AcmeResult } from './client'
import { AcmeFault, faultFromProblem, unexpectedResponse } from './fault'

/** Where the answers to an authority's challenges are put, for whoever asks a server of ours for them. */
export interface ChallengeStore {
  put(token: string, keyAuthorization: string): Promise<void>
  remove(token: string): Promise<void>
}

/** How long an authority may take for one step, and how long we wait between looks unless it says, in milliseconds. */
const stepTimeout = 5 * 60_000
const minPollInterval = 1_000
const maxPollInterval = 30_000

/** Characters of a name (RFC 1035, section 2.3.4). */
const maxNameLength = 253

/**
 * Orders a certificate (RFC 8555, section 7.4): proves each name by HTTP-01, hands the request in, and answers the chain,
 * PEM, the leaf first. Throws AcmeFault, and what the signal says when it ends a wait.
 */
export async function orderCertificate(
  client: AcmeClient,
  options: PollOptions & {
    readonly names: readonly string[]
    /** The request (PKCS #10), PEM. */
    readonly csr: string
    readonly challenges: ChallengeStore
  },
): Promise<string> {
  const identifiers = options.names.map((value) => ({ type: 'dns', value }))
  const created = await client.request('an order', (acme) => acme.createOrder({ identifiers }))
  const order = parseOrder(created.document)
  for (const url of order.authorizations) {
    await authorizeName(client, { ...order, authorizations: [url] }, options)
  }
  const fetchOrder = () => client.request('the order', (acme) => acme.getOrder(order))
  const ready = parseOrder(await pollUntil(fetchOrder, 'the order', ['ready', 'valid'], options))
  if (ready.status === 'ready') {
    await client.request('the certificate', (acme) => acme.finalizeOrder(ready, options.csr))
  }
  const valid = parseOrder(await pollUntil(fetchOrder, 'the order', ['valid'], options))
  const { document } = await client.request('the certificate', (acme) => acme.getCertificate(valid))
  return stringOf(document)
}

type PollOptions = { readonly wait: Wait; readonly signal: AbortSignal }

/** Shows the authority that the name of an order of a single one leads here. */
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
  const { document } = await fetchAuthorization('a look at a name')
  // It still believes what was shown to it a while ago.
  if (ownProperty(document, 'status') === 'valid') return
  const name = sanitizeLine(
    stringOf(ownProperty(ownProperty(document, 'identifier'), 'value')),
    maxNameLength,
  )
  const offered = challengesOf(document).find((one) => ownProperty(one, 'type') === 'http-01')
  if (offered === undefined) {
    throw new AcmeFault(`the authority wants ${name} shown in other ways than HTTP-01`, {
      hint: 'names with a * in them can only be shown by DNS, which is not done here: see SNAILPASS_ACME_NAMES',
    })
  }
  const challenge = parseChallenge(offered)
  const action = `the challenge of ${name}`
  const answer = await client.request(action, (acme) =>
    acme.getChallengeKeyAuthorization(challenge),
  )
  await options.challenges.put(challenge.token, stringOf(answer.document))
  try {
    await client.request(action, (acme) => acme.completeChallenge(challenge))
    await pollUntil(() => fetchAuthorization(action), action, ['valid'], options)
  } finally {
    // What can't be taken away now goes a day later, and says nothing of the challenge.
    await options.challenges.remove(challenge.token).catch(() => {})
  }
}

/** Looks until what it sees is in one of these states. Throws what the authority says where it came to another end. */
async function pollUntil(
  poll: () => Promise<AcmeResult>,
  action: string,
  states: readonly string[],
  { wait, signal }: PollOptions,
): Promise<unknown> {
  for (
    let interval = minPollInterval, waited = 0;
    ;
    interval = Math.min(2 * interval, maxPollInterval)
  ) {
    const { document, retryAfter } = await poll()
    const status = stringOf(ownProperty(document, 'status'))
    if (states.includes(status)) return document
    if (!['pending', 'processing', 'ready'].includes(status)) {
      throw faultFromProblem(problemOf(document), { action })
    }
    const delay = Math.max(retryAfter ?? interval, minPollInterval)
    if (waited + delay > stepTimeout) {
      throw new AcmeFault(`${action} is not settled within five minutes`, {
        hint: 'wait: the authority may be slow today, and it is tried again by itself',
        retryAfter,
      })
    }
    await wait(delay, signal)
    waited += delay
  }
}

/** What became of an order or of the challenge that failed. */
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
  throw unexpectedResponse('what was asked for is missing')
}
