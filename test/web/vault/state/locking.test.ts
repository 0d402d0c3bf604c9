import { expect, test } from 'bun:test'
import type { OpenEntry } from '../../../../src/web/vault/model/entries'
import { formOf, newForm } from '../../../../src/web/vault/state/entry-form'
import { home } from '../../../../src/web/vault/state/navigation'
import { anOpenRecord } from '../../../support/open-entries'
import { createPageApp, noServer, pageEmail } from '../../../support/page-app'
import { aForm } from '../../../support/vault-apps'

const entry = anOpenRecord({ name: 'Mail' })

/** A page without a server, into which an account is brought that was opened elsewhere. */
function setUp(entries: readonly OpenEntry[] = [entry]) {
  const { app, state, enter } = createPageApp({ now: 1000, askServer: noServer })
  return { app, state, enter: () => enter(entries) }
}

const known = { email: pageEmail, hint: 'snail' }

test.each([
  {
    ...{ why: 'somebody wants it', reason: null, known },
    told: [{ kind: 'lock', reason: 'elsewhere' }],
  },
  { why: 'the page is hidden', reason: 'hidden', known, told: [] },
  { why: 'the session ended', reason: 'signed-out', known, told: [] },
  // The account is no more.
  { why: 'the account is gone', reason: 'left', known: { email: '', hint: null }, told: [] },
] as const)('a lock because $why drops all that is decrypted or tells of it', async (lock) => {
  const { state, app, enter } = setUp()
  await enter()
  const live = app.live.value
  await app.clipboard.copy('hunter2', { entryId: entry.id, part: 'password', label: 'Mail copied' })
  app.navigation.go({ place: { kind: 'folder', name: 'Work' }, entryId: entry.id })
  app.form.value = newForm('record')
  app.leaving.value = { page: 'account' }
  app.query.value = 'mail'
  app.generated.value = ['hunter3']
  app.announcement.value = 'Mail copied'
  app.problem.value = 'Mail could not be saved'
  state.told.length = 0

  app.lock(lock.reason)
  expect(live?.isClosed()).toBe(true)
  expect([app.vault.value, app.live.value, app.importing.value]).toEqual([null, null, null])
  expect<readonly unknown[]>([app.form.value, app.leaving.value, app.problem.value]).toEqual([
    null,
    null,
    null,
  ])
  expect([app.query.value, app.announcement.value]).toEqual(['', ''])
  expect(app.generated.value).toEqual([])
  expect(app.navigation.route.value).toEqual(home)
  expect(app.clipboard.copied.value).toMatchObject({ entryId: '', label: '' })
  const { reason } = lock
  expect(app.door.value).toEqual({ ...lock.known, reason, screen: 'unlock' })
  expect<readonly unknown[]>(state.told).toEqual(lock.told)
  // The form had nothing that somebody typed.
  expect(app.isAtWork()).toBe(false)

  // There is nothing to lock any more, so the door keeps its reason.
  app.lock('hidden')
  expect(app.door.value.reason).toBe(reason)
})

test('a lock keeps only what somebody typed into a form', async () => {
  const { app, enter } = setUp()
  await enter()
  app.form.value = formOf(entry)
  expect([app.isFormChanged(), app.isAtWork()]).toEqual([false, false])
  app.lock('idle')
  expect(app.isAtWork()).toBe(false)
  await enter()
  expect<readonly unknown[]>([app.form.value, app.navigation.route.value]).toEqual([null, home])

  const typed = { ...formOf(entry), urls: ['https://mail.example'] }
  app.form.value = typed
  expect([app.isFormChanged(), app.isAtWork()]).toEqual([true, true])
  app.lock('idle')
  expect<readonly unknown[]>([app.form.value, app.isAtWork()]).toEqual([null, true])
  await enter()
  expect(app.form.value).toEqual(typed)
  expect(app.navigation.route.value).toEqual({ ...home, entryId: entry.id })
})

test('what was typed waits behind what is being typed, and behind the next lock', async () => {
  const { app, enter } = setUp()
  await enter()
  app.form.value = aForm('first')
  app.lock('idle')
  const entering = enter()
  app.form.value = aForm('second')
  await entering
  expect(app.form.value.texts.name).toBe('second')
  app.form.value = null
  expect(app.isAtWork()).toBe(true)

  app.lock('idle')
  const again = enter()
  app.lock('idle')
  await again
  expect<readonly unknown[]>([app.form.value, app.isAtWork()]).toEqual([null, true])
  await enter()
  expect(app.form.value).toMatchObject({ texts: { name: 'first' } })
})

test('a form for a new entry is shown again beside no entry, wherever one was', async () => {
  const { app, enter } = setUp()
  await enter()
  app.form.value = aForm('Half-typed')
  app.lock('idle')
  const entering = enter()
  app.navigation.go({ page: 'account', entryId: entry.id })
  await entering
  expect(app.navigation.route.value).toEqual(home)
})

test('the seconds of the clock move the countdown, the clipboard and the lock', async () => {
  const { state, app, enter } = setUp()
  await enter()
  await app.clipboard.copy('hunter2', { entryId: entry.id, part: 'password', label: 'Mail copied' })
  app.settings.lockMinutes.value = 1
  state.now += 30_000
  app.tick()
  await Promise.resolve()
  expect([app.now.value, state.clipboard, app.clipboard.copied.value]).toEqual([31_000, '', null])
  expect(app.vault.value).not.toBeNull()
  state.now += 30_000
  app.tick()
  expect([app.now.value, app.vault.value, app.door.value.reason]).toEqual([61_000, null, 'idle'])
})

test('a hidden page is locked as the settings say', async () => {
  const { app, enter } = setUp()
  await enter()
  app.autoLock.noteHidden()
  expect(app.vault.value).not.toBeNull()
  app.settings.lockWhenHidden.value = true
  app.autoLock.noteHidden()
  expect([app.vault.value, app.door.value.reason]).toEqual([null, 'hidden'])
})

test('a copy is locked like a vault, changes nothing, and begins the time without use', async () => {
  const { state, app } = setUp()
  state.now = 3_600_000
  app.showCopy({ state: '', email: pageEmail, hint: null, entries: [entry], exported: 1 })
  expect([app.vault.value?.isReadOnly, app.live.value]).toEqual([true, null])
  expect(app.vault.value?.find(entry.id)).toEqual(entry)
  expect([app.vault.value?.find('other'), app.vault.value?.find(null)]).toEqual([null, null])
  const change = { oldPassword: 'old', newPassword: 'new', hint: null }
  expect(await app.changeMasterPassword(change)).toEqual({
    ...{ kind: 'failed', failure: { kind: 'not-sent' } },
  })
  state.now += 10 * 60_000 - 1
  app.tick()
  expect(app.vault.value).not.toBeNull()
  state.now += 1
  app.tick()
  expect([app.vault.value, app.door.value.reason]).toEqual([null, 'idle'])
})

test('a change of the master password is work until it ends, and no news while the vault is open', async () => {
  const { app, enter } = setUp()
  await enter()
  const change = { oldPassword: 'old', newPassword: 'new', hint: null }
  const changing = app.changeMasterPassword(change)
  expect(app.isAtWork()).toBe(true)
  expect(await changing).toEqual({ kind: 'failed', failure: { kind: 'offline' } })
  expect([app.isAtWork(), app.news.value]).toEqual([false, null])
  const interrupted = app.changeMasterPassword(change)
  app.lock('idle')
  expect(app.isAtWork()).toBe(true)
  const outcome = await interrupted
  expect(app.news.value).toEqual({ kind: 'master-password', outcome })
  expect(app.isAtWork()).toBe(false)
  await enter()
  expect(app.news.value).toBeNull()
})
