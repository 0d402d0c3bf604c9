import { sanitizeLine } from '../../domain/text'
import { ownProperty } from '../../domain/untrusted'

/** Why a certificate could not be obtained. Message and hint are for operators and contain no secrets. */
export class AcmeFault extends Error {
  override readonly name = 'AcmeFault'
  /** What the operator can do. */
  readonly hint: string
  /** The CA's error type, such as `rateLimited` (RFC 8555, section 6.7); null if it named none that is standard. */
  readonly type: string | null
  /** Milliseconds that the CA asks us to wait; null if it does not ask. */
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
  'check that the name resolves to this machine, and that port 80 is forwarded to its HTTP listener, from the internet through router and firewall'

/** What fixes each type of error (RFC 8555, section 6.7). */
const hints: Readonly<Record<string, string>> = {
  caa: 'the CAA record of the name forbids this certificate authority: allow it there, or use another one',
  connection: reachabilityHint,
  dns: 'create an A or AAAA record for the name with the public address of this machine, and wait until it is published',
  externalAccountRequired:
    'this certificate authority requires an external account: set SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY to the values from it',
  invalidContact: 'set SNAILPASS_ACME_EMAIL to your email address, or leave it unset',
  rateLimited:
    'wait: the certificate authority issues no more for a while; for experiments, set SNAILPASS_ACME_STAGING',
  rejectedIdentifier:
    'this certificate authority issues no certificate for that name: check SNAILPASS_ACME_NAMES',
  tls: reachabilityHint,
  unauthorized: reachabilityHint,
  unsupportedContact: 'set SNAILPASS_ACME_EMAIL to your email address, or leave it unset',
  userActionRequired:
    'the certificate authority requires an action of yours on its website first: see its message',
}

const defaultHint =
  'check the status page of the certificate authority, and wait: the request is retried automatically'

/** Characters of a CA's text that are repeated at most. */
const maxDetailLength = 400

/** Returns the fault for a problem document (RFC 7807), also for one that is malformed. `action` is what was requested. */
export function faultFromProblem(
  document: unknown,
  { action, retryAfter = null }: { action: string; retryAfter?: number | null },
): AcmeFault {
  const type = problemType(document)
  const details = [detailOf(document), ...subproblems(document)].filter((text) => text !== '')
  const reason =
    details.length === 0 ? 'the certificate authority gave no reason' : details.join('; ')
  return new AcmeFault(`${action} was rejected: ${sanitizeLine(reason, maxDetailLength)}`, {
    hint: type === null ? defaultHint : (hints[type] ?? defaultHint),
    type,
    retryAfter,
  })
}

/** Returns the fault for a response that violates the protocol. `what` says how. */
export function unexpectedResponse(what: string, cause?: unknown): AcmeFault {
  const detail = sanitizeLine(what, maxDetailLength)
  return new AcmeFault(`unexpected response of the certificate authority: ${detail}`, {
    hint: 'check that SNAILPASS_ACME_DIRECTORY is the directory of a certificate authority (RFC 8555)',
    cause,
  })
}

/** Returns the last part of a type such as `urn:ietf:params:acme:error:rateLimited`; null for other types. */
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
