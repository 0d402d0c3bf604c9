import type { Client, Order } from 'acme-client'
import { memberOf } from '../domain/member'
import { inOneLine } from '../domain/text'
import type { Wait } from '../domain/world'
import type { AcmeClient, Answer } from './acme-client'
import { AcmeFault, problemFault, strangeAnswer } from './acme-fault'

/** Where the answers to an authority's challenges are put, for whoever asks a server of ours for them. */
export interface ChallengeAnswers {
  put(token: string, keyAuthorization: string): Promise<void>
  remove(token: string): Promise<void>
}

/** How long an authority may take for one step, and how long we wait between looks unless it says, in milliseconds. */
const longestStep = 5 * 60_000
const shortestPause = 1_000
const longestPause = 30_000

/** Characters of a name (RFC 1035, section 2.3.4). */
const longestName = 253

/**
 * Orders a certificate (RFC 8555, section 7.4): proves each name by HTTP-01, hands the request in, and answers the chain,
 * PEM, the leaf first. Throws AcmeFault, and what the signal says when it ends a wait.
 */
export async function orderCertificate(
  client: AcmeClient,
  plan: Pacing & {
    readonly names: readonly string[]
    /** The request (PKCS #10), PEM. */
    readonly csr: string
    readonly answers: ChallengeAnswers
  },
): Promise<string> {
  const identifiers = plan.names.map((value) => ({ type: 'dns', value }))
  const made = await client.ask('an order', (by) => by.createOrder({ identifiers }))
  const order = parseOrder(made.document)
  for (const url of order.authorizations) {
    await prove(client, { ...order, authorizations: [url] }, plan)
  }
  const look = () => client.ask('the order', (by) => by.getOrder(order))
  const ready = parseOrder(await settled(look, 'the order', ['ready', 'valid'], plan))
  if (ready.status === 'ready') {
    await client.ask('the certificate', (by) => by.finalizeOrder(ready, plan.csr))
  }
  const valid = parseOrder(await settled(look, 'the order', ['valid'], plan))
  const { document } = await client.ask('the certificate', (by) => by.getCertificate(valid))
  return stringOf(document)
}

type Pacing = { readonly wait: Wait; readonly signal: AbortSignal }

/** Shows the authority that the name of an order of a single one leads here. */
async function prove(
  client: AcmeClient,
  order: Order,
  plan: Pacing & { readonly answers: ChallengeAnswers },
): Promise<void> {
  const look = async (doing: string): Promise<Answer> => {
    const { document, retryAfter } = await client.ask(doing, (by) => by.getAuthorizations(order))
    return { document: listOf(document)[0], retryAfter }
  }
  const { document } = await look('a look at a name')
  // It still believes what was shown to it a while ago.
  if (memberOf(document, 'status') === 'valid') return
  const name = inOneLine(stringOf(memberOf(memberOf(document, 'identifier'), 'value')), longestName)
  const offered = challengesOf(document).find((one) => memberOf(one, 'type') === 'http-01')
  if (offered === undefined) {
    throw new AcmeFault(`the authority wants ${name} shown in other ways than HTTP-01`, {
      hint: 'names with a * in them can only be shown by DNS, which is not done here: see SNAILPASS_ACME_NAMES',
    })
  }
  const challenge = parseChallenge(offered)
  const doing = `the challenge of ${name}`
  const answer = await client.ask(doing, (by) => by.getChallengeKeyAuthorization(challenge))
  await plan.answers.put(challenge.token, stringOf(answer.document))
  try {
    await client.ask(doing, (by) => by.completeChallenge(challenge))
    await settled(() => look(doing), doing, ['valid'], plan)
  } finally {
    // What can't be taken away now goes a day later, and says nothing of the challenge.
    await plan.answers.remove(challenge.token).catch(() => {})
  }
}

/** Looks until what it sees is in one of these states. Throws what the authority says where it came to another end. */
async function settled(
  look: () => Promise<Answer>,
  doing: string,
  states: readonly string[],
  { wait, signal }: Pacing,
): Promise<unknown> {
  for (let pause = shortestPause, waited = 0; ; pause = Math.min(2 * pause, longestPause)) {
    const { document, retryAfter } = await look()
    const status = stringOf(memberOf(document, 'status'))
    if (states.includes(status)) return document
    if (!['pending', 'processing', 'ready'].includes(status)) {
      throw problemFault(problemOf(document), { doing })
    }
    const time = Math.max(retryAfter ?? pause, shortestPause)
    if (waited + time > longestStep) {
      throw new AcmeFault(`${doing} is not settled within five minutes`, {
        hint: 'wait: the authority may be slow today, and it is tried again by itself',
        retryAfter,
      })
    }
    await wait(time, signal)
    waited += time
  }
}

/** What became of an order or of the challenge that failed. */
function problemOf(document: unknown): unknown {
  const own = memberOf(document, 'error')
  if (own !== undefined) return own
  return challengesOf(document)
    .map((challenge) => memberOf(challenge, 'error'))
    .find((error) => error !== undefined)
}

const orderStates = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const

function parseOrder(document: unknown): Order {
  const certificate = memberOf(document, 'certificate')
  return {
    url: stringOf(memberOf(document, 'url')),
    status: orderStates.find((state) => state === memberOf(document, 'status')) ?? 'invalid',
    identifiers: [],
    authorizations: listOf(memberOf(document, 'authorizations')).map(stringOf),
    finalize: stringOf(memberOf(document, 'finalize')),
    ...(certificate !== undefined && { certificate: stringOf(certificate) }),
  }
}

type Challenge = Parameters<Client['completeChallenge']>[0]

function parseChallenge(document: unknown): Challenge {
  return {
    type: 'http-01',
    status: 'pending',
    url: stringOf(memberOf(document, 'url')),
    token: stringOf(memberOf(document, 'token')),
  }
}

function challengesOf(authorization: unknown): readonly unknown[] {
  return listOf(memberOf(authorization, 'challenges'))
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function stringOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw strangeAnswer('what was asked for is missing')
}
