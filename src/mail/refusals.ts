/**
 * What a refusal by a mail server is about. Only a refusal of the recipient or of the email itself is final: whatever is
 * about this server, such as a wrong password, the operator can fix, and the email can be sent afterwards.
 */

/** The step of SMTP that the mail server refused. `session`: the connection, by its greeting or later. */
export type SmtpStep = 'session' | 'name' | 'starttls' | 'sign-in' | 'sender' | 'recipient' | 'data'

/** `server`: the mail server does not send for this server, for any recipient. */
export type RefusalSubject = Exclude<SmtpStep, 'data'> | 'server' | 'content'

/** Reply codes that are about this server at any step: sign-in and encryption (RFC 4954, RFC 5248), the order of commands. */
const serverCodes = new Set([500, 502, 503, 504, 521, 523, 524, 525, 530, 534, 535, 538, 555])

/**
 * Subjects of enhanced status codes (RFC 3463) that are about the recipient: its address, its mailbox, the route to it, and
 * whether it can take the content. All other subjects are about this server: the mail system, the protocol, and policies.
 */
const recipientSubjects = new Set(['1', '2', '4', '6'])

/**
 * The exceptions to that (IANA's list of enhanced status codes): the address of the sender, and the load of the mail system, by which
 * Gmail names its daily limit. Exchange refuses a sender as a detail of the mailbox.
 */
const serverDetails = new Set(['1.7', '1.8', '2.252', '4.3', '4.5'])

/** And: the mailing list, the mailbox or the domain of the recipient that has other owners now. */
const recipientDetails = new Set(['7.2', '7.17', '7.18', '7.19'])

/**
 * Words about this server. They decide where an enhanced status code is missing or undefined, since such a refusal may be about
 * anything. To keep an email that can't be delivered costs nothing, to give one up loses it.
 */
const serverWords = [
  /\brelay(?:ing)?\b(?! recipient)|\bauth(?:enticat\w*)?\b|\blog(?:ged)?[ -]?in\b|\b(?:helo|ehlo)\b/i,
  /\bsenders?\b|\bsend ?as|\bspf\b|\bdkim\b|\bdmarc\b/i,
  /\bclient host\b|\byour (?:ip|host|server|domain|account)\b|\breverse dns\b|\brdns\b|\bptr\b/i,
  /\b(?:black|block|deny)[ -]?list|\bdnsbl\b|\brbl\b/i,
  /\bout(?:bound|going)|\bsending\b|\b(?:hourly|daily)\b|\bper (?:hour|day)\b|\brate[ -]limit/i,
]

/**
 * Returns what a refusal is about. Postfix and Exim refuse the recipient for what they hold against the client, its name, its
 * sign-in or the sender, and others do so after the content. `reply` is the whole reply of the mail server.
 */
export function refusalSubject(step: SmtpStep, reply: string): RefusalSubject {
  const { code, enhanced } = parseReply(reply)
  // The mail server closes the connection, at whatever step that is.
  if (code === 421) return 'session'
  if (step !== 'recipient' && step !== 'data') return step
  if (serverCodes.has(code)) return 'server'
  // A detail of 0 is any other than those defined.
  if (enhanced === null || enhanced.endsWith('.0')) {
    // Addresses may contain such words too.
    const words = reply.replaceAll(/\S*@\S*/g, '')
    if (serverWords.some((pattern) => pattern.test(words))) return 'server'
  }
  if (enhanced === null) return step === 'data' ? 'content' : step
  const subject = enhanced.split('.')[0] ?? ''
  const isAboutRecipient = recipientSubjects.has(subject)
    ? !serverDetails.has(enhanced)
    : recipientDetails.has(enhanced)
  if (!isAboutRecipient) return 'server'
  return subject === '6' && step === 'data' ? 'content' : 'recipient'
}

/** Returns the reply code, and subject and detail of the enhanced status code, such as `1.1`; null if it says nothing. */
function parseReply(reply: string): { code: number; enhanced: string | null } {
  const groups = /^(?<code>\d{3})(?:[ -]\d\.(?<enhanced>\d{1,3}\.\d{1,3})\b)?/.exec(reply)?.groups
  const enhanced = groups?.['enhanced'] ?? null
  return {
    code: Number(groups?.['code'] ?? 0),
    enhanced: enhanced === null || enhanced.startsWith('0.') ? null : enhanced,
  }
}
