import type { Settings } from '../config/settings'
import type { SignUpPolicy } from '../domain/sign-up-policy'

/** Returns who may sign up, as the settings say. */
export function signUpPolicyOf({
  signUps,
  signUpDomains,
}: Pick<Settings, 'signUps' | 'signUpDomains'>): SignUpPolicy {
  return { mode: signUps, domains: signUpDomains }
}
