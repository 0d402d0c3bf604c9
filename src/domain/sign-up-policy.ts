import { canonicalDomain } from './email'
import { DomainError } from './errors'
import type { InvitationReads } from './invitation'

/** Who may sign up. */
export interface SignUpPolicy {
  /** `closed`: sign-up is refused, even with an invitation; operators create accounts. */
  readonly mode: 'open' | 'invited' | 'closed'
  /** If `mode` is open: domains whose addresses need no invitation, in ASCII and lower case; empty for all. */
  readonly domains: readonly string[]
}

/** Throws `forbidden` if an email address (in lower case) may not sign up. */
export async function requireSignUpAllowed(
  { mode, domains }: SignUpPolicy,
  invitations: Pick<InvitationReads, 'find'>,
  email: string,
): Promise<void> {
  if (mode === 'closed') throw new DomainError('forbidden', 'Sign-up is closed at this server')
  if (mode === 'open' && isInDomains(email, domains)) return
  if ((await invitations.find(email)) !== null) return
  throw new DomainError(
    'forbidden',
    mode === 'invited'
      ? 'Sign-up is by invitation only at this server'
      : `Sign-up is for addresses of ${domains.join(', ')} at this server`,
  )
}

function isInDomains(email: string, domains: readonly string[]): boolean {
  return (
    domains.length === 0 ||
    domains.includes(canonicalDomain(email.slice(email.lastIndexOf('@') + 1)))
  )
}
