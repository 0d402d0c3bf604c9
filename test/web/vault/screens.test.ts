/** Every screen of the web vault, in a real browser: can it be read and used by everybody? */
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changeMasterPassword } from '../../../src/web/vault/state/master-password'
import { advance, startFilled, vaultAt } from '../../support/acceptance'
import { browserTrialsAt, isEachBrowser, useBrowser } from '../../support/browsers'
import { temporaryFolder } from '../../support/executable'
import { genericCsv } from '../../support/import-files'
import { owner, type VaultPages } from '../../support/open-vaults'
import type { VaultPage, VaultScreen } from '../../support/vault-browser'

/** Goes to every screen, and returns what is wrong with them. */
async function visitAll(
  at: VaultPage,
  pages: VaultPages,
  screen: VaultScreen,
): Promise<readonly string[]> {
  const found: string[] = []
  const [isNarrow, isPhone] = [1024, 768].map((width) => (screen.width ?? 1280) < width)
  const word = (en: string, ru: string) => (screen.language === 'ru' ? ru : en)
  const look = async (name: string) => {
    for (const fault of await at.findFaults()) found.push(`${name}: ${fault}`)
    if (screen.language !== 'ru') return
    // A made password may look like a word.
    const made = await at.page.$$eval('#generator .out', (found) =>
      found.map((each) => each.textContent ?? ''),
    )
    const text = [...made, /Recovery phone is the old one|Old forum|OF/g].reduce<string>(
      (left, part) => left.replaceAll(part, ''),
      await at.text(),
    )
    for (const english of text.match(/\b(?:the|of|with|your|and|is|not|this)\b/gi) ?? [])
      found.push(`${name}: English "${english}"`)
  }
  const goTo = async (en: string, ru: string) => {
    if (isNarrow)
      await at.page.evaluate(() =>
        document.querySelector<HTMLElement>('[popovertarget=places]')?.click(),
      )
    await at.click(word(en, ru))
  }
  await look('list')
  await at.click('Gitforge')
  await at.see('gitforge.example')
  await look('record')
  await at.click(word('Edit', 'Изменить'))
  await look('edit')
  await at.click(word('Make a password', 'Создать пароль'))
  await look('generator')
  await at.press('Escape')
  await at.press('Escape')
  if (isPhone) await at.click(word('Back to the list', 'Назад'))
  await goTo('Trash', 'Корзина')
  await at.click('Old forum')
  await look('trash')
  await at.click(word('Delete for good', 'Удалить навсегда'))
  await look('dialog')
  await at.press('Escape')
  if (isPhone) await at.click(word('Back to the list', 'Назад'))
  await goTo('Import and export', 'Импорт и экспорт')
  await look('transfer')
  using folder = temporaryFolder()
  const table = join(folder.path, 'table.csv')
  writeFileSync(table, genericCsv.replace('Отдел', 'Подразделение'))
  const input = await at.page.waitForSelector('input[type=file]')
  await input?.uploadFile(table)
  await at.see(word('What the columns are', 'Что в столбцах'))
  await look('columns')
  await at.click(word('Show what will be saved', 'Показать'))
  await at.see(word('Before it is saved', 'До сохранения'))
  await look('preview')
  if (isNarrow) await at.click(word('Back to the list', 'Назад'))
  await goTo('Account', 'Аккаунт')
  await at.see(word('Devices', 'Устройства'))
  await look('account')
  await at.click(word('Change it…', 'Сменить…'))
  await look('master password')
  await at.press('Escape')
  await at.click(word('Show the history', 'Показать историю'))
  await at.see(word('within 30 days', 'за 30 дней'))
  await look('history')
  await at.click('Bank')
  await at.see(word('Bring this version back', 'Вернуть эту версию'))
  await look('version')

  // What was typed when the vault was locked is under a master password that is changed meanwhile.
  await at.press('n')
  await at.fill(word('Name', 'Название'), 'Half-typed')
  await advance(at, 601)
  await at.see(word('Unlock', 'Открыть'))
  const change = { oldPassword: owner.masterPassword, newPassword: 'six loud tortoises' }
  const vault = await pages.open()
  const changed = await changeMasterPassword({ ...change, api: pages.api, vault, hint: null })
  expect(changed).toMatchObject({ kind: 'changed' })
  await at.fill(word('Master password', 'Мастер-пароль'), change.newPassword)
  await at.press('Enter')
  await at.see(word('Something you typed is still there', 'Введённое раньше не пропало'))
  await look('former dialog')
  await at.fill(word('Former master password', 'Прежний мастер-пароль'), 'not this one at all')
  await at.press('Enter')
  await at.see(word('This is not the master password of that time.', 'Тогда был другой'))
  await look('former dialog, refused')
  return found
}

describe.each(browserTrialsAt(1280))('in $kind every screen can be used by everybody', (trial) => {
  const used = useBrowser(trial)
  const usual = [
    { width: 1280, theme: 'light', language: 'en' },
    { width: 320, theme: 'dark', language: 'ru' },
  ] as const
  // With --all. At 640 px a page of 1280 px is seen at 200 %.
  const others = [
    { width: 1280, theme: 'dark', language: 'ru' },
    { width: 800, theme: 'dark', language: 'en' },
    { width: 640, theme: 'light', language: 'ru' },
    { width: 360, theme: 'light', language: 'en' },
  ] as const
  test.each(isEachBrowser ? [...usual, ...others] : usual)(
    'at $width px, $theme, in $language',
    async (screen) => {
      await using pages = await startFilled()
      const at = await used.open(vaultAt(pages.server), screen)
      await at.see('SnailPass')
      const faults = [...(await at.findFaults())]
      const isRussian = screen.language === 'ru'
      await at.fill(isRussian ? 'Почта' : 'Email', owner.email)
      await at.fill(isRussian ? 'Мастер-пароль' : 'Master password', owner.masterPassword)
      await at.press('Enter')
      await at.page.waitForSelector('.app')
      faults.push(...(await visitAll(at, pages, screen)))
      expect(faults).toEqual([])
    },
  )
})
