/** Acceptance checks 8 to 10 of the web vault in real browsers: what locks it, what is left then, and the clipboard. */
import { describe, expect, test } from 'bun:test'
import {
  advance,
  documentOf,
  newRecord,
  openUnlocked,
  startFilledVault,
  tick,
  unlock,
} from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { until } from '../../support/until'

const password = ' p"ä\\ <b>&amp; 🐌 '
const gitforge = () => newRecord({ name: 'Gitforge', login: 'marta.k', password })

describe.each(browserTrials(360))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('a reload locks, and so does another tab; back shows nothing of the vault', async () => {
    await using vault = await startFilledVault(gitforge())
    const at = await openUnlocked(used, vault)
    await at.page.reload()
    await at.see('Sign in')
    expect(await documentOf(at)).not.toMatch(/Gitforge|marta\.k/)

    await unlock(at)
    await at.click('Gitforge')
    await at.see('marta.k')
    const other = await at.context.newPage()
    await other.goto(vault.front.url.href)
    await other.type('input[type=email]', 'marta@example.org')
    await other.type('input[type=password]', 'four quiet snails')
    await other.keyboard.press('Enter')
    await other.waitForSelector('.app')
    await other.keyboard.press('Escape')
    await other.evaluate(() => document.querySelector<HTMLElement>('#search')?.blur())
    await other.keyboard.press('l')
    await other.waitForSelector('.door')
    await at.page.bringToFront()
    await at.see('Locked in another tab.')
    for (const page of [at.page, other]) await page.evaluate(() => history.back())
    await tick(at)
    await at.see('Unlock')
    for (const page of [at.page, other])
      expect(await documentOf({ page })).not.toMatch(/Gitforge|marta\.k/)
    expect(at.problems).toEqual([])
  })

  test('time without use locks, and a computer that wakes up is locked before its first key counts', async () => {
    await using vault = await startFilledVault(gitforge())
    const at = await openUnlocked(used, vault)
    await advance(at, 9 * 60)
    await at.press('Shift')
    await advance(at, 9 * 60)
    await tick(at)
    expect(await at.text()).toContain('Gitforge')
    await advance(at, 2 * 60)
    await at.see('Locked after 10 minutes without use.')
    expect(await documentOf(at)).not.toContain('Gitforge')

    await unlock(at)
    await at.see('Gitforge')
    await at.page.evaluate(() => {
      const realNow = Date.now
      Date.now = () => realNow() + 8 * 3600_000
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'n', bubbles: true }))
    })
    await at.see('Locked after 10 minutes without use.')
    await unlock(at)
    expect(await at.page.$('#entry-form')).toBeNull()
  })

  test('a copy is exactly the value, and gone after 30 seconds, also when the vault is locked', async () => {
    await using vault = await startFilledVault(gitforge())
    const at = await openUnlocked(used, vault)
    await at.click('Copy password of Gitforge')
    await at.see('Password of Gitforge copied')
    expect(await at.clipboard()).toBe(password)
    await advance(at, 28)
    await tick(at)
    expect(await at.clipboard()).toBe(password)
    await advance(at, 2)
    await until(async () => (await at.clipboard()) === '', 'an empty clipboard')

    await at.click('Copy password of Gitforge')
    await at.see('Password of Gitforge copied')
    await at.click('Lock')
    await at.see('Something of the vault is on the clipboard')
    expect(await at.clipboard()).toBe(password)
    await advance(at, 31)
    await until(async () => (await at.clipboard()) === '', 'an empty clipboard after the lock')
  })

  test('a copy outlives its time while the page has no focus, and goes with the next one', async () => {
    await using vault = await startFilledVault(gitforge())
    const at = await openUnlocked(used, vault)
    await at.click('Copy password of Gitforge')
    await at.see('Password of Gitforge copied')
    const other = await at.context.newPage()
    await other.goto(vault.front.url.href)
    await other.bringToFront()
    await until(() => at.page.evaluate(() => !document.hasFocus()), 'the page to lose the focus')
    await advance(at, 31)
    await tick(at)
    const read = () => other.evaluate(() => navigator.clipboard.readText())
    expect(await read()).toBe(password)
    await at.page.bringToFront()
    // Firefox lets a page write only for a few seconds after a click, which on a busy machine are over. So are they after a read.
    if (trial.kind === 'firefox') await at.page.mouse.click(5, 5)
    await at.page.waitForSelector('.pill', { hidden: true })
    await until(async () => (await at.clipboard()) === '', 'an empty clipboard')
  })

  // Chromium lets a page with the focus write at any time.
  test.if(trial.kind === 'firefox')(
    'a copy that the browser lets nobody clear without a click goes with the next one',
    async () => {
      await using vault = await startFilledVault(gitforge())
      const at = await openUnlocked(used, vault)
      const button = await at.page.waitForSelector('[aria-label="Copy password of Gitforge"]')
      await button?.click()
      // What a test evaluates counts as a click for five seconds.
      await at.page.evaluate(() => {
        const realNow = Date.now
        setTimeout(() => {
          Date.now = () => realNow() + 31_000
        }, 6000)
      })
      await Bun.sleep(8000)
      await at.see('The clipboard still holds the password.')
      await at.page.mouse.click(5, 5)
      await until(async () => (await at.clipboard()) === '', 'an empty clipboard')
    },
  )
})
