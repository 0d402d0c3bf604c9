/** What the pages of the account, its history, and import and export say and do, in a real browser. */
import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTranslator } from '../../../src/web/vault/i18n/translate'
import { goTo, type newNote, newRecord, openUnlocked, vaultAt } from '../../support/acceptance'
import { useBrowser, usualTrial } from '../../support/browsers'
import { temporaryFolder } from '../../support/executable'
import { owner, startVaultPages, type VaultPages } from '../../support/open-vaults'
import { until } from '../../support/until'
import type { VaultPage } from '../../support/vault-browser'

const used = useBrowser(usualTrial)
const long = 'long enough for anybody'

async function startWith(
  ...drafts: readonly (ReturnType<typeof newRecord> | ReturnType<typeof newNote>)[]
): Promise<VaultPages> {
  const pages = await startVaultPages()
  const vault = await pages.open()
  for (const draft of drafts) expect(await vault.save(draft)).toEqual({ kind: 'saved' })
  return pages
}

/** Lets the server answer a GET otherwise. */
async function answer(at: VaultPage, end: string, status: number, body: unknown): Promise<void> {
  await at.page.setRequestInterception(true)
  at.page.on('request', (request) => {
    const isIt = request.method() === 'GET' && request.url().endsWith(end)
    void (isIt
      ? request.respond({ status, contentType: 'application/json', body: JSON.stringify(body) })
      : request.continue())
  })
}

/** Returns the texts of what a selector finds. */
const textsOf = (at: VaultPage, selector: string) =>
  at.page.$$eval(selector, (found) => found.map((each) => each.textContent))

describe('the account', () => {
  test('says where it is and what it has, and lists this device before the others, with what is known of them', async () => {
    await using pages = await startWith(newRecord({ name: 'Bank', password: long }))
    const at = await openUnlocked(used, pages)
    const { formatDay } = createTranslator('en')
    const [first, last] = [Date.UTC(2026, 0, 3, 12), Date.UTC(2026, 4, 5, 12)]
    const device = { first_seen: first, last_seen: last, is_current: false, network: '10.0.0.0/24' }
    await answer(at, '/account/devices', 200, {
      devices: [
        { ...device, kind: 'android' },
        { ...device, kind: 'windows', network: '-', first_seen: null },
        { ...device, kind: 'toaster' },
        { ...device, kind: 'firefox', is_current: true },
      ],
    })
    await goTo(at, 'Account')
    await at.see('Another program')
    const { host } = vaultAt(pages.server)
    expect(await textsOf(at, '.page > .card:first-child > *')).toEqual([
      owner.email,
      `on ${host} · 1 entry`,
    ])
    const seen = `Last seen ${formatDay(last)}`
    const whole = `${seen} · first signed in ${formatDay(first)} · 10.0.0.0/24`
    const plain = (text: string) => text.replaceAll(/\s+/g, ' ')
    expect((await textsOf(at, '.here')).length).toBe(1)
    // A phone is drawn upright, and a screen lying.
    const shapes = await at.page.$$eval('.page > .card:nth-child(2) .lines path', (found) =>
      found.map((path) => {
        const { width, height } = path.getBBox()
        return width < height ? 'phone' : 'screen'
      }),
    )
    expect(shapes).toEqual(['screen', 'phone', 'screen', 'screen'])
    const lines = await textsOf(at, '.page > .card:nth-child(2) .lines .t')
    expect(lines.map(plain)).toEqual(
      [
        `Firefox this device${whole}`,
        `Android app${whole}`,
        `Windows app${seen}`,
        `Another program${whole}`,
      ].map(plain),
    )
    expect(await at.text()).not.toContain('All other devices are signed out.')
  })

  test('tells of devices that can not be listed', async () => {
    await using pages = await startWith()
    const at = await openUnlocked(used, pages)
    await answer(at, '/account/devices', 503, {})
    await goTo(at, 'Account')
    await at.see('The server is busy.')
    expect(await textsOf(at, '.page > .card:nth-child(2) .lines li')).toEqual([])
  })

  test('shows each setting of this device as it is, and stores each choice', async () => {
    await using pages = await startWith()
    const at = await openUnlocked(used, pages)
    await goTo(at, 'Account')
    await at.see('On this device')
    const read = () =>
      at.page.$$eval('.page select, .page input[type=checkbox]', (found) =>
        found.map((each) =>
          each instanceof HTMLSelectElement
            ? (each.selectedOptions[0]?.textContent ?? '')
            : each instanceof HTMLInputElement && each.checked,
        ),
      )
    const stored = () =>
      at.page.evaluate(() => JSON.parse(localStorage.getItem('snailpass.settings') ?? '{}'))
    expect(await read()).toEqual([
      '10 minutes',
      false,
      '30 seconds',
      true,
      'English',
      'As the system',
    ])
    expect(
      await at.page.$$eval('.page select', (found) =>
        found.map(({ options }) => [...options].map(({ textContent }) => textContent)),
      ),
    ).toEqual([
      ['1 minute', ...[2, 5, 10, 15, 30, 60].map((count) => `${count} minutes`)],
      ['15 seconds', '30 seconds', '60 seconds', '120 seconds', 'never'],
      ['English', 'Русский'],
      ['As the system', 'Light', 'Dark'],
    ])
    await at.click('Lock when the page is hidden')
    await at.click('Single-key shortcuts')
    const selects = await at.page.$$('.page select')
    for (const [number, value] of [
      [0, '60'],
      [1, '0'],
      [3, 'light'],
    ] as const)
      await selects[number]?.select(value)
    expect(await read()).toEqual(['60 minutes', true, 'never', false, 'English', 'Light'])
    expect(await stored()).toEqual({
      ...{ lockMinutes: 60, lockWhenHidden: true, clipboardSeconds: 0, hasSingleKeys: false },
      ...{ language: 'en', theme: 'light' },
    })
    await selects[2]?.select('ru')
    await at.see('Аккаунт')
    expect(await stored()).toMatchObject({ language: 'ru' })
  })

  test('lists passwords that are reused, short or old, and leads to their records', async () => {
    await using pages = await startWith(
      newRecord({ name: 'One', password: long }),
      newRecord({ name: 'Two', password: long }),
      newRecord({ name: 'Brief', password: 'hunter2' }),
      newRecord({ name: 'Fine', password: `${long}!` }),
    )
    const at = await openUnlocked(used, pages)
    await goTo(at, 'Account')
    await at.see('Passwords to look at')
    const lists = () =>
      at.page.$$eval('.page details', (found) =>
        found.map((each) =>
          [...each.querySelectorAll('summary, li')].map((one) => one.textContent),
        ),
      )
    expect(await lists()).toEqual([
      ['1 password is used twice or more', 'One', 'Two'],
      ['1 is short', 'Brief'],
    ])
    expect(await at.text()).not.toContain('Nothing to say')
    await at.click('1 is short')
    await at.click('Brief')
    await at.page.waitForSelector('.record-title')
    expect(await textsOf(at, '.record-title h1')).toEqual(['Brief'])
    const vault = await pages.open()
    for (const entry of vault.vault.value.entries)
      expect(await vault.save({ ...entry, isTrashed: entry.name !== 'Fine' })).toEqual({
        kind: 'saved',
      })
    await goTo(at, 'Account')
    await at.page.evaluate(() => dispatchEvent(new Event('focus')))
    await at.see('Nothing to say: none is reused, short or old.')
    expect(await lists()).toEqual([])
  })

  test('refuses a new master password beside the field that is wrong, and keeps the hint', async () => {
    await using pages = await startWith()
    const at = await openUnlocked(used, pages)
    await goTo(at, 'Account')
    await at.click('Change it…')
    const next = 'five brisk hedgehogs'
    const errors = () => textsOf(at, 'dialog .error:not([hidden])')
    const wrong = () =>
      at.page.$$eval('dialog [aria-invalid=true]', (found) =>
        found.map((each) =>
          each instanceof HTMLInputElement ? each.labels?.[0]?.textContent : null,
        ),
      )
    const send = async (texts: Readonly<Record<string, string>>) => {
      for (const [label, text] of Object.entries(texts)) await at.fill(label, text)
      expect([await errors(), await wrong()]).toEqual([[], []])
      await at.click('Change for all 0 entries')
      await until(async () => (await errors()).length > 0, 'what is wrong')
      return [await errors(), await wrong()]
    }
    const now = 'Master password now'
    const [fresh, again, hint] = ['New master password', 'Repeat the master password', 'Hint']
    expect(
      await send({ [now]: 'not this one at all', [fresh]: 'brief', [again]: 'brief' }),
    ).toEqual([[expect.stringContaining('11')], [fresh]])
    expect(await send({ [fresh]: next })).toEqual([[expect.any(String)], [again]])
    expect(await send({ [again]: next, [hint]: `it is ${next}` })).toEqual([
      [expect.any(String)],
      [expect.stringContaining('Hint')],
    ])
    expect(await send({ [hint]: '  under the shell ' })).toEqual([
      ['This is not your master password.'],
      [now],
    ])
    expect((await pages.open()).vault.value.hint).toBeNull()
    await at.fill(now, owner.masterPassword)
    await at.click('Change for all 0 entries')
    await at.see('The master password is changed.')
    expect(await at.page.$('dialog')).toBeNull()
    expect((await pages.open(next)).vault.value.hint).toBe('under the shell')
    await at.click('Change it…')
    await at.see('under')
    const typed = await at.page.$$eval('dialog input', (found) => found.map(({ value }) => value))
    expect(typed).toEqual(['', '', '', 'under the shell'])
    await at.click('Not now')
    await at.page.waitForSelector('dialog', { hidden: true })
    await at.click('Change it…')
    await at.click('Save an emergency file first')
    await at.page.waitForSelector('#emergency')
    expect(await at.page.$('dialog')).toBeNull()
  })
})

describe('the history', () => {
  const versions = (at: VaultPage) =>
    at.page.$$eval('li.version', (found) =>
      found.map((each) => ({
        rows: [...each.querySelectorAll('tbody tr')].map((row) =>
          [...row.children].map(({ textContent }) => textContent),
        ),
        isSame: each.textContent?.includes('As it is now.'),
        canComeBack: each.textContent?.includes('Bring this version back'),
      })),
    )

  test('of an entry shows the one difference, or that there is none, and is forgotten after a question', async () => {
    const [bank, mail] = [newRecord({ name: 'Bank' }), newRecord({ name: 'Mail' })]
    await using pages = await startWith(bank, mail)
    const vault = await pages.open()
    const save = async (id: string, login: string) => {
      const entry = vault.find(id)
      if (entry?.kind !== 'record') throw new Error('there is no record')
      expect(await vault.save({ ...entry, login })).toEqual({ kind: 'saved' })
    }
    await save(bank.id, 'olga')
    await save(mail.id, 'olga')
    await save(mail.id, 'marta')
    const at = await openUnlocked(used, pages)
    const openHistory = async (name: string) => {
      await goTo(at, 'All items')
      await at.click(name)
      await at.click('History')
      await at.page.waitForSelector('details.card')
      expect(await textsOf(at, 'details.card summary')).toEqual([name])
      await at.page.$eval('details.card', (details) => details.toggleAttribute('open', true))
      await at.page.waitForSelector('li.version')
    }
    await openHistory('Bank')
    expect(await versions(at)).toEqual([
      { rows: [['Login', 'marta', 'olga']], isSame: false, canComeBack: true },
    ])
    await openHistory('Mail')
    expect(await versions(at)).toEqual([{ rows: [], isSame: true, canComeBack: false }])
    const names = () => textsOf(at, 'details.card summary')
    await goTo(at, 'Account')
    await at.click('Show the history')
    await until(async () => (await names()).length === 2, 'the history of both')
    expect(await at.text()).not.toContain('Nothing was changed within 30 days.')
    await at.click('Forget the history of all entries')
    await at.see('Forget all earlier versions?')
    await at.click('Cancel')
    await at.page.waitForSelector('dialog', { hidden: true })
    expect(await names()).toHaveLength(2)
    await at.click('Forget the history of all entries')
    await at.see('Forget all earlier versions?')
    await at.click('Forget the history of all entries')
    await at.see('Nothing was changed within 30 days.')
    expect(await names()).toEqual([])
    expect(await at.text()).not.toContain('Forget the history')
  })
})

describe('import and export', () => {
  async function choose(at: VaultPage, path: string): Promise<void> {
    const input = await at.page.waitForSelector('input[type=file]')
    await input?.uploadFile(path)
  }

  test('an import lists what is refused and changed, counts them, and shows long lists in parts', async () => {
    using folder = temporaryFolder()
    const rows = Array.from(
      { length: 51 },
      (_, at) => `Site ${at},https://s${at}.example/,,pw${at},`,
    )
    const path = join(folder.path, 'passwords.csv')
    const head = 'name,url,username,password,note'
    writeFileSync(path, [head, ...rows, '"broken"x,,,,'].join('\n'))
    await using pages = await startWith()
    const at = await openUnlocked(used, pages)
    await goTo(at, 'Import and export')
    await choose(at, path)
    await at.see('Before it is saved')
    const counts = () =>
      at.page.$$eval('.counts > div', (found) =>
        found.map(
          (each) =>
            `${each.querySelector('dd')?.textContent}${each.className === 'bad' ? '!' : ''}`,
        ),
      )
    const lists = () =>
      at.page.$$eval('.report details', (found) =>
        found.map((each) => ({
          title: each.querySelector('summary')?.textContent,
          isOpen: each instanceof HTMLDetailsElement && each.open,
          rows: each.querySelectorAll('.line-no').length,
        })),
      )
    expect(await counts()).toEqual(['51', '0', '51', '1!'])
    const refused = { title: '1 not taken', isOpen: true, rows: 1 }
    expect(await lists()).toEqual([
      refused,
      { title: '51 taken with a change', isOpen: false, rows: 50 },
    ])
    expect(await textsOf(at, '.report .is-bad')).toEqual([
      'Its quotes don’t match, or it is no item',
    ])
    const names = await at.page.$$eval('.report .lines .t', (found) =>
      found.map((each) => each.firstChild?.textContent),
    )
    expect(names).toEqual([
      'broken"x,,,,',
      ...Array.from({ length: 50 }, (_, row) => `Site ${row}`),
    ])
    await at.click('51 taken with a change')
    await at.click('Show 1 more')
    await until(async () => (await lists())[1]?.rows === 51, 'the last row')
    expect(await at.text()).not.toContain('Show 1 more')
    await at.click('Cancel')
    await at.page.waitForSelector('input[type=file]')
    expect((await pages.open()).vault.value.entries).toEqual([])

    writeFileSync(path, [head, ...rows.slice(0, 10), 'Whole,,me,pw,'].join('\n'))
    await choose(at, path)
    await at.see('Before it is saved')
    expect(await counts()).toEqual(['11', '0', '10', '0'])
    expect(await lists()).toEqual([{ title: '10 taken with a change', isOpen: true, rows: 10 }])
    await at.click('Save 11 entries')
    await at.see('Delete it and empty the trash')
    await at.click('Save this report')
    const report = await until(() => used.browser.findDownload('.txt'), 'the report')
    const lines = readFileSync(report, 'utf8').split('\n')
    expect(lines[0]).toStartWith('passwords.csv · ')
    expect(lines.slice(1, 3)).toEqual([
      '',
      '#1\tSite 0\tnew in the vault; No login: the Android app can’t edit it',
    ])
    expect(lines.slice(-2)).toEqual(['#11\tWhole\tnew in the vault', ''])
    await at.click('Choose a file')
    await choose(at, path)
    await at.see('Before it is saved')
    expect(await counts()).toEqual(['0', '11', '0', '0'])
    expect(await lists()).toEqual([{ title: '11 already there', isOpen: false, rows: 11 }])
    expect(await at.text()).not.toContain('Save 0 entries')
  })

  test('the columns of an unknown table become what somebody says, and what is not taken is listed', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'table.csv')
    writeFileSync(path, 'Konto;Kennwort;;Abteilung\nBank;pw;x;Einkauf\nPost;pw2;;Lager\n')
    await using pages = await startWith()
    const at = await openUnlocked(used, pages)
    await goTo(at, 'Import and export')
    await choose(at, path)
    await at.see('What the columns are')
    expect(await textsOf(at, '.import .lines label')).toEqual([
      ...['Konto2 values', 'Kennwort2 values', '#31 value', 'Abteilung2 values'],
    ])
    const selects = await at.page.$$('.import select')
    for (const [number, target] of ['name', 'password', 'notes', 'not-taken'].entries())
      await selects[number]?.select(target)
    await at.click('Show what will be saved')
    await at.see('Before it is saved')
    expect(await textsOf(at, '.report details:last-of-type :is(summary, li)')).toEqual([
      ...['1 column not taken', 'Abteilung2 values'],
    ])
    await at.click('Save 2 entries')
    await at.see('Delete it and empty the trash')
    await at.click('Show the vault')
    await at.see('Post')
    const { entries } = (await pages.open()).vault.value
    expect(entries).toHaveLength(2)
    expect(entries.find(({ name }) => name === 'Bank')).toMatchObject({
      ...{ password: 'pw', login: '', fields: [{ name: 'Notes', value: 'x' }] },
    })
  })

  test('a file that can not be read is told of, and another can be chosen', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'export.json')
    writeFileSync(path, '{"encrypted":true}')
    await using pages = await startWith()
    const at = await openUnlocked(used, pages)
    await goTo(at, 'Import and export')
    await choose(at, path)
    await at.see('This export is encrypted.')
    writeFileSync(path, '{"encrypted":false,"items":[{"type":1,"name":"Bank","login":{}}]}')
    await choose(at, path)
    await at.see('Before it is saved')
    expect(await at.text()).not.toContain('This export is encrypted.')
  })

  test('an export is of the chosen format, and the master password is asked for each time', async () => {
    await using pages = await startWith(
      newRecord({ name: 'Bank', password: long }),
      newRecord({ name: 'Old forum', isTrashed: true }),
    )
    const at = await openUnlocked(used, pages)
    await goTo(at, 'Import and export')
    await at.see('Export unencrypted')
    const again = 'form.again[aria-label="Export unencrypted"]'
    const read = () =>
      at.page.evaluate((selector) => {
        const form = document.querySelector(selector)
        const error = form?.querySelector('.error')
        return {
          chosen: [...document.querySelectorAll<HTMLInputElement>('[name=export-format]')].map(
            ({ checked }) => checked,
          ),
          typed: form?.querySelector('input')?.value,
          error: error?.hasAttribute('hidden') === false ? error.textContent : null,
        }
      }, again)
    const type = (text: string) => at.fill('Type your master password again', text, again)
    const saved = 'Saved. Delete the file when you are done with it'
    const idle = { chosen: [true, false], typed: '', error: null }
    expect(await read()).toEqual(idle)
    await at.click('Export unencrypted')
    await type('w')
    await at.click('Export unencrypted')
    await at.see('This is not your master password.')
    expect(await read()).toEqual({
      ...idle,
      typed: 'w',
      error: 'This is not your master password.',
    })
    await at.press('Backspace')
    await until(async () => (await read()).error === null, 'the refusal to go')
    await at.click('CSV, for spreadsheets')
    await type(owner.masterPassword)
    expect(await at.text()).not.toContain(saved)
    await at.click('Export unencrypted')
    await at.see(saved)
    const isDone = async () => (await read()).typed === ''
    await until(isDone, 'the master password to be forgotten')
    expect(await read()).toEqual({ ...idle, chosen: [false, true] })
    const text = readFileSync(
      await until(() => used.browser.findDownload('.csv'), 'the table'),
      'utf8',
    )
    expect(text).toContain(`Bank`)
    expect(text).toContain(long)
    expect(text).not.toContain('Old forum')
    expect(used.browser.findDownload('.json')).toBeNull()
  })
})
