/** What would be lost by the browser's own ways out of a page: back, reload, closing it. In a real browser. */
import { expect, test } from 'bun:test'
import { openUnlocked, vaultAt } from '../../support/acceptance'
import { useBrowser, usualTrial } from '../../support/browsers'
import { owner, startVaultPages } from '../../support/open-vaults'
import { until } from '../../support/until'

const used = useBrowser(usualTrial)

test('the back button shows a form that was typed into, and asks', async () => {
  await using pages = await startVaultPages()
  const at = await openUnlocked(used, pages)
  await at.click('Account')
  await at.see('Master password')
  await at.click('All items')
  await at.press('n')
  await at.fill('Name', 'Half-typed')
  await at.page.goBack()
  await at.see('Leave without saving?')
  await at.click('Go on editing')
  expect(await at.page.$eval('#entry-form input[type=text], #entry-form input', isSeen)).toBe(true)
  await at.page.goBack()
  await at.see('Leave without saving?')
  await at.click('Leave')
  await at.see('Devices')
  expect(await at.page.$('#entry-form')).toBeNull()
})

/** Runs in the page. */
function isSeen(element: Element): boolean {
  return element.getClientRects().length > 0
}

test('the browser asks before it reloads a page into which something was typed', async () => {
  await using pages = await startVaultPages()
  const at = await openUnlocked(used, pages)
  const asked: string[] = []
  at.page.on('dialog', (dialog) => {
    asked.push(dialog.type())
    void dialog.dismiss()
  })
  await at.press('n')
  await at.fill('Name', 'Half-typed')
  await at.page.evaluate(() => location.reload())
  await until(() => asked.length === 1, 'the question of the browser')
  expect(asked).toEqual(['beforeunload'])
  await at.press('Control', 's')
  await at.page.waitForSelector('#entry-form', { hidden: true })
  await at.page.reload()
  await at.page.waitForSelector('.door')
  expect(asked).toHaveLength(1)
})

test('an account that is created, but not signed in, leads to the door and not to a mailbox', async () => {
  await using pages = await startVaultPages()
  const at = await used.open(vaultAt(pages.server))
  await at.page.setRequestInterception(true)
  at.page.on('request', (request) => {
    const isSignIn = request.url().endsWith('/login')
    const busy = { status: 429, headers: { 'retry-after': '120' }, body: '{}' }
    void (isSignIn ? request.respond(busy) : request.continue())
  })
  await at.click('Create an account')
  await at.fill('Email', 'olga@example.org')
  await at.fill('Master password', owner.masterPassword)
  await at.fill('Repeat the master password', owner.masterPassword)
  await at.click('Create account')
  await at.see('The account is created.')
  await at.see('Try again in 2 minutes.')
  expect(await at.page.$eval('input[type=password]', (input) => input.value)).toBe('')
})
