/** What the screens of the web vault offer and say of each entry, in a real browser: on one page, since opening a vault takes seconds. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createTranslator } from '../../../src/web/vault/i18n/translate'
import type { OpenEntry } from '../../../src/web/vault/model/entries'
import { goTo, newNote, newRecord, openUnlocked, vaultAt } from '../../support/acceptance'
import { useBrowser, usualTrial } from '../../support/browsers'
import { owner, startVaultPages, type VaultPages } from '../../support/open-vaults'
import { until } from '../../support/until'
import type { VaultPage } from '../../support/vault-browser'

const used = useBrowser(usualTrial)
const totp = 'otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const codes = [
  { name: 'TOTP', value: totp },
  { name: 'Recovery codes', value: '11\n22' },
]
let pages: VaultPages
let at: VaultPage

beforeAll(async () => {
  pages = await startVaultPages()
  const vault = await pages.open()
  for (const draft of [
    newRecord({ name: 'Whole' }),
    newRecord({ name: 'Only login', password: '' }),
    newRecord({ name: 'Only password', login: '' }),
    newRecord({ name: 'Neither', login: '', password: '' }),
    newRecord({ name: 'Codes', texts: codes }),
    newRecord({ name: 'Old forum', isTrashed: true }),
    newNote({ name: 'Door' }),
    newNote({ name: 'Old door', isTrashed: true }),
  ])
    expect(await vault.save(draft)).toEqual({ kind: 'saved' })
  at = await openUnlocked(used, pages)
}, 300_000)
afterAll(() => pages?.[Symbol.asyncDispose]())

beforeEach(async () => {
  // What a test left behind that failed: a page that asks before it goes away.
  if ((await at.page.$('#entry-form, dialog')) !== null) at = await openUnlocked(used, pages)
  await goTo(at, 'All items')
}, 300_000)

async function entryCalled(name: string): Promise<OpenEntry> {
  const { entries } = (await pages.open()).vault.value
  const found = entries.find((entry) => entry.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

/** Opens an entry of the list, and waits until it is shown. */
async function show(name: string): Promise<void> {
  await at.click(name)
  await until(
    () =>
      at.page.evaluate(
        (text) => document.querySelector('.record-title h1')?.textContent === text,
        name,
      ),
    `the entry ${name}`,
  )
}

/** Returns the names of the copy buttons in the rows of the list, with `!` for what is marked as copied. */
function quickButtons(): Promise<readonly string[]> {
  return at.page.$$eval('.quick button', (buttons) =>
    buttons.map((button) => {
      const isMarked = button.classList.contains('copied')
      // The drawing of the check mark.
      const hasCheck = button.querySelector('path')?.getAttribute('d') === 'm4 10.5 4 4 8-9'
      const mark = isMarked && hasCheck ? '!' : isMarked || hasCheck ? '?' : ''
      return `${button.getAttribute('aria-label')}${mark}`
    }),
  )
}

test('a row offers to copy what its record has, and marks what is on the clipboard', async () => {
  const offered = [
    ...['Copy login of Codes', 'Copy password of Codes'],
    ...['Copy login of Only login', 'Copy password of Only password'],
    ...['Copy login of Whole', 'Copy password of Whole'],
  ]
  expect(await quickButtons()).toEqual(offered)
  for (const [part, text] of [
    ['password', 'hunter2'],
    ['login', 'marta'],
  ]) {
    const button = `Copy ${part} of Whole`
    await at.click(button)
    await until(async () => (await at.clipboard()) === text, `the ${part} on the clipboard`)
    const marked = offered.map((each) => (each === button ? `${each}!` : each))
    await until(async () => (await quickButtons()).includes(`${button}!`), 'the mark of the row')
    expect(await quickButtons()).toEqual(marked)
  }
  await at.click('Clear now')
  await at.page.waitForSelector('.pill', { hidden: true })
  expect(await quickButtons()).toEqual(offered)
})

test.each([
  ['Whole', ['Login', 'Password']],
  ['Only login', ['Login']],
  ['Neither', []],
  ['Codes', ['Login', 'Password', 'One-time code', 'Recovery codes']],
  ['Door', ['Text']],
])(
  '%s shows a label for each value that it has, and none for what it lacks',
  async (name, labels) => {
    await show(name)
    const shown = await at.page.$$eval('.record dt', (found) => found.map((dt) => dt.textContent))
    expect(shown).toEqual(labels)
  },
)

test('a screen reader is told which entry the keys select from the search, and from the list by its focus', async () => {
  const announced = () => at.page.$eval('[role=status]', ({ textContent }) => textContent)
  const focused = () => at.page.evaluate(() => document.activeElement?.getAttribute('data-entry'))
  await at.page.focus('#search')
  for (const name of ['Codes', 'Door']) {
    await at.page.keyboard.press('ArrowDown')
    await until(async () => (await announced()) === name, `${name} to be said`)
  }
  expect(await focused()).toBeNull()
  const { id } = await entryCalled('Door')
  await at.page.focus(`[data-entry="${id}"]`)
  await at.page.keyboard.press('ArrowDown')
  const next = await entryCalled('Neither')
  await until(async () => (await focused()) === next.id, 'the focus on the next row')
  expect(await announced()).toBe('Door')
})

test('an entry says when it was changed and leads to the history', async () => {
  await show('Whole')
  const times = await at.page.$eval('.record .small', ({ textContent }) => textContent)
  expect(times).toMatch(/^Changed .+ · .+ · History$/)
  await at.page.$eval('.record .small button', (button) => {
    if (button instanceof HTMLElement) button.click()
  })
  await at.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'History')
})

test.each([
  ['Whole', ['Login', 'Password!']],
  ['Only login', ['Login']],
  ['Only password', ['Password!']],
  ['Codes', ['Login', 'Password!', 'Code']],
  ['Door', ['Copy text!']],
])('%s has buttons for the thumb, of which one is marked: %p', async (name, expected) => {
  await show(name)
  const buttons = await at.page.$$eval('.thumb button', (found) =>
    found.map((each) => `${each.textContent}${each.classList.contains('primary') ? '!' : ''}`),
  )
  expect(buttons).toEqual(expected)
})

test('a form says which records the Android app can not edit, once they have a name', async () => {
  const hint = 'The Android app can’t edit records without a login and a password.'
  const hints = async (open: () => Promise<void>) => {
    await open()
    await at.page.waitForSelector('#entry-form')
    const found = await at.page.$$eval('#entry-form .hint', (each) =>
      each.map(({ textContent }) => textContent),
    )
    await at.press('Escape')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    return found.filter((text) => text === hint)
  }
  const edit = async (name: string) => {
    await show(name)
    await at.click('Edit')
  }
  expect(await hints(() => edit('Only login'))).toEqual([hint])
  expect(await hints(() => edit('Only password'))).toEqual([hint])
  expect(await hints(() => edit('Whole'))).toEqual([])
  expect(await hints(() => at.press('n'))).toEqual([])
})

test('the field to begin with has the focus: the email, or the master password of a known one', async () => {
  const focused = (page: VaultPage) =>
    page.page.evaluate(() => {
      const { activeElement } = document
      return activeElement instanceof HTMLInputElement
        ? activeElement.labels?.[0]?.textContent
        : null
    })
  const fresh = await used.open(vaultAt(pages.server))
  await until(async () => (await focused(fresh)) === 'Email', 'the focus on the email')
  await fresh.context.close()
  await at.press('l')
  await at.see('Unlock')
  await until(async () => (await focused(at)) === 'Master password', 'the focus on the password')
  await at.fill('Master password', owner.masterPassword)
  await at.press('Enter')
  await at.page.waitForSelector('.app')
})

test('a browser that refuses the clipboard is told of until somebody closes that, or copying works', async () => {
  const refuse = (isRefused: boolean) =>
    at.page.evaluate((isSo) => {
      if (isSo) navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'))
      else Reflect.deleteProperty(navigator.clipboard, 'writeText')
    }, isRefused)
  const refusal = 'The browser refused to copy. Select the text and copy it by hand.'
  const pill = () => at.page.$eval('.pill', (element) => element.textContent)
  await refuse(true)
  await at.click('Copy password of Whole')
  await at.see(refusal)
  expect(await pill()).toBe(`${refusal}Close`)
  expect((await quickButtons()).filter((name) => name.endsWith('!'))).toEqual([])
  await at.click('Close')
  await at.page.waitForSelector('.pill', { hidden: true })
  await at.click('Copy login of Whole')
  await at.see(refusal)
  await refuse(false)
  await at.click('Copy password of Whole')
  await at.see('Password of Whole copied')
  expect(await pill()).not.toContain(refusal)
  await at.click('Clear now')
  await at.page.waitForSelector('.pill', { hidden: true })
})

/** What the form shows: its title, the chosen kind, and the label and text of each field that can be typed into. */
function readForm() {
  return at.page.evaluate(() => {
    const fields = [...document.querySelectorAll<HTMLLabelElement>('#entry-form label[for]')]
    return {
      title: document.querySelector('.record-bar .title')?.textContent,
      kinds: [...document.querySelectorAll<HTMLInputElement>('input[name=kind]')].map(
        ({ checked, parentElement }) => `${parentElement?.textContent}${checked ? '!' : ''}`,
      ),
      labels: fields.map(({ textContent }) => textContent),
      texts: Object.fromEntries(
        fields.flatMap(({ control, textContent }) =>
          control !== null && 'value' in control && control.value !== ''
            ? [[textContent, control.value]]
            : [],
        ),
      ),
      hidden: fields.flatMap(({ control, textContent }) =>
        control instanceof HTMLInputElement && control.type === 'password' ? [textContent] : [],
      ),
    }
  })
}

const usualLabels = [
  ...['Name', 'Login', 'Password', 'Address', 'One-time code (otpauth address or secret)'],
  ...['Notes', 'Folder', 'Tags, with commas'],
]

/** Presses a button below the fields, some of which are called as a field is. */
async function add(name: string): Promise<void> {
  await at.page.evaluate((text) => {
    const buttons = [...document.querySelectorAll<HTMLElement>('#entry-form > .actions button')]
    buttons.find((button) => button.textContent === text)?.click()
  }, name)
}

const leave = async () => {
  await at.click('Stop editing')
  await at.click('Leave')
  await at.page.waitForSelector('#entry-form, dialog', { hidden: true })
}

test('a new entry is a record, or a note once that is chosen, and keeps what was typed', async () => {
  await at.press('n')
  await at.page.waitForSelector('#entry-form')
  expect(await readForm()).toEqual({
    ...{ title: 'New record', kinds: ['Record!', 'Note'], labels: usualLabels },
    ...{ texts: {}, hidden: [] },
  })
  await at.fill('Name', 'Cellar')
  await at.fill('Login', 'olga')
  await at.fill('Notes', 'behind the door')
  await at.click('Note')
  await at.see('New note')
  expect(await readForm()).toEqual({
    ...{ title: 'New note', kinds: ['Record', 'Note!'], labels: ['Name', 'Text'] },
    ...{ texts: { Name: 'Cellar', Text: 'behind the door' }, hidden: [] },
  })
  await at.fill('Text', 'below the stairs')
  await at.click('Record')
  await at.see('New record')
  expect(await readForm()).toEqual({
    ...{ title: 'New record', kinds: ['Record!', 'Note'], labels: usualLabels, hidden: [] },
    texts: { Name: 'Cellar', Login: 'olga', Notes: 'below the stairs' },
  })
  await leave()
})

test('each button below a form adds its field, and what is typed there is saved', async () => {
  await at.press('n')
  await at.fill('Name', 'Many')
  const added = async () =>
    (await readForm()).labels.filter((label) => !usualLabels.includes(label))
  const addButtons = () =>
    at.page.$$eval('#entry-form > .actions button', (found) =>
      found.map((each) => each.textContent),
    )
  expect(await addButtons()).toEqual(['Add a field', 'Address', 'Recovery codes'])
  await add('Recovery codes')
  await at.fill('Recovery codes, one a line', '11\n22')
  expect(await added()).toEqual(['Recovery codes, one a line'])
  expect(await addButtons()).toEqual(['Add a field', 'Address'])
  await add('Address')
  await at.fill('Address 2', 'https://two.example/')
  await add('Add a field')
  await at.fill('Name of the field', 'PUK')
  await add('Add a field')
  expect(await added()).toEqual([
    ...['Address 2', 'Recovery codes, one a line'],
    ...['Name of the field', 'Value', 'Name of the field', 'Value'],
  ])
  // The fields of the second are below those of the first.
  await at.click('Remove PUK')
  await at.fill('Name of the field', 'PIN')
  await at.fill('Value', '1496')
  await at.click('Save')
  await at.page.waitForSelector('#entry-form', { hidden: true })
  const { fields } = { fields: [], ...(await entryCalled('Many')) }
  expect(Object.fromEntries(fields.map(({ name, value }) => [name, value]))).toEqual({
    ...{ PIN: '1496', 'Recovery codes': '11\n22', URL: 'https://two.example/' },
  })
})

test('the form of an entry has its fields, with secrets hidden, and no choice of a kind', async () => {
  await show('Codes')
  await at.click('Edit')
  await at.page.waitForSelector('#entry-form')
  const [code = ''] = usualLabels.filter((label) => label.startsWith('One-time code'))
  expect(await readForm()).toEqual({
    ...{ title: 'Edit Codes', kinds: [] },
    labels: [...usualLabels, 'Recovery codes, one a line'],
    texts: {
      ...{ Name: 'Codes', Login: 'marta', Password: 'hunter2', [code]: totp },
      'Recovery codes, one a line': '11\n22',
    },
    hidden: ['Password', code],
  })
  await at.click('Stop editing')
  await at.page.waitForSelector('#entry-form', { hidden: true })
})

test('an entry says what it is, since when it is in the trash, and offers what can be done with it', async () => {
  const { formatDay } = createTranslator('en')
  const read = () =>
    at.page.evaluate(() => ({
      subtitle: [...document.querySelectorAll('.record-title p')].map((each) => each.textContent),
      warnings: [...document.querySelectorAll('.sheet .callout')].map((each) => each.textContent),
      labels: [...document.querySelectorAll('.sheet dt')].map((each) => each.textContent),
      thumb: [...document.querySelectorAll('.thumb button')].map(
        (each) => each.getAttribute('aria-label') ?? each.textContent,
      ),
      canBeEdited: document.querySelector('#edit') !== null,
    }))
  const live = { subtitle: [], warnings: [], canBeEdited: true }
  await show('Whole')
  const parts = { labels: ['Login', 'Password'], thumb: ['Copy login', 'Copy password'] }
  expect(await read()).toEqual({ ...live, ...parts })
  await show('Neither')
  expect(await read()).toEqual({ ...live, labels: [], thumb: [] })
  await show('Codes')
  expect(await read()).toMatchObject({ thumb: [...parts.thumb, 'Copy one-time code'] })
  await show('Door')
  expect(await read()).toEqual({
    ...live,
    ...{ subtitle: ['Note'], labels: ['Text'], thumb: ['Copy text'] },
  })
  await goTo(at, 'Trash')
  for (const { name, labels } of [
    { name: 'Old forum', labels: ['Login', 'Password'] },
    { name: 'Old door', labels: ['Text'] },
  ]) {
    await show(name)
    const day = formatDay((await entryCalled(name)).updated)
    expect(await read()).toEqual({
      ...{ subtitle: [`In the trash since ${day}`], labels, canBeEdited: false },
      warnings: [expect.stringContaining('The Android app shows entries in the trash')],
      thumb: ['Restore', 'Delete for good'],
    })
  }
})

test('a code is marked as late in its last five seconds', async () => {
  await show('Codes')
  const read = () =>
    at.page.evaluate(() => ({
      left: document.querySelector('.values .ring')?.getAttribute('aria-label'),
      isRingLate: document.querySelector('.values .ring')?.classList.contains('late'),
      isCodeLate: document.querySelector('.values .totp')?.classList.contains('late'),
    }))
  // The next period but one, so that the clock never goes back for what counts by it.
  const start = (Math.ceil(Date.now() / 30_000) + 1) * 30_000
  try {
    for (const [seconds, isLate] of [
      [30, false],
      [6, false],
      [5, true],
      [1, true],
    ] as const) {
      await at.page.evaluate(
        (now) => {
          Date.now = () => now
        },
        start + (30 - seconds) * 1000,
      )
      const left = `Valid for ${seconds} more second${seconds === 1 ? '' : 's'}`
      await until(async () => (await read()).left === left, left)
      expect(await read()).toEqual({ left, isRingLate: isLate, isCodeLate: isLate })
    }
  } finally {
    await at.page.evaluate(() => {
      Date.now = () => Math.floor(performance.timeOrigin + performance.now())
    })
  }
})

test('the door says at which server it is, in either language', async () => {
  const url = vaultAt(pages.server)
  const other = await used.open(url)
  await other.see('Master password')
  const brand = () => other.page.$eval('.brand', (element) => element.textContent)
  expect(await brand()).toBe(`SnailPass${url.host}`)
  await other.click('Русский')
  await other.see('Мастер-пароль')
  expect(await brand()).toBe(`SnailPass${url.host}`)
  await other.click('English')
  await other.see('Master password')
  expect(other.problems).toEqual([])
  await other.context.close()
})
