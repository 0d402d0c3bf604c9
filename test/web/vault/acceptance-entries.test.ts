/** Acceptance checks 14 to 16 and 22 of the web vault in real browsers: codes, passwords, finding, and the trash. */
import { describe, expect, test } from 'bun:test'
import { vaultScript } from '../../../src/web/vault-files'
import { goTo, newNote, newRecord, openUnlocked, startFilledVault } from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'

/** The secrets of RFC 6238, appendix B, in Base32. */
const secrets = {
  SHA1: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
  SHA256: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA',
  SHA512:
    'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA',
}
const codes = [
  ['SHA1', 8, 59, '9428 7082'],
  ['SHA256', 8, 59, '4611 9246'],
  ['SHA512', 8, 59, '9069 3936'],
  ['SHA1', 6, 1_111_111_109, '081 804'],
  ['SHA256', 8, 1_111_111_109, '6808 4774'],
  ['SHA512', 6, 1_111_111_109, '091 201'],
] as const

describe.each(browserTrials(1280))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('one-time codes are those of RFC 6238, with the time that is left', async () => {
    const records = codes.map(([algorithm, digits, time]) => {
      const query = `secret=${secrets[algorithm]}&algorithm=${algorithm}&digits=${digits}`
      const texts = [{ name: 'TOTP', value: `otpauth://totp/x?${query}` }]
      return newRecord({ name: `${algorithm} ${digits} ${time}`, texts })
    })
    await using vault = await startFilledVault(...records)
    const at = await openUnlocked(used, vault)
    for (const [algorithm, digits, time, code] of codes) {
      await goTo(at, 'All items')
      await at.page.evaluate((now) => {
        Date.now = () => now
      }, time * 1000)
      await at.click(`${algorithm} ${digits} ${time}`)
      await at.see(code)
      const left = 30 - (time % 30)
      const label = `Valid for ${left} more second${left === 1 ? '' : 's'}`
      expect(await at.page.$(`[aria-label="${label}"]`)).not.toBeNull()
    }
  })

  test('a bare secret under another name is known as one, and stored as an address', async () => {
    const texts = [{ name: '2fa', value: 'gezd gnbv gy3t qojq gezd gnbv gy3t qojq' }]
    await using vault = await startFilledVault(newRecord({ name: 'Gitforge', texts }))
    const at = await openUnlocked(used, vault)
    await at.click('Gitforge')
    await at.see('One-time code')
    await at.click('Edit')
    await at.click('Save')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    const [entry] = (await vault.open()).vault.value.entries
    const address = expect.stringMatching(new RegExp(`^otpauth://totp/.*secret=${secrets.SHA1}$`))
    expect(entry).toMatchObject({ fields: [{ name: 'TOTP', value: address }] })
  })

  test('made passwords hold each chosen kind of characters, of as many as were chosen', async () => {
    expect(new TextDecoder().decode(vaultScript.bytes())).not.toContain('Math.random')
    await using vault = await startFilledVault(newRecord({ name: 'Gitforge' }))
    const at = await openUnlocked(used, vault)
    await at.click('Gitforge')
    await at.click('Edit')
    await at.click('Make a password')
    await at.see('The last 10 are kept until you lock.')
    const made = await at.page.evaluate(async () => {
      const found: string[] = []
      const another = [...document.querySelectorAll<HTMLElement>('#generator button')].find(
        (button) => button.textContent === 'Another',
      )
      for (let count = 0; count < 200; count++) {
        another?.click()
        await new Promise((resolve) => setTimeout(resolve))
        found.push(document.querySelector('#generator .out')?.textContent ?? '')
      }
      return found
    })
    const isGood = (text: string) =>
      text.length === 20 &&
      [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].every((kind) => kind.test(text)) &&
      !/[lI1O0]/.test(text)
    expect(made.filter((text) => !isGood(text))).toEqual([])
    expect(new Set(made).size).toBeGreaterThan(190)
    const last = made.at(-1) ?? ''
    await at.click('Use it')
    await at.click('Save')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    expect((await vault.open()).vault.value.entries).toMatchObject([{ password: last }])
  })

  test('the search finds names, logins, addresses, tags and notes, without case in Cyrillic, and no secrets', async () => {
    const field = (name: string, value: string) => [{ name, value }]
    await using vault = await startFilledVault(
      newRecord({ name: 'Сбербанк' }),
      newRecord({ name: 'Second', login: 'Tortoise@example.org' }),
      newRecord({ name: 'Third', texts: field('URL', 'https://Hedgehog.example/login') }),
      newRecord({ name: 'Fourth', texts: field('Tags', 'Ёжик, дом') }),
      newRecord({ name: 'Fifth', texts: field('Notes', 'line\nУЛИТКА в углу') }),
      newRecord({ name: 'Sixth', password: 'needle', texts: field('PIN', 'needle') }),
      newNote({ name: 'Seventh', content: 'Needlework' }),
    )
    const at = await openUnlocked(used, vault)
    const queries = [
      ['сбер', 'Сбербанк'],
      ['TORTOISE', 'Second'],
      ['hedgehog', 'Third'],
      ['ежик', 'Fourth'],
      ['улитка', 'Fifth'],
      ['needle', 'Seventh'],
    ] as const
    for (const [query, name] of queries) {
      await at.page.$eval(
        '#search',
        (search) => search instanceof HTMLInputElement && search.select(),
      )
      await at.page.keyboard.type(query)
      await at.see('1 found')
      const names = await at.page.$$eval('[data-entry] b', (found) =>
        found.map((each) => each.textContent),
      )
      expect([query, names]).toEqual([query, [name]])
    }
  })

  test('the trash gives back, says what old apps do with it, and deletes for good after a question', async () => {
    await using vault = await startFilledVault(
      newRecord({ name: 'Bank' }),
      newRecord({ name: 'Mail' }),
    )
    const at = await openUnlocked(used, vault)
    const names = async () =>
      (await vault.open()).vault.value.entries.map(({ name, isTrashed }) => [name, isTrashed])
    const trash = async () => {
      await at.click('Bank')
      await at.click('More')
      await at.click('Move to trash')
      await goTo(at, 'Trash')
      await at.click('Bank')
      await at.see('The Android app shows entries in the trash as live entries.')
    }
    await trash()
    expect(await names()).toContainEqual(['Bank', true])
    await at.click('Restore')
    await at.page.waitForSelector('#edit')
    expect(await names()).toContainEqual(['Bank', false])
    await goTo(at, 'All items')
    await trash()
    await at.click('Delete for good')
    await at.see('Delete “Bank” for good?')
    await at.see('For 30 days it can still be undone under Account, History')
    await at.click('Keep it')
    expect(await names()).toContainEqual(['Bank', true])
    await at.click('Delete for good')
    await at.see('Forget now: no undo')
    await at.click('Delete for good')
    await at.page.waitForSelector('dialog', { hidden: true })
    await at.see('The trash is empty')
    expect(await names()).toEqual([['Mail', false]])
  })
})
