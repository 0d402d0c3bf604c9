import { expect, test } from 'bun:test'
import { deriveVaultKeys } from '../../../../../src/web/vault/crypto/keys'
import { pageEmail } from '../../../../support/page-app'
import { type ShownPage, showPage } from '../../../../support/shown-page'
import { aForm } from '../../../../support/vault-apps'

const masterPassword = 'four quiet snails'
const formerKeys = await deriveVaultKeys({ email: pageEmail, masterPassword })

/** A page that was locked while something was typed, and opened after a change of the master password. */
async function openAfterChange() {
  const page = await showPage()
  await page.open([], formerKeys)
  page.app.form.value = aForm('Half-typed')
  await page.act(() => page.app.lock('idle'))
  await page.open([])
  return page
}

const field = 'Former master password'
const refusal = 'This is not the master password of that time.'
const dialog = [
  '# Something you typed is still there',
  'You were typing when the vault was locked, and the master password was changed since. Type the one of that time to go on.',
  ...[`${field}:  (password)`, '[Show master password]'],
  ...['[Discard it | danger]', '[Go on with it | primary]'],
]
const isShown = () => document.querySelector('dialog') !== null

test('asks for the master password of that time, and refuses another one beside the field', async () => {
  using page = await openAfterChange()
  expect(page.lines('dialog')).toEqual(dialog)
  expect(document.querySelector('dialog input')?.getAttribute('autocomplete')).toBe(
    'current-password',
  )
  // Without a master password nothing is tried.
  await page.press('Go on with it')
  expect(page.lines('dialog')).toEqual(dialog)
  await page.type(field, 'not this one')
  await page.press('Go on with it')
  await page.until(() => page.lines('dialog').includes(refusal), 'the refusal')
  expect(page.lines('dialog').slice(2)).toEqual([
    ...[`${field}: not this one (password, wrong)`, '[Show master password]', refusal],
    ...dialog.slice(-2),
  ])
  await page.type(field, '')
  expect(page.lines('dialog')).toEqual(dialog)
})

test('goes on with what was typed', async () => {
  using page = await openAfterChange()
  expect(page.app.form.value).toBeNull()
  await page.type(field, masterPassword)
  await page.press('Go on with it')
  await page.until(() => !isShown(), 'the form')
  expect(page.app.form.value).toMatchObject({ texts: { name: 'Half-typed' } })
})

test('discards what was typed, if somebody wants that', async () => {
  using page = await openAfterChange()
  expect(page.app.isAtWork()).toBe(true)
  await page.press('Discard it')
  expect([isShown(), page.app.isAtWork()]).toEqual([false, false])
})

/** Locks the vault, and opens it again. */
async function openAgain(page: ShownPage) {
  await page.act(() => page.app.lock('idle'))
  await page.open([])
}

test('asks again after the next lock, if somebody wants to go on later', async () => {
  using page = await openAfterChange()
  await page.cancel()
  expect([isShown(), page.app.isAtWork()]).toEqual([false, true])
  await openAgain(page)
  expect(page.lines('dialog')).toEqual(dialog)
})
