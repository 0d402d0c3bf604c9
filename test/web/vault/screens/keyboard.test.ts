import { expect, test } from 'bun:test'
import { newForm } from '../../../../src/web/vault/state/entry-form'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'
import { type ShownPage, showPage } from '../../../support/shown-page'

const ape = anOpenRecord({
  ...{ name: 'Ape', login: 'ape-login', password: 'ape-password' },
  texts: [{ name: 'TOTP', value: 'GEZDGNBVGY3TQOJQ' }],
})
const bee = anOpenRecord({ name: 'Bee', login: 'bee-login', password: 'bee-password' })
const cow = anOpenNote({ name: 'Cow' })
const trashed = anOpenRecord({ name: 'Dog', isTrashed: true })
const broken = anOpenRecord({ name: 'Eel', login: { ciphertext: 'a:b' } })
const entries = [ape, bee, cow, trashed, broken]

const shown = ({ app }: ShownPage) => app.navigation.route.value.entryId
const command = { code: 'KeyX', ctrlKey: true }
const main = '#main'

async function open(options: Parameters<typeof showPage>[0] = {}) {
  const page = await showPage(options)
  await page.open(entries)
  return page
}

test('arrows move the selection in the list, from the search, and stop at its ends', async () => {
  using page = await open()
  const { app } = page
  const moves = ['ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowUp', 'ArrowUp'] as const
  const seen: (string | null)[] = []
  for (const key of moves) {
    expect(await page.key({ key }, '#search')).toBe(true)
    seen.push(shown(page))
  }
  expect(seen).toEqual([ape.id, bee.id, ape.id, ape.id, ape.id])
  expect(app.announcement.value).toBe('Ape')
  await page.act(() => app.navigation.go({ entryId: broken.id }))
  await page.key({ key: 'ArrowDown' }, '#search')
  expect([shown(page), app.announcement.value]).toEqual([broken.id, 'Eel'])
  app.announcement.value = ''
  expect(await page.key({ key: 'ArrowUp' }, `[data-entry="${broken.id}"]`)).toBe(true)
  // The row gets the focus, which says its name.
  expect([shown(page), app.announcement.value]).toEqual([cow.id, ''])
  const focused = () => document.activeElement?.getAttribute('data-entry')
  await page.until(() => focused() === cow.id, 'the row to have the focus')
  expect(await page.key({ key: 'ArrowUp' }, '#edit')).toBe(false)
})

test('arrows choose no entry on a phone, where it would replace the list', async () => {
  using page = await open({ isWide: false })
  expect(await page.key({ key: 'ArrowDown' }, '#search')).toBe(true)
  expect([shown(page), page.app.announcement.value]).toEqual([null, 'Ape'])
})

test('Enter opens what is found, and with Ctrl or Shift copies of it', async () => {
  using page = await open()
  const { app, state } = page
  app.query.value = 'bee'
  expect(await page.key({ key: 'Enter' }, '#search')).toBe(true)
  expect(shown(page)).toBe(bee.id)
  for (const [keys, text] of [
    [{ ctrlKey: true }, 'bee-password'],
    [{ shiftKey: true }, 'bee-login'],
    [{ metaKey: true, shiftKey: true }, 'bee-password'],
  ] as const) {
    expect(await page.key({ key: 'Enter', ...keys }, '#search')).toBe(true)
    expect(state.clipboard).toBe(text)
  }
  await page.act(() => app.navigation.go({ entryId: ape.id }))
  app.query.value = ''
  // What is chosen, not the first of the list.
  await page.act(() => app.navigation.go({ entryId: bee.id }))
  await page.key({ key: 'Enter', ctrlKey: true }, '#search')
  expect(state.clipboard).toBe('bee-password')
  // The row is a button: Enter does what a click does.
  const row = `[data-entry="${bee.id}"]`
  expect(await page.key({ key: 'Enter' }, row)).toBe(false)
  expect(await page.key({ key: 'Enter', shiftKey: true }, row)).toBe(true)
  expect(state.clipboard).toBe('bee-login')
  app.query.value = 'nothing like it'
  await page.act(() => app.navigation.go({ entryId: null }))
  for (const key of ['Enter', 'ArrowDown', 'ArrowUp'])
    expect(await page.key({ key }, '#search')).toBe(false)
  expect(shown(page)).toBeNull()
})

test('Ctrl+S saves a form that is open, whatever has the focus', async () => {
  using page = await open()
  const { app } = page
  expect(await page.key({ code: 'KeyS', ctrlKey: true }, main)).toBe(false)
  await page.act(() => {
    app.form.value = newForm('record')
  })
  const problem = 'Give it a name.'
  expect(await page.key({ code: 'KeyS' }, main)).toBe(false)
  expect(await page.key({ code: 'KeyX', ctrlKey: true }, main)).toBe(false)
  expect(page.lines('#entry-form')).not.toContain(problem)
  expect(await page.key({ code: 'KeyS', metaKey: true }, '#entry-form input')).toBe(true)
  expect(page.lines('#entry-form')).toContain(problem)
})

test('a first p copies nothing, since no c was before', async () => {
  using page = await open()
  await page.act(() => page.app.navigation.go({ entryId: bee.id }))
  expect(await page.key({ code: 'KeyP' }, main)).toBe(false)
  expect(page.state.clipboard).toBe('')
})

test('Ctrl+K leads to the search from anywhere, and / does where nobody types', async () => {
  using page = await open()
  for (const [init, from, isTaken] of [
    [{ ...command, code: 'KeyK' }, main, true],
    [{ code: 'KeyK', metaKey: true }, main, true],
    [{ code: 'KeyK' }, main, false],
    [{ key: '/' }, main, true],
    [{ code: 'Slash' }, main, true],
    [{ key: '/' }, '#search', false],
    [{ key: '/', ctrlKey: true }, main, false],
    [{ key: '/', altKey: true }, main, false],
  ] as const) {
    document.querySelector<HTMLElement>('#main')?.focus()
    expect([init, await page.key(init, from)]).toEqual([init, isTaken])
    expect(document.activeElement?.id).toBe(isTaken ? 'search' : 'main')
  }
})

test('Esc goes back one step after the other', async () => {
  using page = await open()
  const { app } = page
  await page.act(() => {
    app.navigation.go({ entryId: bee.id, page: 'account' })
    app.query.value = 'bee'
    app.form.value = newForm('record')
  })
  const steps: unknown[] = []
  for (let step = 0; step < 5; step++) {
    const isTaken = await page.key({ key: 'Escape' })
    const { page: shownPage, entryId } = app.navigation.route.value
    steps.push([isTaken, app.form.value === null, app.query.value, shownPage, entryId])
  }
  expect(steps).toEqual([
    [true, true, 'bee', 'account', bee.id],
    [true, true, '', 'account', bee.id],
    [true, true, '', null, bee.id],
    [true, true, '', null, null],
    [false, true, '', null, null],
  ])
})

test('c and p, u or t copy of the entry that is shown', async () => {
  using page = await open()
  const { app, state } = page
  const copied: string[] = []
  const press = async (...codes: readonly string[]) => {
    state.clipboard = ''
    for (const code of codes) await page.key({ code }, main)
    copied.push(state.clipboard)
  }
  await press('KeyC', 'KeyP')
  await page.act(() => app.navigation.go({ entryId: ape.id }))
  await press('KeyC', 'KeyP')
  await press('KeyC', 'KeyU')
  await press('KeyP')
  // Another key between them ends it.
  await press('KeyC', 'KeyX', 'KeyP')
  await press('KeyC', 'KeyP', 'KeyU')
  await press('KeyC', 'KeyT')
  expect(copied).toEqual([
    ...['', 'ape-password', 'ape-login', '', '', 'ape-password'],
    expect.stringMatching(/^\d{6}$/),
  ])
  app.settings.hasSingleKeys.value = false
  await press('KeyC', 'KeyP')
  expect(copied.at(-1)).toBe('')
  expect(await page.key({ code: 'KeyN' }, main)).toBe(false)
})

test('n makes a new record, and e edits what can be edited', async () => {
  using page = await open()
  const { app } = page
  expect(await page.key({ code: 'KeyE' }, main)).toBe(false)
  for (const entry of [trashed, broken]) {
    await page.act(() => app.navigation.go({ entryId: entry.id }))
    expect(await page.key({ code: 'KeyE' }, main)).toBe(false)
  }
  expect(app.form.value).toBeNull()
  await page.act(() => app.navigation.go({ entryId: bee.id }))
  expect(await page.key({ code: 'KeyE' }, main)).toBe(true)
  expect(app.form.value).toMatchObject({ base: bee })
  // While a form is there, these keys do nothing.
  expect(await page.key({ code: 'KeyN' }, main)).toBe(false)
  expect(app.form.value).toMatchObject({ base: bee })
  await page.key({ key: 'Escape' })
  for (const modifier of ['ctrlKey', 'metaKey', 'altKey'])
    expect(await page.key({ code: 'KeyN', [modifier]: true }, main)).toBe(false)
  expect(await page.key({ code: 'KeyN' }, '#search')).toBe(false)
  expect(app.form.value).toBeNull()
  expect(await page.key({ code: 'KeyN' }, main)).toBe(true)
  expect(app.form.value).toMatchObject({ kind: 'record', base: null })
})

test('l locks, and ? shows the keys until they are closed', async () => {
  using page = await open()
  const { app } = page
  for (const init of [{ key: '?' }, { code: 'Slash', shiftKey: true }]) {
    expect(await page.key(init, main)).toBe(true)
    expect(page.lines('dialog').slice(0, 5)).toEqual([
      ...['# Keyboard', '/Ctrl K', 'search', '↓↑', 'move the selection'],
    ])
    // The dialog has the keys now.
    expect(await page.key({ code: 'KeyL' }, main)).toBe(false)
    await page.press('Close', 'dialog')
    expect(document.querySelector('dialog')).toBeNull()
  }
  expect(await page.key({ code: 'KeyL' }, main)).toBe(true)
  expect([app.vault.value, app.door.value.reason]).toEqual([null, null])
})

test('a copy is read with the same keys, and changed with none', async () => {
  using page = await showPage()
  const { app } = page
  await page.act(() => app.showCopy({ state: '', email: 'm', hint: null, entries }))
  await page.act(() => app.navigation.go({ entryId: bee.id }))
  expect(await page.key({ code: 'KeyN' }, main)).toBe(false)
  expect(await page.key({ code: 'KeyE' }, main)).toBe(false)
  expect(app.form.value).toBeNull()
  await page.key({ code: 'KeyC' }, main)
  await page.key({ code: 'KeyP' }, main)
  expect(page.state.clipboard).toBe('bee-password')
})
