import { expect } from 'bun:test'
import { connectToServer, type Fetch } from '../../src/web/vault/api/server'
import { deriveVaultKeys } from '../../src/web/vault/crypto/keys'
import { createApp } from '../../src/web/vault/state/app'
import { newForm } from '../../src/web/vault/state/entry-form'
import { owner } from './open-vaults'
import { startTestServer } from './server'

const { email, masterPassword } = owner

/** A server with an account, and pages of it that are not shown anywhere. */
export async function startWithPages(settings: Record<string, string> = {}) {
  const clock = { now: Date.now() }
  const server = await startTestServer({ settings, runtime: { clock: () => clock.now } })
  const asked: string[] = []
  const pushed: number[] = []
  const on = { asked: (_question: string) => {} }
  /** What the server answers instead of what it would; null for nothing at all. */
  const instead: (Response | Promise<Response> | null)[] = []
  const fetchPage: Fetch = (address, init) => {
    const url = new URL(address, new URL('/vault/', server.url))
    asked.push(`${init.method} ${url.pathname}`)
    on.asked(`${init.method} ${url.pathname}`)
    const other = instead.shift()
    if (other === null) return Promise.reject(new TypeError('no network'))
    return other === undefined ? fetch(url, init) : Promise.resolve(other)
  }
  const api = connectToServer(fetchPage)
  const openPage = async () => {
    const app = createApp({
      api,
      clock: () => clock.now,
      storage: null,
      preferredLanguages: ['en'],
      clipboard: { write: () => Promise.resolve(), hasFocus: () => true },
      history: { push: (number) => pushed.push(number), replace: () => {} },
      tell: () => {},
    })
    expect(await app.unlock({ email, masterPassword })).toBeNull()
    const vault = app.live.value
    if (vault === null) throw new Error('the vault is closed')
    return { app, vault }
  }
  const { masterPasswordHash } = await deriveVaultKeys(owner)
  const account = { id: crypto.randomUUID(), email, hint: null, masterPasswordHash }
  expect(await api.signUp(account)).toEqual({ ok: true, value: true })
  const stop = () => server.stop()
  const { url } = server
  return { url, clock, asked, pushed, instead, on, api, openPage, [Symbol.asyncDispose]: stop }
}

/** A form that somebody has typed into. */
export const aForm = (name: string) => {
  const form = newForm('record')
  return { ...form, texts: { ...form.texts, name, login: 'marta', password: 'hunter2' } }
}
