/** What would be lost by the browser's own ways out of a page: back, reload, closing it. In a real browser. */
import { expect, test } from 'bun:test'
import { openUnlocked } from '../../support/acceptance'
import { useBrowser, usualTrial } from '../../support/browsers'
import { startVaultPages } from '../../support/open-vaults'
import { until } from '../../support/until'

const used = useBrowser(usualTrial)

test('the back button and Esc show a form that was typed into, and ask', async () => {
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

  await at.press('n')
  await at.fill('Name', 'Half-typed')
  await at.press('Escape')
  await at.see('Leave without saving?')
  await at.click('Go on editing')
  await at.press('Escape')
  await at.click('Leave')
  await at.page.waitForSelector('#entry-form', { hidden: true })
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
