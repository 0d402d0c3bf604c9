/** Acceptance check 28 of the web vault in real browsers: everything that a hurried person does works with the keys alone. */
import { describe, expect, test } from 'bun:test'
import { newRecord, startFilledVault } from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { owner } from '../../support/open-vaults'
import { until } from '../../support/until'
import type { VaultPage } from '../../support/vault-browser'

const totp = { name: 'TOTP', value: 'otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' }

/**
 * Moves the focus by Tab until what has it is called so, and returns what had it on the way without being seen to. Behind the
 * last control Tab leaves the page for those of the browser, from which a test gets no key back into it.
 */
async function tabTo(at: VaultPage, name: string): Promise<readonly string[]> {
  const unseen: string[] = []
  for (let step = 0; step < 80; step++) {
    const focused = await at.page.evaluate(readFocus)
    if (!focused.isInPage) throw new Error(`the key Tab left the page before "${name}"`)
    if (!focused.isSeen) unseen.push(`${focused.place} ${focused.name.slice(0, 40)}`)
    if (focused.name.startsWith(name)) return unseen
    await at.page.keyboard.press('Tab')
  }
  throw new Error(`the key Tab leads to no "${name}"`)
}

/** Waits until the page has put the focus where somebody types. */
async function waitForField(at: VaultPage, what: string): Promise<void> {
  const isField = () =>
    at.page.evaluate(
      () => document.hasFocus() && document.activeElement instanceof HTMLInputElement,
    )
  await until(isField, what)
}

/** Runs in the page. */
function readFocus() {
  const element = document.activeElement ?? document.body
  const label = element.id && document.querySelector(`label[for="${CSS.escape(element.id)}"]`)
  const text = label ? label.textContent : element.textContent
  const { outlineStyle, boxShadow } = getComputedStyle(element)
  return {
    name: (element.getAttribute('aria-label') ?? text ?? '').trim(),
    place: `${element.localName}.${element.className}`,
    isInPage: document.hasFocus() && element !== document.body,
    isSeen: outlineStyle !== 'none' || boxShadow !== 'none',
  }
}

describe.each(browserTrials(360))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('signing in, finding, copying, a new record, and a dialog need no mouse, and the focus is always seen', async () => {
    await using vault = await startFilledVault(
      newRecord({ name: 'Gitforge', texts: [totp] }),
      newRecord({ name: 'Bank' }),
    )
    const at = await used.open(vault.front.url)
    await at.see('Sign in')
    await waitForField(at, 'the first field to have the focus')
    await at.page.keyboard.type(owner.email)
    expect(await tabTo(at, 'Master password')).toEqual([])
    await at.page.keyboard.type(owner.masterPassword)
    await at.page.keyboard.press('Enter')
    await at.page.waitForSelector('.app')

    await at.see('Gitforge')
    for (const keys of [['/'], ['Control', 'k']] as const) {
      await at.page.keyboard.press('Escape')
      await at.press(...keys)
      await at.page.keyboard.type('gitf')
      await at.see('1 found')
    }
    await at.press('Control', 'Enter')
    await at.see('Password of Gitforge copied')
    expect(await at.clipboard()).toBe('hunter2')
    await at.page.keyboard.press('Enter')
    await at.page.waitForSelector('.record-title')
    // On a phone the focus is on the title of the record, behind what is looked at here.
    await at.page.focus('.skip')
    expect(await tabTo(at, 'Edit')).toEqual([])
    await at.press('Shift', '?')
    await at.see('move the selection')
    await at.page.keyboard.press('Escape')
    await at.page.waitForSelector('dialog', { hidden: true })
    const focused = () => at.page.evaluate(() => document.activeElement?.textContent)
    await until(async () => (await focused()) === 'Edit', 'the focus to return after the dialog')

    await at.press('c')
    await at.press('t')
    await at.see('One-time code of Gitforge copied')
    expect(await at.clipboard()).toMatch(/^\d{6}$/)
    await at.press('c')
    await at.press('p')
    await at.see('Password of Gitforge copied')
    expect(await at.clipboard()).toBe('hunter2')

    await at.press('e')
    await at.page.waitForSelector('#entry-form')
    await at.press('Control', 's')
    await at.page.waitForSelector('#entry-form', { hidden: true })

    await at.page.keyboard.press('n')
    await at.page.waitForSelector('#entry-form')
    await waitForField(at, 'the focus in the form')
    await at.page.keyboard.type('By keys')
    expect(await tabTo(at, 'Login')).toEqual([])
    await at.page.keyboard.type('marta')
    await at.press('Control', 's')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    const names = (await vault.open()).vault.value.entries.map(({ name }) => name)
    expect(names).toContain('By keys')
    await at.page.keyboard.press('l')
    await at.see('Unlock')
    expect(at.problems).toEqual([])
  })
})
