import { expect, test } from 'bun:test'
import { encryptText } from '../../../../../src/web/vault/crypto/ciphertexts'
import { deriveVaultKeys } from '../../../../../src/web/vault/crypto/keys'
import { anOpenRecord } from '../../../../support/open-entries'
import { pageEmail } from '../../../../support/page-app'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const [oldPassword, newPassword] = ['four quiet snails', 'five brisk hedgehogs']

/** The section from its heading to the next. */
function section(page: ShownPage): readonly string[] {
  const lines = page.lines('main')
  const begin = lines.indexOf('# Master password') + 1
  return lines.slice(begin, lines.indexOf('# History'))
}

async function openAccountPage(page: ShownPage, count: number) {
  await page.open(Array.from({ length: count }, () => anOpenRecord()))
  await page.act(() => page.app.go({ page: 'account' }))
  page.asked.length = 0
}

/** Opens the dialog for the change of the master password of an empty vault, and fills it in. */
async function fillIn(page: ShownPage) {
  await openAccountPage(page, 0)
  await page.press('Change it…')
  await page.type('Master password now', oldPassword)
  await page.type('New master password', newPassword)
  await page.type('Repeat the master password', newPassword)
}

const action = 'Change for all 0 entries'
const busy = `[${action} … | disabled, primary]`

/** Sends what is typed, and waits for what comes of it. */
async function change(page: ShownPage) {
  await page.press(action)
  await page.until(
    () => document.querySelector('dialog') === null || page.lines('dialog').at(-1) !== busy,
    'the end of the change',
  )
}

const emptyVault = { state: 's2', email: pageEmail, hint: null, records: [], notes: [] }

/** Answers each sign-in with the next of these. */
function server(answers: {
  readonly logins: readonly (object | number)[]
  readonly vault?: object
  readonly change?: object | number
}) {
  const logins = [...answers.logins]
  return (question: string) => {
    if (question === 'GET /login') return logins.shift() ?? 500
    if (question === 'GET /account/vault') return answers.vault ?? emptyVault
    return question === 'PUT /account/master-password' ? (answers.change ?? 500) : 503
  }
}

const token = { token: 'token' }

test('asks for the master password before anything is changed, and says what happens', async () => {
  using page = await showPage()
  await openAccountPage(page, 2)
  expect(section(page)).toEqual(['[Change it…]'])
  await page.press('Change it…')
  expect(page.lines('dialog')).toEqual([
    '# Change the master password',
    ...['Master password now:  (password)', '[Show master password]'],
    ...['New master password:  (password)', '[Show master password]'],
    'From 11 to 300 characters. Four or five words do well.',
    ...['Repeat the master password:  (password)', '[Show master password]'],
    'Hint (optional): snail (text)',
    'The server can read the hint. Don’t write the password into it.',
    ...['What happens', 'All 2 entries are encrypted again, all at once or not at all.'],
    'Until you type the new password there, the Windows and Android apps go on opening their old copy with the old one, and edits made on the phone meanwhile are lost.',
    'The history of changes is deleted: it can’t be kept under a new key.',
    '[Save an emergency file first (recommended)]',
    ...['[Not now]', '[Change for all 2 entries | primary]'],
  ])
  const wanted = [...document.querySelectorAll('dialog input')].map((input) =>
    input.getAttribute('autocomplete'),
  )
  expect(wanted.slice(0, 3)).toEqual(['current-password', 'new-password', 'new-password'])
  await page.press('Not now')
  expect(document.querySelector('dialog')).toBeNull()
  expect(page.asked).toEqual([])
})

test('says of one entry that it is one', async () => {
  using page = await showPage()
  await openAccountPage(page, 1)
  await page.press('Change it…')
  expect(page.lines('dialog')).toContain('The one entry is encrypted again.')
  expect(page.lines('dialog').at(-1)).toBe('[Change for 1 entry | primary]')
})

test('is closed by Esc, and leads to an emergency file', async () => {
  using page = await showPage()
  await openAccountPage(page, 0)
  await page.press('Change it…')
  await page.cancel()
  expect(document.querySelector('dialog')).toBeNull()
  await page.press('Change it…')
  await page.press('Save an emergency file first (recommended)')
  expect(page.app.navigation.route.value.page).toBe('transfer')
  await page.act(() => page.app.go({ page: 'account' }))
  expect(document.querySelector('dialog')).toBeNull()
})

test.each([
  ['Marta@example.org', pageEmail, true],
  [pageEmail, 'Marta@example.org', false],
])(
  'says whether the apps of phones can sign in: keys of %p, account of %p',
  async (salt, email, isOld) => {
    using page = await showPage()
    await openAccountPage(page, 0)
    await page.act(async () => {
      const { live } = page.app
      if (live.value === null) throw new Error('the vault is closed')
      page.answer = () => ({ ...emptyVault, email })
      await live.value.refresh()
      live.value.account.value = { ...live.value.account.value, salt }
    })
    expect(section(page)).toHaveLength(isOld ? 2 : 1)
  },
)

test('changes the master password, takes the hint without blanks around it, and says so', async () => {
  using page = await showPage()
  await fillIn(page)
  await page.type('Hint (optional)', '  under the shell ')
  page.answer = server({ logins: [token], change: { token: 'next' } })
  await change(page)
  expect(document.querySelector('dialog')).toBeNull()
  const done = 'The master password is changed. All other devices are signed out.'
  expect(section(page)).toEqual([done, '[Change it…]'])
  expect(document.querySelector('main [role=status]')?.textContent).toBe(done)
  const { masterPasswordHash } = await deriveVaultKeys({
    email: pageEmail,
    masterPassword: newPassword,
  })
  const sent = page.asked.filter(({ question }) => question.startsWith('PUT'))
  expect(sent).toMatchObject([
    { body: { master_password_hash: masterPasswordHash, hint: 'under the shell' } },
  ])
})

test('changes the master password without a hint, and tells of a lost answer', async () => {
  using page = await showPage()
  await fillIn(page)
  await page.type('Hint (optional)', ' ')
  page.answer = server({ logins: [token, token] })
  await change(page)
  expect(section(page)).toEqual([
    ...['No answer came, but the new master password holds.', '[Change it…]'],
  ])
  const sent = page.asked.filter(({ question }) => question.startsWith('PUT'))
  expect(sent).toMatchObject([{ body: { hint: null } }])
})

const oldKeys = await deriveVaultKeys({ email: pageEmail, masterPassword: oldPassword })
const sealedName = await encryptText(oldKeys.encryptionKey, 'Door')
const sealedTime = 'Mon, 23 Nov 2026 12:00:00 -0000'
const note = (name: string) => ({
  ...{ id: name, revision: 1, user_id: 'u', is_favorite: false, is_deleted: false },
  ...{ creation_time: sealedTime, update_time: sealedTime, name, content: 'none' },
})

test.each([
  [
    'the old one holds',
    { logins: [token, 401, token] },
    'No answer came, and the old master password still holds. Try again.',
  ],
  [
    'nobody knows',
    { logins: [token, 503] },
    'No answer came, so nobody knows whether the master password was changed. Try the new one, then the old one.',
  ],
  [
    'the server is busy',
    { logins: [503] },
    'The server is busy. What you typed stays here; try again in a moment.',
  ],
  [
    'an entry can not be decrypted',
    { logins: [token], vault: { ...emptyVault, notes: [note(sealedName), note('none')] } },
    'These entries can’t be decrypted, so they can’t get a new key. Export and delete them first, or leave the master password as it is. (Door, Can’t be decrypted)',
  ],
])('says what is in the way until something else is typed: %s', async (_, answers, text) => {
  using page = await showPage()
  await fillIn(page)
  page.answer = server(answers)
  await change(page)
  expect(page.lines('dialog').slice(-3)).toEqual([...[text, '[Not now]', `[${action} | primary]`]])
  expect(document.querySelector('dialog .callout[role=alert]')?.textContent).toBe(text)
  expect(page.lines('dialog').filter((line) => line.includes('wrong'))).toEqual([])
  await page.type('Repeat the master password', '')
  expect(document.querySelector('dialog .callout')).toBeNull()
  expect(section(page)[0]).toBe('[Change it…]')
})

test('says beside its field that the master password is another one', async () => {
  using page = await showPage()
  await fillIn(page)
  page.answer = server({ logins: [401] })
  await change(page)
  expect(page.lines('dialog').slice(1, 4)).toEqual([
    `Master password now: ${oldPassword} (password, wrong)`,
    ...['[Show master password]', 'This is not your master password.'],
  ])
  expect(document.querySelector('dialog .callout')).toBeNull()
  await page.type('Master password now', 'other')
  expect(page.lines('dialog').slice(1, 4)).toEqual([
    ...['Master password now: other (password)', '[Show master password]'],
    'New master password: five brisk hedgehogs (password)',
  ])
})

test('sends nothing while the new master password is refused', async () => {
  using page = await showPage()
  await fillIn(page)
  await page.type('Repeat the master password', 'another')
  await page.press(action)
  expect(page.lines('dialog')).toContain('Repeat the master password: another (password, wrong)')
  expect(page.lines('dialog').at(-1)).toBe(`[${action} | primary]`)
  expect(page.asked).toEqual([])
})

test('stays open until it is known what came of the change', async () => {
  using page = await showPage()
  await fillIn(page)
  const answer = Promise.withResolvers<number>()
  page.answer = () => answer.promise
  await page.press(action)
  expect(page.lines('dialog').slice(-3)).toEqual([
    ...['[Save an emergency file first (recommended) | disabled]', '[Not now | disabled]', busy],
  ])
  await page.cancel()
  await page.press('Not now')
  await page.press('Save an emergency file first (recommended)')
  expect(page.app.navigation.route.value.page).toBe('account')
  answer.resolve(401)
  const refusal = 'This is not your master password.'
  await page.until(() => page.lines('dialog').includes(refusal), 'the refusal')
  expect(page.lines('dialog').slice(-3)).toEqual([
    ...['[Save an emergency file first (recommended)]', '[Not now]', `[${action} | primary]`],
  ])
})
