import { memberOf } from '../domain/member'
import type { Wait } from '../domain/world'
import type { AcmeClient } from './acme-client'
import { AcmeFault, problemFault } from './acme-fault'

/** Where the answers to an authority's challenges are put, for whoever asks a server of ours for them. */
export interface ChallengeAnswers {
  put(token: string, keyAuthorization: string): Promise<void>
  remove(token: string): Promise<void>
}

/** How long an authority may take for one step, and how long we wait between looks unless it says, in milliseconds. */
const longestStep = 5 * 60_000
const shortestPause = 1_000
const longestPause = 30_000

/**
 * Orders a certificate (RFC 8555, section 7.4): proves each name by HTTP-01, hands the request in, and answers the chain,
 * PEM, the leaf first. Throws AcmeFault, and what the signal says when it ends a wait.
 */
export async function orderCertificate(
  client: AcmeClient,
  order: {
    readonly names: readonly string[]
    /** The request (PKCS #10), base64url of its DER. */
    readonly csr: string
    readonly answers: ChallengeAnswers
    readonly wait: Wait
    readonly signal: AbortSignal
  },
): Promise<string> {
  const { names, csr } = order
  const identifiers = names.map((value) => ({ type: 'dns', value }))
  const made = await client.post(await client.resource('newOrder'), 'an order', { identifiers })
  const url = made.headers.get('location')
  if (url === null) throw strange('an order')
  const document = made.json()
  for (const authorization of stringsOf(memberOf(document, 'authorizations'))) {
    await prove(client, authorization, order)
  }
  const ready = await settled(client, url, 'the order', ['ready', 'valid'], order)
  if (memberOf(ready, 'status') === 'ready') {
    await client.post(stringOf(memberOf(ready, 'finalize')), 'the certificate', { csr })
  }
  const valid = await settled(client, url, 'the order', ['valid'], order)
  const { text } = await client.post(stringOf(memberOf(valid, 'certificate')), 'the certificate')
  return text
}

type Pacing = { readonly wait: Wait; readonly signal: AbortSignal }

/** Shows the authority that a name leads here. */
async function prove(
  client: AcmeClient,
  url: string,
  order: Pacing & { readonly answers: ChallengeAnswers },
): Promise<void> {
  const authorization = (await client.post(url, 'a look at a name')).json()
  // It still believes what was shown to it a while ago.
  if (memberOf(authorization, 'status') === 'valid') return
  const name = nameOf(authorization)
  const challenge = challengesOf(authorization).find(
    (offered) => memberOf(offered, 'type') === 'http-01',
  )
  if (challenge === undefined) {
    throw new AcmeFault(`the authority wants ${name} shown in other ways than HTTP-01`, {
      hint: 'names with a * in them can only be shown by DNS, which is not done here: see SNAILPASS_ACME_NAMES',
    })
  }
  const token = stringOf(memberOf(challenge, 'token'))
  await order.answers.put(token, await client.keyAuthorization(token))
  try {
    await client.post(stringOf(memberOf(challenge, 'url')), `the challenge of ${name}`, {})
    await settled(client, url, `the challenge of ${name}`, ['valid'], order)
  } finally {
    // What can't be taken away now goes a day later, and says nothing of the challenge.
    await order.answers.remove(token).catch(() => {})
  }
}

/** Looks at a resource until it is in one of these states. Throws what the authority says where it came to another end. */
async function settled(
  client: AcmeClient,
  url: string,
  doing: string,
  states: readonly string[],
  { wait, signal }: Pacing,
): Promise<unknown> {
  for (let pause = shortestPause, waited = 0; ; pause = Math.min(2 * pause, longestPause)) {
    const answer = await client.post(url, doing)
    const document = answer.json()
    const status = stringOf(memberOf(document, 'status'))
    if (states.includes(status)) return document
    if (!['pending', 'processing', 'ready'].includes(status)) {
      throw problemFault(problemOf(document), { doing })
    }
    const time = Math.max(answer.retryAfter ?? pause, shortestPause)
    if (waited + time > longestStep) {
      throw new AcmeFault(`${doing} is not settled within five minutes`, {
        hint: 'wait: the authority may be slow today, and it is tried again by itself',
        retryAfter: answer.retryAfter,
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

function nameOf(authorization: unknown): string {
  return stringOf(memberOf(memberOf(authorization, 'identifier'), 'value'))
}

function challengesOf(authorization: unknown): readonly unknown[] {
  const challenges = memberOf(authorization, 'challenges')
  return Array.isArray(challenges) ? challenges : []
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(stringOf) : []
}

function stringOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw strange('what we asked for')
}

function strange(doing: string): AcmeFault {
  return new AcmeFault(`the authority answers ${doing} in a way that is not understood`, {
    hint: 'see that SNAILPASS_ACME_DIRECTORY is the directory of an authority (RFC 8555)',
  })
}
