/** Long lists of the web vault in real browsers: rows are made only near what is seen, and nobody notices. */
import { describe, expect, test } from 'bun:test'
import { encryptChange } from '../../../src/web/vault/model/changes'
import { newRecord, openUnlocked } from '../../support/acceptance'
import { browserTrialsAt, useBrowser } from '../../support/browsers'
import { startVaultPages, type VaultPages } from '../../support/open-vaults'
import { until } from '../../support/until'

async function startWithSites(more = ''): Promise<VaultPages> {
  const pages = await startVaultPages()
  const vault = await pages.open()
  const names = Array.from({ length: 300 }, (_, at) => `Site ${String(at).padStart(3, '0')}${more}`)
  const drafts = names.map((name) => newRecord({ name }))
  const changes = await Promise.all(drafts.map((draft) => encryptChange(vault.key(), draft)))
  expect(await vault.send(changes)).toBeNull()
  return pages
}

/** Runs in the page. Scrolls from the beginning to the end, and returns the height of the list at each step. */
async function scrollThrough(): Promise<number[]> {
  const list = document.getElementById('list')
  const found: number[] = []
  for (let top = 0; list !== null && found.length < 100; top += list.clientHeight) {
    list.scrollTo(0, top)
    // Long enough for what watches the rows to make those that are near.
    await new Promise((resolve) => setTimeout(resolve, 60))
    found.push(list.scrollHeight)
    if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) break
  }
  return found
}

describe.each(browserTrialsAt(1280))('in $kind', (trial) => {
  const used = useBrowser(trial)

  test('a phone comes back from an entry to the rows that were seen before', async () => {
    await using pages = await startWithSites()
    const at = await openUnlocked(used, pages, { width: 360 })
    await at.page.evaluate(() => document.getElementById('list')?.scrollTo(0, 8000))
    await at.click('Site 130')
    await at.page.waitForSelector('.record h1')
    // Long enough for what watches the rows to notice that they are hidden.
    await at.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)))
    const rows = () =>
      at.page.evaluate(() =>
        ['Site 128', 'Site 132'].map((name) =>
          [...document.querySelectorAll('.row')].some((row) => row.textContent.includes(name)),
        ),
      )
    expect(await rows()).toEqual([true, true])
    await at.click('Back to the list')
    await at.page.waitForSelector('.record h1', { hidden: true })
    const isSeen = await at.page.evaluate(() => {
      const row = [...document.querySelectorAll('.row')].find((each) =>
        each.textContent.includes('Site 130'),
      )
      const { top = -1, bottom = -1 } = row?.getBoundingClientRect() ?? {}
      return top > 0 && bottom < innerHeight
    })
    expect(isSeen).toBe(true)
  })

  test.each([{ width: 360 }, { width: 1280 }])(
    'rows that are not made yet have the height of real ones at $width px, so the list stays as high',
    async ({ width }) => {
      await using pages = await startWithSites()
      const at = await openUnlocked(used, pages, { width })
      await at.see('Site 000')
      const heights = await at.page.evaluate(scrollThrough)
      await at.see('Site 299')
      expect(heights.length).toBeGreaterThan(10)
      expect(new Set(heights).size).toBe(1)
    },
  )

  test('rows of several lines keep their height once they have been seen', async () => {
    await using pages = await startWithSites(' of a family with rather a long name')
    const at = await openUnlocked(used, pages, { width: 360 })
    await at.see('Site 000')
    const usual = 300 * 64
    const [, ...first] = await at.page.evaluate(scrollThrough)
    expect(first.at(-1)).toBeGreaterThan(1.1 * usual)
    const second = new Set(await at.page.evaluate(scrollThrough))
    expect([...second]).toEqual([first.at(-1) ?? 0])
  })

  test('makes the rows of a long list only near what is seen, also for the keyboard', async () => {
    await using pages = await startWithSites()
    const at = await openUnlocked(used, pages)
    await at.see('Site 000')
    const countRows = () => at.page.evaluate(() => document.querySelectorAll('.row').length)
    expect(await countRows()).toBeLessThan(150)
    await at.page.evaluate(() => document.getElementById('list')?.scrollTo(0, 1_000_000))
    await at.see('Site 299')
    expect(await countRows()).toBeLessThan(150)
    await at.page.evaluate(() => document.getElementById('list')?.scrollTo(0, 0))
    await at.see('Site 000')
    await at.press('/')
    for (let row = 0; row < 60; row++) await at.page.keyboard.press('ArrowDown')
    await until(
      () =>
        at.page.evaluate(() => document.querySelector('.record h1')?.textContent === 'Site 059'),
      'the record that the arrow keys led to',
    )
    const isSeen = () =>
      at.page.evaluate(() => {
        const bottom = document.querySelector('.row.on')?.getBoundingClientRect().bottom ?? 0
        return bottom > 100 && bottom <= innerHeight
      })
    await until(isSeen, 'its row to be seen')
  })
})
