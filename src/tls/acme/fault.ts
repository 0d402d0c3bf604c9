import { sanitizeLine } from '../../domain/text'
import { ownProperty } from '../../domain/untrusted'

/** Where and why an attempt at a certificate ended. Both texts are for operators and hold no secret. */
export class AcmeFault extends Error {
  override readonly name = 'AcmeFault'
  /** What to do about it. */
  readonly hint: string
  /** The authority's word for it, as `rateLimited` (RFC 8555, section 6.7); null where it said nothing that we understand. */
  readonly type: string | null
  /** Milliseconds that the authority wants us to wait; null where it said nothing of it. */
  readonly retryAfter: number | null

  constructor(
    message: string,
    fault: { hint: string; type?: string | null; retryAfter?: number | null; cause?: unknown },
  ) {
    super(message, { cause: fault.cause })
    this.hint = fault.hint
    this.type = fault.type ?? null
    this.retryAfter = fault.retryAfter ?? null
  }
}

const reachabilityHint =
  'see that the name leads to this machine and that port 80 of it reaches the plain HTTP listener here, from the internet, through router and firewall'

/** What mends each kind of refusal (RFC 8555, section 6.7). */
const hints: Readonly<Record<string, string>> = {
  caa: 'the CAA record of the name forbids this authority: allow it there, or take another one',
  connection: reachabilityHint,
  dns: 'give the name an A or AAAA record with the public address of this machine, and wait until it is known',
  externalAccountRequired:
    'this authority wants accounts of its own: set SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY to what it gave you',
  invalidContact: 'set SNAILPASS_ACME_EMAIL to an address of yours, or leave it out',
  rateLimited:
    'wait: the authority gives no more for a while; for trials there is SNAILPASS_ACME_STAGING',
  rejectedIdentifier: 'this authority gives no certificate for that name: see SNAILPASS_ACME_NAMES',
  tls: reachabilityHint,
  unauthorized: reachabilityHint,
  unsupportedContact: 'set SNAILPASS_ACME_EMAIL to an address of yours, or leave it out',
  userActionRequired:
    'the authority wants you to do something with your account first: see what it says',
}

const defaultHint = 'see what the authority says of itself, and wait: it is tried again by itself'

/** Longest text of an authority that is repeated, in characters. */
const maxDetailLength = 400

/** What a problem document says (RFC 7807); for one that is none, that. */
export function faultFromProblem(
  document: unknown,
  { action, retryAfter = null }: { action: string; retryAfter?: number | null },
): AcmeFault {
  const type = problemType(document)
  const details = [detailOf(document), ...subproblems(document)].filter((text) => text !== '')
  const reason = details.length === 0 ? 'the authority gave no reason' : details.join('; ')
  return new AcmeFault(`${action} was refused: ${sanitizeLine(reason, maxDetailLength)}`, {
    hint: type === null ? defaultHint : (hints[type] ?? defaultHint),
    type,
    retryAfter,
  })
}

/** An answer that keeps to no protocol that we know; `what` says which, or to what. */
export function unexpectedResponse(what: string, cause?: unknown): AcmeFault {
  const detail = sanitizeLine(what, maxDetailLength)
  return new AcmeFault(`the authority answers in a way that is not understood: ${detail}`, {
    hint: 'see that SNAILPASS_ACME_DIRECTORY is the directory of an authority (RFC 8555)',
    cause,
  })
}

/** The last word of `urn:ietf:params:acme:error:rateLimited`; null for types of others. */
export function problemType(document: unknown): string | null {
  const type = ownProperty(document, 'type')
  if (typeof type !== 'string') return null
  return /^urn:ietf:params:acme:error:(?<word>\w+)$/.exec(type)?.groups?.['word'] ?? null
}

function subproblems(document: unknown): readonly string[] {
  const list = ownProperty(document, 'subproblems')
  return Array.isArray(list) ? list.map(detailOf) : []
}

function detailOf(document: unknown): string {
  const detail = ownProperty(document, 'detail')
  return typeof detail === 'string' ? detail : ''
}
