/** Who may sign up: see `SignUpPolicy` of the domain. */
export interface SignUps {
  readonly mode: 'open' | 'invited' | 'closed'
  /** If `mode` is open: domains whose addresses need no invitation, in ASCII; empty for all. */
  readonly domains: readonly string[]
}
