import { expect, test } from 'bun:test'
import type { Failure } from '../../../../../src/web/vault/api/server'
import { anOpenRecord } from '../../../../support/open-entries'
import { type ShownPage, showPage } from '../../../../support/shown-page'

const what = { entryId: 'e', part: 'password', label: 'Password of Mail copied' }
const setTrouble = ({ app, act }: ShownPage, failure: Failure | null) =>
  act(() => {
    const live = app.live.value
    if (live !== null) live.trouble.value = failure
  })
const banner = () => document.querySelector('.banner')?.textContent ?? null

test('a pill says what is on the clipboard, and for how long', async () => {
  using page = await showPage()
  expect(document.querySelector('.pill')).toBeNull()
  const { app, state } = page
  await page.act(() => app.clipboard.copy('hunter2', what))
  expect(page.lines('.pill .what')).toEqual(['Password of Mail copied'])
  const ring = document.querySelector('.pill [role=img]')
  expect([ring?.getAttribute('aria-label'), ring?.textContent]).toEqual([
    ...['30 seconds left', '30'],
  ])
  await page.act(() => {
    state.now += 15_000
    app.tick()
  })
  const circle = document.querySelectorAll('.pill circle')[1]
  expect(circle?.getAttribute('stroke-dashoffset')).toBe(String(Math.PI * 14))
  await page.press('Clear now')
  expect([state.clipboard, document.querySelector('.pill')]).toEqual(['', null])
})

test('a pill tells nothing of a vault that is locked, and has no ring for what stays', async () => {
  using page = await showPage()
  const { app } = page
  app.settings.clipboardSeconds.value = 0
  await page.act(() => app.clipboard.copy('hunter2', what))
  await page.act(() => app.clipboard.forgetLabel())
  expect(document.querySelector('.pill [role=img]')).toBeNull()
  expect(page.lines('.pill')[0]).not.toContain('Mail')
  expect(page.lines('.pill')[0]?.length).toBeGreaterThan(0)
})

test('a pill says that the browser refused, until it is closed', async () => {
  using page = await showPage()
  await page.act(() => {
    page.app.clipboard.isRefused.value = true
  })
  expect(page.lines('.pill')[1]).toBe('[Close]')
  await page.press('Close')
  expect([page.app.clipboard.isRefused.value, document.querySelector('.pill')]).toEqual([
    ...[false, null],
  ])
})

test.each<[string, Failure]>([
  ['a missing network', { kind: 'offline' }],
  ['another server', { kind: 'unexpected' }],
  ['a refusal', { kind: 'refused', status: 503, retryAfter: null, detail: '' }],
])('a strip says that the vault could not be read because of %s', async (_, failure) => {
  using page = await showPage()
  await page.open([anOpenRecord()])
  await setTrouble(page, failure)
  await page.press('Try now', '.banner')
  expect(page.asked.map(({ question }) => question)).toEqual(['GET /account/vault'])
})

test.each(['signed-out', 'not-sent'] as const)(
  'no strip says what the door says: %s',
  async (kind) => {
    using page = await showPage()
    await page.open([anOpenRecord()])
    await setTrouble(page, { kind })
    expect(banner()).toBeNull()
  },
)

test('a strip shows a problem before trouble, and trouble before a new version', async () => {
  using page = await showPage()
  await page.open([anOpenRecord()])
  const { app } = page
  await page.act(() => {
    app.problem.value = 'Something failed.'
    app.hasNewPage.value = true
  })
  await setTrouble(page, { kind: 'offline' })
  expect(page.lines('.banner')).toEqual(['Something failed.', '[Close]'])
  await page.press('Close', '.banner')
  expect(page.lines('.banner')).toEqual([
    ...['The server can’t be reached. Reading and copying go on.', '[Try now]'],
  ])
  await setTrouble(page, null)
  expect(page.lines('.banner')).toEqual([
    ...['The server has a new version of this page.', '[Reload]'],
  ])
})

test('a strip says of a copy whose it is, and of which day', async () => {
  using page = await showPage()
  const copy = { state: '', email: 'm@example.org', hint: null, entries: [anOpenRecord()] }
  await page.act(() => page.app.showCopy(copy))
  const detail = 'Encrypted copy of the vault of m@example.org. It can be read, not changed.'
  expect(page.lines('.banner')).toEqual([detail])
  await page.act(() => page.app.showCopy({ ...copy, exported: Date.UTC(2026, 10, 23, 12) }))
  expect(banner()).toContain('23 November 2026')
  expect(banner()).toContain(detail)
})
