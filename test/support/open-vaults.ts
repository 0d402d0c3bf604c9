import type { Runtime } from '../../src/app/runtime'
import { openAccount } from '../../src/web/vault/api/open-account'
import { connectToServer, type Fetch, type ServerApi } from '../../src/web/vault/api/server'
import { deriveVaultKeys } from '../../src/web/vault/crypto/keys'
import { createVaultState, type VaultState } from '../../src/web/vault/state/open-vault'
import { startTestServer, type TestServer } from './server'

export const owner = { email: 'marta@example.org', masterPassword: 'four quiet snails' }

/** A server with one account, as pages of the web vault see it. */
export interface VaultPages extends AsyncDisposable {
  readonly server: TestServer
  readonly api: ServerApi
  /** Stands in for `fetch` of every page: may answer, or refuse to, before or after the server did. */
  intercept: Fetch | null
  open(masterPassword?: string): Promise<VaultState>
}

export async function startVaultPages(
  settings: Readonly<Record<string, string>> = {},
  runtime: Partial<Runtime> = {},
): Promise<VaultPages> {
  const server = await startTestServer({ settings, runtime })
  const send: Fetch = (address, init) =>
    fetch(new URL(address, new URL('/vault/', server.url)), init)
  const pages: VaultPages = {
    server,
    api: connectToServer((address, init) => (pages.intercept ?? send)(address, init)),
    intercept: null,
    async open(masterPassword = owner.masterPassword) {
      const opened = await openAccount(pages.api, { email: owner.email, masterPassword })
      if (!opened.ok) throw new Error(`the vault is closed: ${JSON.stringify(opened.failure)}`)
      const { api } = pages
      return createVaultState({
        ...{ api, opened: opened.value, language: () => 'en', onSignedOut: () => {} },
      })
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
  const { masterPasswordHash } = await deriveVaultKeys(owner)
  const account = { id: crypto.randomUUID(), email: owner.email, hint: null, masterPasswordHash }
  const created = await pages.api.signUp(account)
  if (!created.ok) throw new Error('there is no account')
  return pages
}
