import type { OpenAccount } from '../../src/web/vault/api/open-account'
import { connectToServer, type Failure, type Fetch } from '../../src/web/vault/api/server'
import { createSession } from '../../src/web/vault/api/session'
import type { VaultKeys } from '../../src/web/vault/crypto/keys'
import type { OpenEntry } from '../../src/web/vault/model/entries'
import { createApp } from '../../src/web/vault/state/app'
import type { TabMessage } from '../../src/web/vault/state/auto-lock'

/** The email of the account that `enter` opens. */
export const pageEmail = 'marta@example.org'

/** A key for vaults of which nothing is decrypted by a password. */
export const createVaultKey = () =>
  crypto.subtle.generateKey({ name: 'AES-CBC', length: 256 }, false, ['encrypt', 'decrypt'])

/** No master password has them, unless a test says otherwise. */
const usualKeys: VaultKeys = {
  masterPasswordHash: 'hash',
  encryptionKey: await createVaultKey(),
}

interface PageState {
  /** The time that the page is told, in milliseconds. */
  now: number
  clipboard: string
  /** What other tabs were told. */
  readonly told: TabMessage[]
}

/** What a page of the web vault knows and does, without a browser. `askServer` stands in for its server. */
export function createPageApp({ now, askServer }: { now: number; askServer: Fetch }) {
  const state: PageState = { now, clipboard: '', told: [] }
  const api = connectToServer(askServer)
  const app = createApp({
    ...{ api, clock: () => state.now, storage: null, preferredLanguages: ['en'] },
    clipboard: {
      hasFocus: () => true,
      write: (text) => {
        state.clipboard = text
        return Promise.resolve()
      },
    },
    history: { push: () => {}, replace: () => {} },
    tell: (message) => state.told.push(message),
  })
  return {
    ...{ app, state },
    /** Opens a vault, as if its owner had signed in. */
    enter(entries: readonly OpenEntry[], keys: VaultKeys = usualKeys): Promise<void> {
      const credentials = { email: pageEmail, masterPasswordHash: keys.masterPasswordHash }
      const account: OpenAccount = {
        session: createSession(api, credentials, 'token'),
        ...{ keys, salt: pageEmail },
        vault: { state: 's', email: pageEmail, hint: 'snail', entries },
      }
      return app.enter(account)
    },
  }
}

/** Stands in for a server that is away. */
export const noServer: Fetch = () => Promise.reject(new TypeError('no network'))

/** Returns what a server has refused. */
export function refused(status: number, detail = '', retryAfter: number | null = null): Failure {
  return { kind: 'refused', status, retryAfter, detail }
}
