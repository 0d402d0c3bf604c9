import { createCredentialCheck } from '../../src/domain/credential-check'
import { createLogin, type Login } from '../../src/domain/login'

/** Returns the rule of sign-ins over one check of credentials with the same parts. */
export function createTestLogin(
  deps: Parameters<typeof createCredentialCheck>[0] &
    Omit<Parameters<typeof createLogin>[0], 'credentialCheck'>,
): Login {
  return createLogin({ ...deps, credentialCheck: createCredentialCheck(deps) })
}
