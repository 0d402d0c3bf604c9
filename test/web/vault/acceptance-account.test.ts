/** Acceptance checks 11, 23, 26 and 27 of the web vault on the executable: sessions, the master password, and leaving. */
import { describe, expect, test } from 'bun:test'
import { openAccount } from '../../../src/web/vault/api/open-account'
import { isWhole } from '../../../src/web/vault/model/entries'
import {
  apiOf,
  createOwner,
  goTo,
  newNote,
  newRecord,
  openVaultOf,
  unlock,
} from '../../support/acceptance'
import { browserTrials, isEachBrowser, useBrowser } from '../../support/browsers'
import { run, serve, temporaryFolder } from '../../support/executable'
import { owner } from '../../support/open-vaults'
import { startProxy } from '../../support/proxy'
import { until } from '../../support/until'

const vaultOf = (port: number | string) => new URL(`http://localhost:${port}/vault/`)
/** In four trials that makes the twenty of the acceptance check. */
const kills = isEachBrowser ? 5 : 1

describe.each(browserTrials(360))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('three clients are listed as devices, and signing out elsewhere leaves this page signed in alone', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    const { masterPasswordHash } = await createOwner(server)
    const authorization = `Basic ${btoa(`${owner.email}:${masterPasswordHash}`)}`
    const tokens = await Promise.all(
      ['okhttp/4.12.0', ''].map(async (agent) => {
        const headers = { authorization, 'user-agent': agent }
        const answer = await fetch(new URL('/login', server.url), { headers })
        return String((await answer.json()).token)
      }),
    )
    const at = await used.open(vaultOf(server.url.port))
    await unlock(at)
    await at.click('Account')
    await at.see('Android app')
    await at.see('Windows app')
    await at.see(`${trial.kind === 'firefox' ? 'Firefox' : 'Chrome'} this device`)
    expect(await at.page.$$('.lines .here')).toHaveLength(1)
    await at.see('Last seen ')
    await at.click('Sign out everywhere else')
    await at.see('All other devices are signed out.')
    const statuses = tokens.map(async (token) => {
      const headers = { 'x-access-token': token }
      return (await fetch(new URL('/records', server.url), { headers })).status
    })
    expect(await Promise.all(statuses)).toEqual([401, 401])
    await at.press('Escape')
    await at.press('n')
    await at.fill('Name', 'Written afterwards')
    await at.press('Control', 's')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    expect(at.problems).toEqual([])
  })

  test('the operator signs a user out, and the page says why it is locked', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    await createOwner(server)
    const at = await used.open(vaultOf(server.url.port))
    await unlock(at)
    const command = ['user', 'logout', owner.email, '--data-dir', folder.path]
    expect((await run(command)).code).toBe(0)
    await at.page.evaluate(() => dispatchEvent(new Event('focus')))
    await at.see('You were signed out: on another device, or by the owner of the server.')
  })

  test('a change of the master password survives a kill of the server: one password signs in, and everything decrypts', async () => {
    using folder = temporaryFolder()
    let server = await serve(folder.path)
    const target = { hostname: '127.0.0.1', port: Number(server.url.port) }
    using proxy = startProxy(target)
    await createOwner(server)
    const vault = await openVaultOf(server)
    for (let index = 0; index < 5; index++) {
      await vault.save(newRecord({ name: `Site ${index}`, texts: [{ name: 'PIN', value: '1' }] }))
      await vault.save(newNote({ name: `Note ${index}` }))
    }
    let [password, next] = [owner.masterPassword, 'six loud tortoises']
    try {
      for (let round = 0; round < kills; round++) {
        const at = await used.open(vaultOf(proxy.port))
        await unlock(at, { masterPassword: password })
        await goTo(at, 'Account')
        await at.click('Change it…')
        await at.fill('Master password now', password)
        await at.fill('New master password', next)
        await at.fill('Repeat the master password', next)
        await at.click('Change for all 10 entries')
        const isSent = () => at.requests.some(({ url }) => url.endsWith('/master-password'))
        await until(isSent, 'the change to be sent')
        await Bun.sleep(Math.random() * 80)
        await server.end('SIGKILL')
        await until(
          async () =>
            /The master password is changed|can’t be reached|No answer/.test(await at.text()),
          'what became of the change',
        )
        server = await serve(folder.path)
        target.port = Number(server.url.port)
        const api = apiOf(server)
        const opened = await Promise.all(
          [password, next].map((masterPassword) =>
            openAccount(api, { email: owner.email, masterPassword }),
          ),
        )
        expect(opened.filter(({ ok }) => ok)).toHaveLength(1)
        if (opened[1]?.ok === true) [password, next] = [next, password]
        const entries = opened.flatMap((each) => (each.ok ? each.value.vault.entries : []))
        expect([entries.length, entries.filter(isWhole).length]).toEqual([10, 10])
        await at.page.reload()
        await unlock(at, { masterPassword: password })
        await at.see('Site 4')
        expect(await at.text()).not.toContain('Can’t be decrypted')
        await at.context.close()
      }
    } finally {
      await server.end('SIGKILL')
    }
  }, 300_000)

  test('an account is deleted after two questions, signs everybody out, and can be brought back', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    await createOwner(server)
    const vault = await openVaultOf(server)
    await vault.save(newRecord({ name: 'Bank' }))
    const at = await used.open(vaultOf(server.url.port))
    await unlock(at)
    await goTo(at, 'Account')
    await at.click('Delete the account…')
    await at.see(`Delete the account of ${owner.email}?`)
    await at.see('For 7 days the owner of the server can bring it back')
    await at.fill('Type your master password', 'not this one at all')
    await at.click('Delete the account')
    await at.see('This is not your master password.')
    await at.fill('Type your master password', owner.masterPassword)
    await at.click('Delete the account')
    await at.see('The account is deleted. Goodbye.')
    expect(await vault.refresh()).toEqual({ kind: 'signed-out' })
    const back = await run(['user', 'undelete', owner.email, '--data-dir', folder.path])
    expect(back.code).toBe(0)
    await unlock(at)
    await at.see('Bank')
  })
})
