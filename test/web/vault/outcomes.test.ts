/** What the page says where the outcome is up to the server. In a real browser. */
import { expect, test } from 'bun:test'
import type { HTTPRequest } from 'puppeteer-core'
import { openUnlocked } from '../../support/acceptance'
import { useBrowser, usualTrial } from '../../support/browsers'
import { anOpenRecord } from '../../support/open-entries'
import { owner, startVaultPages, type VaultPages } from '../../support/open-vaults'
import type { VaultPage } from '../../support/vault-browser'

const used = useBrowser(usualTrial)

async function startWithTrash(settings?: Record<string, string>): Promise<VaultPages> {
  const pages = await startVaultPages(settings)
  const vault = await pages.open()
  const draft = { ...anOpenRecord({ name: 'Old forum', login: 'C4nary', isTrashed: true }) }
  await vault.save({ ...draft, id: crypto.randomUUID(), revision: null })
  return pages
}

/** Lets the server be busy for some requests. */
async function refuse(
  at: VaultPage,
  status: number,
  isRefused: (request: HTTPRequest) => boolean,
): Promise<void> {
  await at.page.setRequestInterception(true)
  at.page.on('request', (request) => {
    void (isRefused(request) ? request.respond({ status, body: '{}' }) : request.continue())
  })
}

test('a deletion says what is forgotten with it, and the history where a version went', async () => {
  await using pages = await startWithTrash()
  const at = await openUnlocked(used, pages)
  await refuse(at, 503, (request) => request.method() === 'DELETE')
  await at.click('Trash')
  await at.click('Old forum')
  await at.click('Delete for good')
  await at.see('For 30 days it can still be undone')
  await at.click('Forget now: no undo, for the history of all entries')
  await at.click('Delete for good')
  await at.see('its history is still there')
  await at.click('Close')
  await at.click('Account')
  await at.click('Show the history')
  await at.click('Old forum')
  await at.see('C4nary')
  await at.click('Bring this version back')
  await at.see('“Old forum” is back, in the trash.')
  expect(await at.text()).not.toContain('Bring this version back')
  await at.click('Show it')
  await at.see('C4nary')
  await at.see('Delete for good')
})

test('a server without a history promises no undo', async () => {
  await using pages = await startWithTrash({ SNAILPASS_HISTORY: 'off' })
  const at = await openUnlocked(used, pages)
  await at.click('Trash')
  await at.click('Old forum')
  await at.click('Delete for good')
  await at.see('this server keeps no history')
  expect(await at.text()).not.toContain('Forget now')
  await at.click('Keep it')
  await at.click('Account')
  await at.click('Show the history')
  await at.see('This server keeps no history')
  expect(await at.text()).not.toContain('30 days')
})

test('an emergency file after an upgrade of the server asks for a reload', async () => {
  await using pages = await startWithTrash()
  const at = await openUnlocked(used, pages)
  await refuse(at, 404, (request) => request.url().includes('/vault/app-'))
  await at.click('Import and export')
  await at.fill('Type your master password again', owner.masterPassword)
  await at.click('Save emergency file')
  await at.see('Reload it first.')
})

test('a refusal to delete the account is not there any more when somebody asks again', async () => {
  await using pages = await startWithTrash()
  const at = await openUnlocked(used, pages)
  await refuse(at, 503, (request) => request.method() === 'DELETE')
  await at.click('Account')
  await at.click('Delete the account…')
  await at.fill('Type your master password to delete', owner.masterPassword)
  await at.click('Delete the account')
  await at.see('The server is busy.')
  await at.click('Keep the account')
  await at.click('Delete the account…')
  await at.see('Type your master password to delete')
  expect(await at.text()).not.toContain('The server is busy.')
})
