import { expect } from 'bun:test'
import { openAccount } from '../../src/web/vault/api/open-account'
import { connectToServer, type ServerApi } from '../../src/web/vault/api/server'
import { deriveVaultKeys, type VaultKeys } from '../../src/web/vault/crypto/keys'
import { createVaultState, type VaultState } from '../../src/web/vault/state/open-vault'
import type { UsedBrowser } from './browsers'
import { anOpenNote, anOpenRecord } from './open-entries'
import { owner, startVaultPages, type VaultPages } from './open-vaults'
import type { VaultPage, VaultScreen } from './vault-browser'
import { startVaultFront, type VaultFront } from './vault-front'

export const newRecord = (change: Parameters<typeof anOpenRecord>[0]) => ({
  ...anOpenRecord(change),
  ...{ id: crypto.randomUUID(), revision: null },
})

export const newNote = (change: Parameters<typeof anOpenNote>[0]) => ({
  ...anOpenNote(change),
  ...{ id: crypto.randomUUID(), revision: null },
})

type NewEntry = ReturnType<typeof newRecord> | ReturnType<typeof newNote>

/** An account with these entries, and a front before its server. */
export interface FilledVault extends VaultPages {
  readonly front: VaultFront
}

async function startWith(entries: readonly NewEntry[]): Promise<VaultPages> {
  const pages = await startVaultPages()
  const vault = await pages.open()
  for (const entry of entries) expect(await vault.save(entry)).toEqual({ kind: 'saved' })
  return pages
}

/** Starts a server with an account that has entries of each kind, and a former version of one. */
export async function startFilled(): Promise<VaultPages> {
  const totp = 'otpauth://totp/Gitforge?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  const texts = [
    { name: 'URL', value: 'https://gitforge.example/login' },
    { name: 'TOTP', value: totp },
    { name: 'Folder', value: 'Work/Servers' },
    { name: 'Notes', value: 'Recovery phone\nis the old one' },
  ]
  const bank = newRecord({ name: 'Bank', texts: [{ name: 'Tags', value: 'money' }] })
  const pages = await startWith([
    newRecord({ name: 'Gitforge', texts, isFavorite: true }),
    bank,
    newRecord({ name: 'Old forum', isTrashed: true }),
    newNote({ name: 'Door' }),
  ])
  const vault = await pages.open()
  const saved = vault.find(bank.id)
  if (saved?.kind !== 'record') throw new Error('there is no record')
  expect(await vault.save({ ...saved, login: 'olga' })).toEqual({ kind: 'saved' })
  return pages
}

export async function startFilledVault(...entries: readonly NewEntry[]): Promise<FilledVault> {
  const pages = await startWith(entries)
  const front = startVaultFront(pages.server)
  return Object.assign(pages, {
    front,
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]()
      await pages.server.stop()
    },
  })
}

export async function unlock(
  at: VaultPage,
  { email, masterPassword }: Partial<typeof owner> = {},
): Promise<void> {
  const isKnown = (await at.page.$('#email')) === null
  if (!isKnown) await at.fill('Email', email ?? owner.email)
  await at.fill('Master password', masterPassword ?? owner.masterPassword)
  await at.press('Enter')
  await at.page.waitForSelector('.app')
}

/** Returns where the vault of a server is opened: browsers have cryptography at `localhost`, and not at every address of this machine. */
export function vaultAt({ url }: { readonly url: URL }): URL {
  return new URL(`http://localhost:${url.port}/vault/`)
}

/** Opens a vault and unlocks it, through the front before its server if there is one. */
export async function openUnlocked(
  used: UsedBrowser,
  pages: Pick<VaultPages, 'server'> | Pick<FilledVault, 'front'>,
  screen?: VaultScreen,
): Promise<VaultPage> {
  const at = await used.open('front' in pages ? pages.front.url : vaultAt(pages.server), screen)
  await unlock(at)
  return at
}

/** Goes from an entry to the list, which a phone shows one instead of the other. */
export async function backToList(at: VaultPage): Promise<void> {
  await at.page.evaluate(() => {
    const back = document.querySelector<HTMLElement>('.record-bar [aria-label="Back to the list"]')
    if (back !== null && back.getClientRects().length > 0) back.click()
  })
}

/** Goes to a place or page of the vault, behind the title on narrow screens. */
export async function goTo(at: VaultPage, name: string): Promise<void> {
  await backToList(at)
  await at.page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    const title = document.querySelector<HTMLElement>('[popovertarget=places]')
    if (title !== null && title.getClientRects().length > 0) title.click()
  })
  await at.click(name)
}

/** Moves the clock of a page. Its timers run on, so that it looks like a computer that slept. */
export async function advance(at: VaultPage, seconds: number): Promise<void> {
  await at.page.evaluate((by) => {
    const realNow = Date.now
    Date.now = () => realNow() + by
  }, seconds * 1000)
}

/** Waits until the page has looked at the clock, which it does each second. */
export async function tick(at: VaultPage): Promise<void> {
  await at.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1100)))
}

/** Returns everything that is in the document. */
export function documentOf({ page }: Pick<VaultPage, 'page'>): Promise<string> {
  return page.evaluate(() => {
    const values = [...document.querySelectorAll('input, textarea')].map((field) =>
      'value' in field ? String(field.value) : '',
    )
    return [document.documentElement.outerHTML, ...values].join('\n')
  })
}

/** What a person reads of an entry: its values with their labels, shown if they are hidden. */
export interface ReadEntry {
  readonly id: string
  readonly name: string
  readonly isFavorite: boolean
  readonly values: readonly string[]
}

/** Opens each entry of the list, one after the other, and reads all that is shown of it. */
export async function readEntries(at: VaultPage): Promise<readonly ReadEntry[]> {
  return at.page.evaluate(async () => {
    const frame = () =>
      new Promise<void>((resolve) => {
        setTimeout(resolve, 20)
      })
    const waitFor = async (condition: () => boolean) => {
      for (let waited = 0; !condition(); waited++) {
        if (waited === 200) throw new Error(`the page shows: ${document.body.textContent}`)
        await frame()
      }
    }
    const ids = [...document.querySelectorAll('[data-entry]')].map(
      (row) => row.getAttribute('data-entry') ?? '',
    )
    const found: { id: string; name: string; isFavorite: boolean; values: string[] }[] = []
    for (const id of ids) {
      const row = document.querySelector<HTMLElement>(`[data-entry="${id}"]`)
      row?.click()
      const title = () => document.querySelector('.record-title h1')?.textContent ?? ''
      // The list and the entry beside it need not change at the same moment.
      await waitFor(() => {
        const opened = document.querySelector(`[data-entry="${id}"]`)
        const isCurrent = opened?.getAttribute('aria-current') != null
        return isCurrent && title() !== '' && (opened.textContent ?? '').includes(title())
      })
      const hidden = [...document.querySelectorAll<HTMLElement>('.values [aria-pressed=false]')]
      for (const eye of hidden) eye.click()
      await waitFor(() => document.querySelector('.values .dots') === null)
      const values = [...document.querySelectorAll('.values > .value')].map((value) => {
        const label = value.querySelector('dt')?.textContent
        return `${label}: ${value.querySelector('dd.v')?.textContent}`
      })
      const name = title()
      const isFavorite =
        document.querySelector('.record-bar .fav')?.getAttribute('aria-pressed') === 'true'
      found.push({ id, name, isFavorite, values })
    }
    return found
  })
}

/** Talks to a server as the page does. */
export function apiOf(server: { readonly url: URL }): ServerApi {
  return connectToServer((address, init) =>
    fetch(new URL(address, new URL('/vault/', server.url)), init),
  )
}

/** Creates the account of the owner at a server. */
export async function createOwner(server: { readonly url: URL }): Promise<VaultKeys> {
  const keys = await deriveVaultKeys(owner)
  const { masterPasswordHash } = keys
  const account = { id: crypto.randomUUID(), email: owner.email, hint: null, masterPasswordHash }
  expect(await apiOf(server).signUp(account)).toEqual({ ok: true, value: true })
  return keys
}

/** Opens the vault of the owner without a screen. */
export async function openVaultOf(server: { readonly url: URL }): Promise<VaultState> {
  const api = apiOf(server)
  const opened = await openAccount(api, owner)
  if (!opened.ok) throw new Error(`the vault is closed: ${JSON.stringify(opened.failure)}`)
  return createVaultState({
    ...{ api, opened: opened.value, language: () => 'en', onSignedOut: () => {} },
  })
}
