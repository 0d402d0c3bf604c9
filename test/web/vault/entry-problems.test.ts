/** What the form of an entry says of what went wrong, and the keys that open it, in a real browser. */
import { expect, test } from 'bun:test'
import { openUnlocked } from '../../support/acceptance'
import { useBrowser, usualTrial } from '../../support/browsers'
import { startVaultPages } from '../../support/open-vaults'
import { until } from '../../support/until'

const used = useBrowser(usualTrial)

test('a name that is missing is asked for until one is typed, and a long text is called by its field', async () => {
  await using pages = await startVaultPages()
  const at = await openUnlocked(used, pages)
  await at.press('n')
  await at.click('Save')
  await at.see('Give it a name.')
  await at.fill('Name', 'Gitforge')
  await until(async () => !(await at.text()).includes('Give it a name.'), 'the complaint to go')
  await at.fill('Notes', 'x'.repeat(70_000))
  await at.click('Save')
  await at.see('Notes is longer than the server takes.')
  const wrong = await at.page.$$eval('[aria-invalid=true]', (fields) => fields.length)
  expect(wrong).toBe(0)
})

test('what the server refuses is seen on a phone wherever the form is scrolled to', async () => {
  const pages = await startVaultPages()
  const at = await openUnlocked(used, pages, { width: 360 })
  await at.click('Add the first one by hand')
  await at.fill('Name', 'Gitforge')
  // Its name for screen readers has no place of its own, and must not make the page longer.
  await at.click('Add a field')
  await at.see('Name of the field')
  expect(await at.findFaults()).toEqual([])
  await pages.server.stop()
  for (const place of [0, 1_000_000]) {
    await at.page.evaluate(
      (top) => document.querySelector('.record-scroll')?.scrollTo(0, top),
      place,
    )
    await at.click('Save')
    await at.see('What you typed stays here.')
    const box = await at.page.$eval('.refusal', (element) => {
      const { top, bottom } = element.getBoundingClientRect()
      return { top, isSeen: top >= 0 && bottom <= innerHeight }
    })
    expect(box.isSeen).toBe(true)
  }
})

test('single-key shortcuts do nothing once they are switched off', async () => {
  await using pages = await startVaultPages()
  const at = await openUnlocked(used, pages)
  await at.press('?')
  await at.see('this list')
  await at.press('Escape')
  await at.click('Account')
  await at.click('Single-key shortcuts')
  for (const key of ['?', 'n', 'l'] as const) await at.press(key)
  const { form, dialog, door } = await at.page.evaluate(() => ({
    form: document.querySelector('#entry-form'),
    dialog: document.querySelector('dialog'),
    door: document.querySelector('.door'),
  }))
  expect([form, dialog, door]).toEqual([null, null, null])
})
