import { DomainError } from './errors'
import type { InvitationReads } from './invitation'

/** Who may sign up. */
export interface SignUpPolicy {
  /** Closed: nobody, invited or not; accounts are made by an operator. */
  readonly mode: 'open' | 'invited' | 'closed'
  /** Where sign-up is open: the domains of those who need no invitation, lower-cased; none for all of them. */
  readonly domains: readonly string[]
}

/** Throws `forbidden` for an address, lower-cased, that may not sign up. */
export async function requireSignUpAllowed(
  { mode, domains }: SignUpPolicy,
  invitations: Pick<InvitationReads, 'find'>,
  email: string,
): Promise<void> {
  if (mode === 'closed') throw new DomainError('forbidden', 'Sign-up is closed at this server')
  if (mode === 'open' && isOfDomains(email, domains)) return
  if ((await invitations.find(email)) !== null) return
  throw new DomainError(
    'forbidden',
    mode === 'invited'
      ? 'Sign-up is by invitation only at this server'
      : `Sign-up is for addresses of ${domains.join(', ')} at this server`,
  )
}

function isOfDomains(email: string, domains: readonly string[]): boolean {
  return domains.length === 0 || domains.includes(domainOf(email))
}

/** The domain of an address as the policy's are written: names beyond ASCII in their ASCII form. */
function domainOf(email: string): string {
  const domain = email.slice(email.lastIndexOf('@') + 1)
  return URL.canParse(`http://${domain}/`) ? new URL(`http://${domain}/`).hostname : domain
}
