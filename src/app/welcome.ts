import type { Settings } from '../config/settings'
import type { SignUpPolicy } from '../domain/sign-up-policy'
import { isLoopbackUrl } from './local-addresses'
import { signUpPolicyOf } from './sign-up-policy'
import { vaultUrlOf } from './vault-url'

/** What a person needs next once a server runs. */
export interface Welcome {
  /** URLs of the server. Those that work on other machines come first. */
  readonly addresses: readonly string[]
  /** The address to open on another device: its page leads to the certificate first, and then to the vault. Null if only this machine reaches the server. */
  readonly deviceUrl: string | null
  /** Where people open the web vault; null if that needs HTTPS first. */
  readonly vaultUrl: string | null
  readonly dataDir: string
  readonly signUps: SignUpPolicy
  /** Whether there is no account yet. */
  readonly isEmpty: boolean
}

export function welcomeOf(
  settings: Pick<Settings, 'publicUrl' | 'dataDir' | 'signUps' | 'signUpDomains'>,
  addresses: readonly string[],
  { isEmpty }: { readonly isEmpty: boolean },
): Welcome {
  const { publicUrl, dataDir } = settings
  const reached = addresses.filter((url) => !isLoopbackUrl(url))
  const plain = reached.find((url) => url.startsWith('http:')) ?? reached[0] ?? null
  return {
    ...{ addresses, dataDir, isEmpty },
    deviceUrl: publicUrl?.href ?? plain,
    vaultUrl: vaultUrlOf(
      publicUrl,
      addresses.map((url) => new URL(url)),
    ),
    signUps: signUpPolicyOf(settings),
  }
}
