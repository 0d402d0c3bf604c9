import type { Result, ServerApi, SignInCredentials } from './server'

/** A session with the server. SignInCredentials and token are in the memory of the page alone. */
export interface VaultSession {
  readonly credentials: SignInCredentials
  /**
   * Asks the server with a token. If that has expired, it signs in again, once, with the credentials it has: what somebody is
   * typing must not depend on it. A session that was ended on purpose stays ended.
   */
  ask<Value>(question: (token: string) => Promise<Result<Value>>): Promise<Result<Value>>
  /** Goes on with another token, as after signing out everywhere else. */
  renew(token: string): void
}

export function createSession(
  api: ServerApi,
  credentials: SignInCredentials,
  firstToken: string,
): VaultSession {
  let token = firstToken
  let renewal: Promise<Result<string>> | null = null

  /** Several requests that find the token expired share one sign-in. */
  function signInAgain(): Promise<Result<string>> {
    renewal ??= api.signIn(credentials).finally(() => {
      renewal = null
    })
    return renewal
  }

  return {
    credentials,
    renew(other) {
      token = other
    },
    async ask(question) {
      const used = token
      const answer = await question(used)
      if (!isUnauthenticated(answer)) return answer
      // Another token came meanwhile, as after signing out everywhere else.
      const isRenewed = token !== used
      // What the wire contract says of a token that was good once.
      if (!isRenewed && !/expired/i.test(detailOf(answer))) return signedOut
      if (!isRenewed) {
        const renewed = await signInAgain()
        if (!renewed.ok) return isUnauthenticated(renewed) ? signedOut : renewed
        token = renewed.value
      }
      const again = await question(token)
      return isUnauthenticated(again) ? signedOut : again
    },
  }
}

const signedOut = { ok: false, failure: { kind: 'signed-out' } } as const

function isUnauthenticated(result: Result<unknown>): boolean {
  return !result.ok && result.failure.kind === 'refused' && result.failure.status === 401
}

function detailOf(result: Result<unknown>): string {
  return !result.ok && result.failure.kind === 'refused' ? result.failure.detail : ''
}
