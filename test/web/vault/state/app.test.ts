import { describe, expect, test } from 'bun:test'
import { deletionOf } from '../../../../src/web/vault/model/changes'
import { draftOf, formOf, newForm } from '../../../../src/web/vault/state/entry-form'
import type { SaveOutcome, VaultState } from '../../../../src/web/vault/state/open-vault'
import { owner } from '../../../support/open-vaults'
import { until } from '../../../support/until'
import { aForm, startWithPages } from '../../../support/vault-apps'

const { email, masterPassword } = owner

const namesIn = (vault: VaultState) => vault.vault.value.entries.map(({ name }) => name)

const rename = (vault: VaultState, name: string): Promise<SaveOutcome> => {
  const [entry] = vault.vault.value.entries
  if (entry === undefined) throw new Error('the vault is empty')
  const form = formOf(entry)
  return vault.save(draftOf({ ...form, texts: { ...form.texts, name } }))
}

describe('an open vault', () => {
  test('has what was saved at once, and another page with its next look', async () => {
    await using setup = await startWithPages()
    const [one, other] = [await setup.openPage(), await setup.openPage()]
    expect(await one.vault.save(draftOf(aForm('Mail')))).toEqual({ kind: 'saved' })
    expect(namesIn(one.vault)).toEqual(['Mail'])
    expect(namesIn(other.vault)).toEqual([])
    expect(await other.vault.refresh()).toBeNull()
    expect(namesIn(other.vault)).toEqual(['Mail'])
    expect(await rename(other.vault, 'Mail 2')).toEqual({ kind: 'saved' })
    const [entry] = other.vault.vault.value.entries
    if (entry === undefined) throw new Error('the vault is empty')
    expect(await other.vault.save(deletionOf(entry))).toEqual({ kind: 'saved' })
    expect(namesIn(other.vault)).toEqual([])
  })

  test('keeps what was saved while a reading that began before was still under way', async () => {
    await using setup = await startWithPages()
    const { vault } = await setup.openPage()
    let token = ''
    await vault.ask((own) => {
      token = own
      return Promise.resolve({ ok: true, value: null })
    })
    const headers = { 'x-access-token': token }
    const before = await fetch(new URL('/account/vault', setup.url), { headers })
    expect(before.status).toBe(200)
    const late = Promise.withResolvers<Response>()
    let reading: Promise<unknown> = Promise.resolve()
    setup.on.asked = (question) => {
      if (question !== 'POST /account/vault') return
      setTimeout(() => {
        // The second is what the vault reads once it has saved.
        setup.instead.push(late.promise, null)
        reading = vault.refresh()
      }, 0)
    }
    expect(await vault.save(draftOf(aForm('Mail')))).toEqual({ kind: 'saved' })
    await until(() => setup.instead.length === 0, 'the vault to be read twice')
    late.resolve(before)
    await reading
    expect(namesIn(vault)).toEqual(['Mail'])
  })

  test('overwrites nothing that somebody else has changed, and says what is there', async () => {
    await using setup = await startWithPages()
    const one = await setup.openPage()
    await one.vault.save(draftOf(aForm('Mail')))
    const other = await setup.openPage()
    await rename(one.vault, 'Theirs')
    const outcome = await rename(other.vault, 'Mine')
    expect(outcome).toMatchObject({ kind: 'conflict', theirs: { name: 'Theirs' } })
    await until(() => namesIn(other.vault)[0] === 'Theirs', 'the other version')
    const [entry] = one.vault.vault.value.entries
    if (entry === undefined) throw new Error('the vault is empty')
    await one.vault.save(deletionOf(entry))
    expect(await rename(other.vault, 'Mine')).toEqual({ kind: 'conflict', theirs: null })
  })

  test('says what is in the way of saving, asks once, and changes nothing', async () => {
    await using setup = await startWithPages()
    const { vault } = await setup.openPage()
    const draft = draftOf(aForm('Mail'))
    for (const status of [413, 429, 500, 503, 507]) {
      setup.asked.length = 0
      setup.instead.push(new Response('{}', { status, headers: { 'retry-after': '90' } }))
      const failure = { kind: 'refused', status, retryAfter: 90, detail: '' } as const
      expect(await vault.save(draft)).toEqual({ kind: 'failed', failure })
      expect(setup.asked).toEqual(['POST /account/vault'])
    }
    setup.instead.push(null)
    expect(await vault.save(draft)).toEqual({ kind: 'failed', failure: { kind: 'offline' } })
    expect(namesIn(vault)).toEqual([])
    // The same draft is no second entry, though nobody knows whether the server has it already.
    expect(await vault.save(draft)).toEqual({ kind: 'saved' })
    expect(await vault.save(draft)).toEqual({ kind: 'saved' })
    expect(namesIn(vault)).toEqual(['Mail'])
  })

  test('signs in again by itself when the token has expired, once, and saves', async () => {
    await using setup = await startWithPages()
    const { vault } = await setup.openPage()
    setup.clock.now += 400 * 24 * 3600 * 1000
    setup.asked.length = 0
    expect(await vault.save(draftOf(aForm('Mail')))).toEqual({ kind: 'saved' })
    expect(setup.asked.slice(0, 3)).toEqual([
      ...['POST /account/vault', 'GET /login', 'POST /account/vault'],
    ])
  })

  test('locks when somebody signs out everywhere else, and keeps what was typed for its key', async () => {
    await using setup = await startWithPages()
    const [one, other] = [await setup.openPage(), await setup.openPage()]
    one.app.form.value = aForm('Half-typed')
    const renewed = await other.vault.ask((token) => setup.api.endSessions(token))
    if (!renewed.ok) throw new Error('cannot sign out')
    other.vault.account.value.session.renew(renewed.value)
    expect(await other.vault.refresh()).toBeNull()
    const outcome = await one.vault.save(draftOf(aForm('Mail')))
    expect(outcome).toEqual({ kind: 'failed', failure: { kind: 'signed-out' } })
    expect(one.app.vault.value).toBeNull()
    expect(one.app.door.value).toMatchObject({ email, reason: 'signed-out' })
    expect(one.app.form.value).toBeNull()
    expect(await one.app.unlock({ email, masterPassword })).toBeNull()
    expect(one.app.form.value).toMatchObject({ texts: { name: 'Half-typed' } })
  })

  test('asks and sends nothing once it is locked, and its late answers lock no other', async () => {
    await using setup = await startWithPages()
    const { app, vault } = await setup.openPage()
    const refused = Promise.withResolvers<Response>()
    setup.instead.push(refused.promise)
    const late = vault.refresh()
    app.lock(null)
    setup.asked.length = 0
    const failure = { kind: 'not-sent' }
    expect(await vault.save(draftOf(aForm('Mail')))).toMatchObject({ kind: 'failed', failure })
    expect(await vault.refresh()).toMatchObject(failure)
    expect(setup.asked).toEqual([])
    expect(await app.unlock({ email, masterPassword })).toBeNull()
    refused.resolve(new Response('{}', { status: 401 }))
    expect(await late).toEqual({ kind: 'signed-out' })
    expect(app.live.value).not.toBeNull()
  })

  test('is not locked by a late answer to a token from before a change of the master password', async () => {
    await using setup = await startWithPages()
    const { app, vault } = await setup.openPage()
    const refused = Promise.withResolvers<Response>()
    setup.instead.push(refused.promise)
    const late = vault.refresh()
    const change = { oldPassword: masterPassword, newPassword: 'five brisk hedgehogs', hint: null }
    expect(await app.changeMasterPassword(change)).toEqual({ kind: 'changed' })
    refused.resolve(new Response('{}', { status: 401 }))
    expect(await late).toEqual({ kind: 'signed-out' })
    expect(app.live.value).toBe(vault)
  })

  test('goes nowhere without a question while something typed would be lost', async () => {
    await using setup = await startWithPages()
    const { app } = await setup.openPage()
    app.form.value = newForm('record')
    app.go({ page: 'account' })
    expect([app.form.value, app.navigation.route.value.page]).toEqual([null, 'account'])
    app.form.value = aForm('Half-typed')
    app.go({ page: null })
    expect(app.leaving.value).toEqual({ page: null })
    expect(app.form.value).toMatchObject({ texts: { name: 'Half-typed' } })
  })

  test('counts the time without use from where it was unlocked', async () => {
    await using setup = await startWithPages()
    const { app } = await setup.openPage()
    setup.clock.now += 10 * 60_000
    app.autoLock.tick()
    expect(app.vault.value).toBeNull()
    setup.clock.now += 60_000
    expect(await app.unlock({ email, masterPassword })).toBeNull()
    setup.clock.now += 10 * 60_000 - 1
    app.autoLock.tick()
    expect(app.vault.value).not.toBeNull()
    setup.clock.now += 1
    app.autoLock.tick()
    expect(app.vault.value).toBeNull()
  })

  test('stays where something is typed when the back button is used, and asks', async () => {
    await using setup = await startWithPages()
    const { app } = await setup.openPage()
    app.go({ page: 'account' })
    app.go({ page: null })
    app.form.value = aForm('Half-typed')
    setup.pushed.length = 0
    app.arrive(1)
    expect(app.navigation.route.value.page).toBeNull()
    expect(app.leaving.value).toMatchObject({ page: 'account' })
    expect(setup.pushed).toHaveLength(1)
    app.form.value = newForm('note')
    app.arrive(1)
    expect([app.form.value, app.navigation.route.value.page]).toEqual([null, 'account'])
  })

  test('goes on with an import while another page is shown, until it is locked', async () => {
    await using setup = await startWithPages()
    const { app } = await setup.openPage()
    const importing = app.importing.value
    const bytes = new TextEncoder().encode('name,url,username,password\nMail,,me,pw')
    await importing?.read({ name: 'Passwords.csv', bytes })
    const saving = importing?.save()
    expect(app.isAtWork()).toBe(true)
    app.go({ page: 'account' })
    await saving
    expect(app.importing.value?.step.value).toMatchObject({ kind: 'done' })
    expect(app.isAtWork()).toBe(false)
    app.lock(null)
    expect(app.importing.value).toBeNull()
  })
})
