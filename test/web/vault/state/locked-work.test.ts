import { describe, expect, test } from 'bun:test'
import { deriveVaultKeys } from '../../../../src/web/vault/crypto/keys'
import { owner } from '../../../support/open-vaults'
import { aForm, startWithPages } from '../../../support/vault-apps'

const { email, masterPassword } = owner
const newPassword = 'five brisk hedgehogs'

describe('what was typed when a vault was locked', () => {
  const other = { email: 'olga@example.org', masterPassword }
  const hasName = (name: string) => ({ texts: { name } })

  test('waits while another account is open', async () => {
    await using setup = await startWithPages()
    const { masterPasswordHash } = await deriveVaultKeys(other)
    await setup.api.signUp({ ...other, id: crypto.randomUUID(), hint: null, masterPasswordHash })
    const { app } = await setup.openPage()
    app.form.value = aForm('Half-typed')
    app.lock(null)
    expect(await app.unlock(other)).toBeNull()
    expect(app.form.value).toBeNull()
    expect(app.sealed.isUnderFormerKey.value).toBe(false)
    expect(app.isAtWork()).toBe(true)
    app.lock(null)
    expect(await app.unlock({ email, masterPassword })).toBeNull()
    expect(app.form.value).toMatchObject(hasName('Half-typed'))
  })

  test('opens with the master password of that time after a change elsewhere', async () => {
    await using setup = await startWithPages()
    const [one, elsewhere] = [await setup.openPage(), await setup.openPage()]
    one.app.form.value = aForm('Half-typed')
    const change = { oldPassword: masterPassword, newPassword, hint: null }
    expect(await elsewhere.app.changeMasterPassword(change)).toEqual({ kind: 'changed' })
    await one.vault.refresh()
    expect(one.app.vault.value).toBeNull()
    expect(await one.app.unlock({ email, masterPassword: newPassword })).toBeNull()
    expect(one.app.form.value).toBeNull()
    expect(one.app.sealed.isUnderFormerKey.value).toBe(true)
    expect(await one.app.openFormer('wrong')).toBe(false)
    expect(one.app.isAtWork()).toBe(true)
    expect(await one.app.openFormer(masterPassword)).toBe(true)
    expect(one.app.form.value).toMatchObject(hasName('Half-typed'))
    expect(one.app.sealed.isUnderFormerKey.value).toBe(false)
  })

  test('is gone once somebody discards it', async () => {
    await using setup = await startWithPages()
    const [one, elsewhere] = [await setup.openPage(), await setup.openPage()]
    one.app.form.value = aForm('Half-typed')
    one.app.lock(null)
    await elsewhere.app.changeMasterPassword({
      ...{ oldPassword: masterPassword, newPassword, hint: null },
    })
    expect(await one.app.unlock({ email, masterPassword: newPassword })).toBeNull()
    one.app.sealed.discardFormer()
    expect([one.app.sealed.isUnderFormerKey.value, one.app.isAtWork()]).toEqual([false, false])
  })
})

describe('a change of the master password that the lock interrupts', () => {
  test.each([
    { answer: 'the new one holds', status: 200, outcome: { kind: 'changed' } },
    { answer: 'nobody knows', status: null, outcome: { kind: 'unknown' } },
    { answer: 'the old one holds', status: 413, outcome: { kind: 'failed' } },
  ])('is told of at the door: $answer', async ({ status, outcome }) => {
    await using setup = await startWithPages()
    const { app } = await setup.openPage()
    setup.on.asked = (question) => {
      if (question !== 'PUT /account/master-password') return
      setup.on.asked = () => {}
      app.lock(null)
      if (status === 413) setup.instead.push(new Response('{}', { status }))
      if (status === null) setup.instead.push(null, null)
    }
    const change = { oldPassword: masterPassword, newPassword, hint: null }
    expect(await app.changeMasterPassword(change)).toMatchObject(outcome)
    expect(app.news.value).toMatchObject({ kind: 'master-password', outcome })
    const opensNow = outcome.kind === 'changed' ? newPassword : masterPassword
    expect(await app.unlock({ email, masterPassword: opensNow })).toBeNull()
    expect(app.news.value).toBeNull()
  })
})
