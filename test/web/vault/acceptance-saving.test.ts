/** Acceptance checks 7 and 11 to 13 of the web vault in real browsers: what goes wrong between page and server loses nothing. */
import { describe, expect, test } from 'bun:test'
import { deriveVaultKeys } from '../../../src/web/vault/crypto/keys'
import {
  advance,
  backToList,
  newRecord,
  openUnlocked,
  startFilledVault,
  unlock,
} from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { owner } from '../../support/open-vaults'
import type { VaultPage } from '../../support/vault-browser'

async function startEdit(at: VaultPage, login: string): Promise<void> {
  await at.click('Bank')
  await at.click('Edit')
  await at.fill('Login', login)
}

describe.each(browserTrials(1280))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('a wrong master password is one guess and one message, and capitals in an email open an account made with them', async () => {
    await using vault = await startFilledVault()
    const capitals = { email: 'Olga@Example.org', masterPassword: 'four quiet snails' }
    const { masterPasswordHash } = await deriveVaultKeys(capitals)
    const account = { id: crypto.randomUUID(), hint: null, email: capitals.email }
    expect((await vault.api.signUp({ ...account, masterPasswordHash })).ok).toBeTrue()
    const at = await used.open(vault.front.url)
    const countLogins = () => vault.front.requests.filter(({ path }) => path === '/login').length
    await at.fill('Email', owner.email)
    await at.fill('Master password', 'not this one at all')
    await at.press('Enter')
    await at.see('This master password doesn’t open the vault.')
    expect(await at.page.$$eval('[role=alert]', (alerts) => alerts.length)).toBe(1)
    expect(countLogins()).toBe(1)
    await unlock(at, capitals)
    expect(countLogins()).toBe(3)
  })

  test('a session that expires while somebody types is opened again without a word', async () => {
    await using vault = await startFilledVault(newRecord({ name: 'Bank' }))
    const at = await openUnlocked(used, vault)
    await startEdit(at, 'typed before')
    let expired = 0
    vault.front.intercept = async ({ path, method }) => {
      if (path !== '/account/vault' || method !== 'POST' || expired++ > 0) return null
      const body = { message: { error: 'Token is expired' }, data: null }
      return Response.json(body, { status: 401 })
    }
    vault.front.requests.length = 0
    await at.click('Save')
    await at.see('typed before')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    const asked = vault.front.requests.map(({ method, path }) => `${method} ${path}`)
    expect(asked.slice(0, 3)).toEqual([
      ...['POST /account/vault', 'GET /login', 'POST /account/vault'],
    ])
  })

  test('a lock keeps what was typed, and so does a session that was ended on purpose, which says why', async () => {
    await using vault = await startFilledVault(newRecord({ name: 'Bank' }))
    const at = await openUnlocked(used, vault)
    await startEdit(at, 'half-typed')
    // On a phone the form is in the place of the button.
    if (trial.width === 1280) await at.click('Lock')
    else await advance(at, 601)
    await at.see('Unlock')
    await unlock(at)
    await at.page.waitForSelector('#entry-form')
    const other = await vault.open()
    expect((await other.ask((token) => vault.api.endSessions(token))).ok).toBeTrue()
    await at.click('Save')
    await at.see('You were signed out: on another device, or by the owner of the server.')
    await unlock(at)
    await at.page.waitForSelector('#entry-form')
    await at.click('Save')
    await at.see('half-typed')
  })

  test('each refusal says what to do, keeps what was typed, and is asked for no more than twice', async () => {
    await using vault = await startFilledVault(newRecord({ name: 'Bank' }))
    const at = await openUnlocked(used, vault)
    await startEdit(at, 'kept all the time')
    const refusals = [
      [429, 'Too many attempts. Try again in 2 minutes.'],
      [413, 'This is more than the server takes at once. Shorten it.'],
      [507, 'The vault is full. Delete what you no longer need'],
      [503, 'The server is busy. What you typed stays here'],
      [500, 'The server made an error. What you typed stays here'],
    ] as const
    for (const [status, message] of refusals) {
      vault.front.intercept = async ({ path }) =>
        path === '/account/vault'
          ? new Response('{}', { status, headers: { 'retry-after': '90' } })
          : null
      vault.front.requests.length = 0
      await at.click('Save')
      await at.see(message)
      expect(vault.front.requests.length).toBeLessThanOrEqual(2)
      const typed = await at.page.$$eval('#entry-form input', (inputs) =>
        inputs.map((input) => input.value),
      )
      expect(typed).toContain('kept all the time')
    }
    vault.front.intercept = null
    await at.page.setOfflineMode(true)
    await at.click('Save')
    await at.see('The server can’t be reached. What you typed stays here.')
    await at.page.setOfflineMode(false)
    await at.click('Save')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    await at.see('kept all the time')

    await backToList(at)
    await at.press('n')
    await at.fill('Name', 'Written on a train')
    await at.page.setOfflineMode(true)
    await at.press('Control', 's')
    await at.see('The server can’t be reached. What you typed stays here.')
    await at.page.setOfflineMode(false)
    await at.press('Control', 's')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    const names = (await vault.open()).vault.value.entries.map(({ name }) => name)
    expect(names.toSorted()).toEqual(['Bank', 'Written on a train'])
  })

  test('two browsers that edit one entry lose neither version', async () => {
    await using vault = await startFilledVault(newRecord({ name: 'Bank' }))
    const [one, other] = [await openUnlocked(used, vault), await openUnlocked(used, vault)]
    const collide = async (mine: string, theirs: string) => {
      await startEdit(one, theirs)
      await startEdit(other, mine)
      await one.click('Save')
      await one.page.waitForSelector('#entry-form', { hidden: true })
      await one.see(theirs)
      await other.click('Save')
      await other.see('This record was changed elsewhere while you edited it.')
      const dialog = await other.page.$eval('dialog[open]', (element) => element.textContent)
      expect([dialog?.includes(theirs), dialog?.includes(mine)]).toEqual([true, true])
    }
    const logins = async () =>
      (await vault.open()).vault.value.entries.flatMap((entry) =>
        entry.kind === 'record' && entry.name === 'Bank' ? [entry.login] : [],
      )
    await collide('by other', 'by one')
    expect(await other.findFaults()).toEqual([])
    await other.click('Keep mine')
    await other.page.waitForSelector('dialog', { hidden: true })
    expect(await logins()).toEqual(['by other'])
    await one.page.evaluate(() => dispatchEvent(new Event('focus')))
    await one.see('by other')
    for (const at of [one, other]) await backToList(at)
    await collide('again by other', 'again by one')
    await other.click('Keep both')
    await other.page.waitForSelector('dialog', { hidden: true })
    expect((await logins()).toSorted()).toEqual(['again by one', 'again by other'])
  })
})
