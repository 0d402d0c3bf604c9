import { expect, test } from 'bun:test'
import { encryptText, maxCiphertext } from '../../../../../src/web/vault/crypto/ciphertexts'
import type { OpenEntry } from '../../../../../src/web/vault/model/entries'
import { copyOf, formOf, newForm } from '../../../../../src/web/vault/state/entry-form'
import { anOpenNote, anOpenRecord } from '../../../../support/open-entries'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const code = 'One-time code (otpauth address or secret)'
const actions = ['[Add a field]', '[Address]', '[Recovery codes]']
const rest = ['[Cancel]', '[Save | primary]']
const full = anOpenRecord({
  texts: [
    { name: 'URL', value: 'https://a.example' },
    { name: 'URL 2', value: 'https://b.example' },
    { name: 'TOTP', value: 'GEZDGNBVGY3TQOJQ' },
    { name: 'Notes', value: 'n' },
    { name: 'Recovery codes', value: '1' },
    { name: 'PIN', value: 'a\nb' },
  ],
})

async function edit(
  form: ReturnType<typeof newForm>,
  entries: readonly OpenEntry[] = [anOpenRecord()],
) {
  const page = await showPage()
  await page.open(entries)
  await page.act(() => {
    page.app.form.value = form
  })
  return page
}

/** What is shown without the generator. */
function shown(page: ShownPage): readonly string[] {
  const generator = page.lines('article').indexOf('(x) Characters')
  const lines = page.lines('article')
  return generator === -1 ? lines : [...lines.slice(0, generator), ...lines.slice(-2)]
}

/** The bodies that were sent to the vault. */
const sent = ({ asked }: ShownPage) =>
  asked.flatMap(({ question, body }) => (question === 'POST /account/vault' ? [body] : []))

const refusalIn = () => document.querySelector('.refusal')?.textContent ?? null

test('asks for all that a new record may have', async () => {
  using page = await edit(newForm('record'))
  expect(shown(page)).toEqual([
    ...['[Stop editing]', '# New record', '[Save | primary]', '(x) Record', '( ) Note'],
    ...['Name:  (text)', 'Login:  (text)'],
    ...['Password:  (text)', '[Hide Password | pressed]', '[Make a password]'],
    ...['Address:  (text)', `${code}:  (text)`, `[Hide ${code} | pressed]`],
    ...['Notes:  (textarea)', 'Folder:  (text)', 'Tags, with commas:  (text)', ...actions, ...rest],
  ])
})

test('asks for the keyboard of addresses where one is typed, and for no suggestions but folders', async () => {
  using _page = await edit(formOf(full))
  const inputs = [...document.querySelectorAll('article .field input')].map((input) => {
    const label = document.querySelector(`label[for="${input.id}"]`)?.textContent ?? ''
    const [mode, autocomplete, list] = ['inputmode', 'autocomplete', 'list'].map((name) =>
      input.getAttribute(name),
    )
    return [label, mode, autocomplete, list === null ? null : 'suggestions']
  })
  expect(inputs).toEqual([
    ['Name', 'text', 'off', null],
    ['Login', 'text', 'off', null],
    ['Password', 'text', 'new-password', null],
    ['Address', 'url', 'off', null],
    ['Address 2', 'url', 'off', null],
    [code, 'text', 'new-password', null],
    ['Folder', 'text', 'off', 'suggestions'],
    ['Tags, with commas', 'text', 'off', null],
    ['Name of the field', 'text', 'off', null],
  ])
})

test('hides the secrets of a record that is there', async () => {
  using page = await edit(formOf(full))
  const hidden = [
    ...['[Stop editing]', '# Edit Mail', '[Save | primary]'],
    ...['Name: Mail (text)', 'Login: marta (text)'],
    ...['Password: hunter2 (password)', '[Show Password]', '[Make a password]'],
    'Weak · used in 1 other record',
    ...['Address: https://a.example (text)', 'Address 2: https://b.example (text)'],
    ...[`${code}: GEZDGNBVGY3TQOJQ (password)`, `[Show ${code}]`],
    ...['Notes: n (textarea)', 'Folder:  (text)', 'Tags, with commas:  (text)'],
    ...['Recovery codes, one a line: 1 (textarea)', 'PIN'],
    ...['Name of the field: PIN (text)', 'Value: a\nb (textarea)', '[Remove PIN]'],
  ]
  const choice = [
    '6 fields beside name, login and password; older apps handle 4. On saving, 2 of them go into the notes as lines.',
    'Choose which',
    ...['( ) PIN', '(x) Recovery codes', '(x) TOTP', '(x) URL', '( ) URL 2'],
  ]
  expect(shown(page)).toEqual([...hidden, ...choice, '[Add a field]', '[Address]', ...rest])
  await page.press('Show Password', 'article')
  await page.press(`Show ${code}`, 'article')
  expect(shown(page)).toContain('Password: hunter2 (text)')
  expect(shown(page)).toContain(`${code}: GEZDGNBVGY3TQOJQ (text)`)
})

test('writes what is typed into the form, each into its place', async () => {
  using page = await edit(newForm('record'))
  const texts = {
    ...{ Name: 'name', Login: 'login', Password: 'password', [code]: 'totp', Notes: 'notes' },
    ...{ Folder: 'folder', 'Tags, with commas': 'tags', 'Recovery codes, one a line': 'codes' },
  }
  await page.press('Recovery codes', '.actions')
  expect(shown(page)).not.toContain('[Recovery codes]')
  for (const [label, text] of Object.entries(texts)) await page.type(label, text)
  await page.press('Address', '.sheet > .actions')
  await page.type('Address', 'one')
  await page.type('Address 2', 'two')
  await page.press('Add a field')
  await page.press('Add a field')
  await page.type('Name of the field', 'first')
  await page.type('Value', '1')
  expect(page.app.form.value).toMatchObject({
    texts: {
      ...{ name: 'name', login: 'login', password: 'password', totp: 'totp', notes: 'notes' },
      ...{ folder: 'folder', tags: 'tags', recoveryCodes: 'codes' },
    },
    urls: ['one', 'two'],
    others: [
      { name: 'first', value: '1' },
      { name: '', value: '' },
    ],
  })
  await page.press('Remove first')
  expect(page.app.form.value?.others).toEqual([{ name: '', value: '' }])
})

test.each([
  ['', [], null],
  ['hunter2', [anOpenRecord({ password: 'other' })], 'Weak · used nowhere else'],
  ['hunter2', [anOpenRecord(), anOpenRecord()], 'Weak · used in 2 other records'],
  ['xK4!vq9Zr?8Lm2Wt', [], 'Very strong · used nowhere else'],
] as const)(
  'says of the password %p how strong it is, and where else it is used',
  async (password, entries, hint) => {
    const form = newForm('record')
    using page = await edit({ ...form, texts: { ...form.texts, password } }, entries)
    const lines = shown(page)
    const next = lines[lines.indexOf('[Make a password]') + 1]
    expect(next).toBe(hint ?? 'Address:  (text)')
    expect(document.querySelector('.meter') === null).toBe(hint === null)
  },
)

test.each([
  ['', '', 'pw', false],
  ['Mail', '', 'pw', true],
  ['Mail', 'marta', ' ', true],
  ['Mail', 'marta', 'pw', false],
])(
  'warns that the Android app needs login and password: %p, %p, %p',
  async (name, login, password, isWarned) => {
    const form = newForm('record')
    using page = await edit({ ...form, texts: { ...form.texts, name, login, password } })
    const warnings = shown(page).filter((line) => line.includes('Android'))
    expect(warnings).toHaveLength(isWarned ? 1 : 0)
  },
)

test('lets choose which three fields stay fields', async () => {
  using page = await edit(formOf(full))
  const checked = () => page.lines('.callout').filter((line) => line.startsWith('(x)'))
  const movedTo = async (...names: readonly string[]) => {
    for (const name of names) await page.press(name, '.callout')
    return checked().map((line) => line.slice(4))
  }
  expect(await movedTo()).toEqual(['Recovery codes', 'TOTP', 'URL'])
  expect(await movedTo('PIN')).toEqual(['PIN', 'TOTP', 'URL'])
  expect(page.app.form.value?.kept).toEqual(['PIN'])
  expect(await movedTo('URL 2')).toEqual(['PIN', 'URL', 'URL 2'])
  expect(await movedTo('Recovery codes')).toEqual(['PIN', 'Recovery codes', 'URL 2'])
  expect(await movedTo('TOTP')).toEqual(['Recovery codes', 'TOTP', 'URL 2'])
})

test.each([
  ['URL', ['Recovery codes', 'TOTP', 'URL 2']],
  ['TOTP', ['Recovery codes', 'URL', 'URL 2']],
  ['Recovery codes', ['TOTP', 'URL', 'URL 2']],
])(
  'moves a field that is not to stay, %p, into the notes, and the next takes its place',
  async (name, stay) => {
    using page = await edit(formOf(full))
    await page.press(name, '.callout')
    const lines = page.lines('.callout')
    expect(lines.flatMap((line) => (line.startsWith('(x) ') ? [line.slice(4)] : []))).toEqual(stay)
    expect(lines).toContain(`( ) ${name}`)
    await page.press(name, '.callout')
    expect(page.lines('.callout')).toContain(`(x) ${name}`)
  },
)

test('turns a new record into a note, and keeps what both have', async () => {
  using page = await edit(newForm('record'))
  await page.type('Name', 'Door')
  await page.type('Notes', '4711')
  const id = page.app.form.value?.id
  await page.press('Note', '.tabs')
  expect(page.lines('article')).toEqual([
    ...['[Stop editing]', '# New note', '[Save | primary]', '( ) Record', '(x) Note'],
    ...['Name: Door (text)', 'Text: 4711 (textarea)', ...rest],
  ])
  expect(page.app.form.value).toMatchObject({ id, kind: 'note' })
  await page.type('Text', '0815')
  expect(page.app.form.value?.texts.notes).toBe('0815')
})

test('sends nothing without a name, and says so until it is given', async () => {
  using page = await edit(newForm('note'))
  await page.press('Save', '.record-bar')
  expect(page.lines('form')).toContain('Give it a name.')
  expect(page.lines('form')).toContain('Name:  (text, wrong)')
  expect(refusalIn()).toBeNull()
  await page.type('Name', 'Door')
  expect(page.lines('form')).toContain('Name: Door (text)')
  expect(page.lines('form')).not.toContain('Give it a name.')
  expect(page.asked).toEqual([])
})

const longest = (maxCiphertext.value / 4) * 3

test.each([
  ['name', 'Name'],
  ['login', 'Login'],
  ['password', 'Password'],
  ['totp', 'One-time code'],
  ['folder', 'Folder'],
  ['tags', 'Tags'],
  ['recoveryCodes', 'Recovery codes'],
  ['notes', 'Notes'],
] as const)('sends no %s that is longer than the server takes', async (member, field) => {
  const form = newForm('record')
  const texts = { ...form.texts, name: 'Mail', [member]: 'x'.repeat(longest) }
  using page = await edit({ ...form, texts })
  await page.press('Save', '.record-bar')
  expect(page.lines('article')).toContain(`${field} is longer than the server takes.`)
  expect(refusalIn() === null).toBe(member === 'name')
  expect(page.asked).toEqual([])
})

test('sends a note that is longer than any other value', async () => {
  const form = newForm('note')
  using page = await edit({
    ...form,
    texts: { ...form.texts, name: 'n', notes: 'x'.repeat(longest) },
  })
  await page.press('Save', '.record-bar')
  await page.until(() => sent(page).length === 1, 'the note to be sent')
  expect(refusalIn()).toContain('The server can’t be reached. What you typed stays here.')
  expect(page.app.form.value).not.toBeNull()
})

test('shows an entry once it is saved', async () => {
  using page = await edit(formOf(full), [full])
  await page.type('Login', 'olga')
  page.answer = () => ({
    ...{ state: 's2', notes: [] },
    records: [{ id: full.id, revision: 9, creation_time: '', update_time: '' }],
  })
  await page.press('Save', '.record-bar')
  await page.until(() => page.app.form.value === null, 'the form to be closed')
  const { app } = page
  expect([app.announcement.value, app.navigation.route.value.entryId]).toEqual(['Saved', full.id])
  expect(app.vault.value?.find(full.id)).toMatchObject({ login: 'olga', revision: 9 })
})

/** What the server answers to a change of an entry that somebody else has changed, or deleted. */
async function conflict(theirs: OpenEntry | null) {
  const page = await edit(formOf(full), [full])
  await page.type('Login', 'olga')
  const key = page.app.live.value?.key()
  if (key === undefined) throw new Error('the vault is closed')
  const seal = (value: unknown) => encryptText(key, String(value))
  const time = 'Mon, 23 Nov 2026 12:00:00 -0000'
  const records =
    theirs?.kind !== 'record'
      ? []
      : [
          {
            ...{ id: theirs.id, revision: theirs.revision, user_id: 'u' },
            ...{ is_favorite: false, is_deleted: false, creation_time: time, update_time: time },
            ...{ name: await seal(theirs.name), login: await seal(theirs.login) },
            password: await seal(theirs.password),
            additional_fields: [],
          },
        ]
  page.answer = (question) =>
    question === 'POST /account/vault' ? { status: 412, state: 's2', records, notes: [] } : 503
  await page.press('Save', '.record-bar')
  await page.until(() => document.querySelector('dialog') !== null, 'the question')
  page.asked.length = 0
  return page
}

const theirs = anOpenRecord({ id: full.id, revision: 50, login: 'theirs', fields: [] })

test('shows what is different in an entry that was changed elsewhere, and keeps what somebody chooses', async () => {
  using page = await conflict(theirs)
  const lines = page.lines('dialog')
  expect(lines[0]).toBe('# Changed elsewhere')
  expect(lines.slice(2, 7)).toEqual(['Yours', 'As it is now', 'Login', 'olga', 'theirs'])
  expect(lines.slice(-3)).toEqual(['[Keep what is there]', '[Keep both]', '[Keep mine | primary]'])
  expect(lines.filter((line) => line === 'not there')).toHaveLength(4)
  await page.press('Keep mine', 'dialog')
  await page.until(() => sent(page).length === 1, 'mine')
  expect(sent(page)).toMatchObject([{ records: [{ id: full.id, revision: 50 }] }])
})

test('keeps both as two entries', async () => {
  using page = await conflict(theirs)
  await page.press('Keep both', 'dialog')
  await page.until(() => sent(page).length === 1, 'mine')
  expect(sent(page)).toMatchObject([{ records: [{ revision: null }] }])
  expect(JSON.stringify(sent(page))).not.toContain(full.id)
})

test('keeps what is there, and sends nothing', async () => {
  using page = await conflict(theirs)
  await page.press('Keep what is there', 'dialog')
  expect([page.app.form.value, page.app.navigation.route.value.entryId]).toEqual([null, full.id])
  expect(sent(page)).toEqual([])
})

test('makes a new entry of one that was deleted elsewhere, if somebody keeps theirs', async () => {
  using page = await conflict(null)
  expect(page.lines('dialog')).toEqual([
    ...['# Changed elsewhere', 'This record was deleted elsewhere while you edited it.'],
    ...['[Keep what is there]', '[Keep mine | primary]'],
  ])
  await page.press('Keep mine', 'dialog')
  await page.until(() => sent(page).length === 1, 'mine')
  expect(sent(page)).toMatchObject([{ records: [{ id: full.id, revision: null }] }])
})

test.each([
  ['[Stop editing]', 'Stop editing'],
  ['[Cancel]', 'Cancel'],
])('asks before %s loses what was typed', async (_, button) => {
  using page = await edit(formOf(full), [full])
  await page.type('Login', 'olga')
  await page.press(button)
  expect(page.lines('dialog')).toEqual([
    ...['# Leave without saving?', 'What you changed is lost.'],
    ...['[Leave | danger]', '[Go on editing | primary]'],
  ])
  await page.press('Go on editing')
  expect(document.querySelector('dialog')).toBeNull()
  expect(page.app.form.value?.texts.login).toBe('olga')
  await page.act(() => page.app.go({ page: 'account' }))
  await page.press('Leave')
  expect([page.app.form.value, page.app.leaving.value]).toEqual([null, null])
  expect(page.app.navigation.route.value.page).toBe('account')
})

test('leaves at once where nothing was typed', async () => {
  using page = await edit(copyOf(formOf(anOpenNote({ name: '', content: '' }))))
  await page.press('Stop editing')
  expect(page.app.form.value).toBeNull()
})

test('makes a password by the chosen rules, and keeps the last ten', async () => {
  using page = await edit(newForm('record'))
  const password = () => page.app.form.value?.texts.password ?? ''
  expect(page.lines('#generator')).toEqual([
    ...['(x) Characters', '( ) Words', '[Close]', 'Length: 20 (range)'],
    ...['(x) a–z', '(x) A–Z', '(x) 0–9', '(x) ! # $', '(x) No look-alikes (l, I, 1, O, 0)'],
    'About 0 bits. The last 10 are kept until you lock.',
    ...['[Another]', '[Use it | primary]'],
  ])
  await page.type('Length', '30')
  for (const name of ['A–Z', '0–9', '! # $']) await page.press(name, '#generator')
  // A password needs one kind at least.
  expect(page.lines('#generator')).toContain('(x) a–z (disabled)')
  await page.press('Use it', '#generator')
  expect(password()).toMatch(/^[a-z]{30}$/)
  await page.press('Words', '#generator')
  expect(page.lines('#generator').slice(4, 7)).toEqual([
    ...['Number of words: 5 (range)', '( ) Capitals and a digit', 'Between the words: - (select)'],
  ])
  await page.type('Number of words', '4')
  await page.type('Between the words', '.')
  await page.press('Use it', '#generator')
  expect(password()).toMatch(/^[a-z]+(?:\.[a-z]+){3}$/)
  await page.press('Capitals and a digit', '#generator')
  await page.press('Use it', '#generator')
  expect(password()).toMatch(/^[A-Z][a-z]+\d?(?:\.[A-Z][a-z]+\d?){3}$/)
  const used = [password()]
  for (let time = 0; time < 10; time++) {
    await page.press('Another', '#generator')
    await page.press('Use it', '#generator')
    used.unshift(password())
  }
  expect(page.app.generated.value).toEqual(used.slice(0, 10))
  // One that is used again is the newest, and is there once.
  await page.press('Use it', '#generator')
  expect(page.app.generated.value).toEqual(used.slice(0, 10))
})
