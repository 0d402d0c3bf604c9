/** Acceptance checks 4 and 6 of the web vault: secrets are in the memory of the page alone, and no other host is asked. */
import { describe, expect, test } from 'bun:test'
import { pbkdf2Sync } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { advance, backToList, goTo, tick } from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { run, serve, temporaryFolder } from '../../support/executable'
import { until } from '../../support/until'
import type { VaultPage } from '../../support/vault-browser'
import { startVaultFront } from '../../support/vault-front'

const email = 'olga@example.org'
const masterPassword = 'C4nary master password'
const nextPassword = 'C4nary of a master password'
const texts = {
  ...{ Name: 'C4nary-name', Login: 'C4nary-login', Password: 'C4nary-password' },
  ...{ Address: 'https://c4nary-address.example/', Folder: 'C4nary-folder' },
  ...{ 'Tags, with commas': 'C4nary-tag', Notes: 'C4nary-notes' },
}

/** The hash that clients send, by the wire contract, and their key in the forms in which it could leak. */
function deriveBits(
  email: string,
  masterPassword: string,
): { readonly hash: string; readonly key: readonly string[] } {
  const derive = (iterations: number) => pbkdf2Sync(masterPassword, email, iterations, 32, 'sha512')
  const key = derive(100_000)
  return {
    hash: derive(120_000).toString('base64'),
    key: [key.toString('base64'), key.toString('hex'), key.toString('latin1'), String([...key])],
  }
}

/** All files below a folder, as one text each. */
function readFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => readFileSync(join(each.parentPath, each.name), 'latin1'))
}

const imported = { name: 'C4nari-name', notes: 'C4nari-notes' }

/** What somebody does first who has used another program. */
async function importOne(at: VaultPage): Promise<void> {
  using folder = temporaryFolder()
  const file = join(folder.path, 'bitwarden.json')
  const login = { username: 'C4nari-login', password: 'C4nari-password' }
  const items = [
    { type: 1, ...imported, login },
    { type: 1, name: '', login: {} },
  ]
  writeFileSync(file, JSON.stringify({ encrypted: false, folders: [], items }))
  await at.click('Bring your passwords along')
  const input = await at.page.waitForSelector('input[type=file]')
  if (input === null) throw new Error('there is no field for a file')
  await input.uploadFile(file)
  await at.see('Before it is saved')
  await at.see('Name, login and password are all empty')
  await at.click('Save 1 entry')
  await at.see('Delete it and empty the trash')
  await at.click('Show the vault')
  await at.click(`Copy password of ${imported.name}`)
  await at.see(`Password of ${imported.name} copied`)
  expect(await at.clipboard()).toBe(login.password)
  await at.click('Clear now')
  await until(async () => (await at.clipboard()) === '', 'an empty clipboard')
  await at.click(imported.name)
  await at.see(login.username)
}

describe.each(browserTrials(360))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('a whole session leaves no secret anywhere but in the memory of the page, and asks one host', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const environment = { SNAILPASS_LOG_LEVEL: 'debug' }
    await using server = await serve(dataDir, environment)
    await using front = startVaultFront(server)
    const at = await used.open(front.url)
    await at.click('Create an account')
    // Keys are derived from the email in lower case.
    await at.fill('Email', 'Olga@Example.org')
    await at.fill('Master password', masterPassword)
    await at.fill('Repeat the master password', masterPassword)
    await at.click('Create account')
    await at.see('Your vault is empty')
    await importOne(at)
    await backToList(at)
    await at.press('n')
    for (const [label, text] of Object.entries(texts)) await at.fill(label, text)
    await at.press('Control', 's')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    await at.see(texts.Login)
    await at.click('Edit')
    await at.fill('Login', 'C4nary-edited')
    await at.click('Save')
    await at.see('C4nary-edited')
    await backToList(at)
    await at.press('/')
    await at.page.keyboard.type('C4nary-tag')
    await at.see('1 found')
    await at.press('Escape')
    await at.press('Escape')
    await goTo(at, 'Account')
    await at.click('Change it…')
    await at.fill('Master password now', masterPassword)
    await at.fill('New master password', nextPassword)
    await at.fill('Repeat the master password', nextPassword)
    await at.click('Change for all 2 entries')
    await at.see('The master password is changed.')
    await goTo(at, 'Import and export')
    await at.fill('Type your master password again', nextPassword)
    await at.click('Save emergency file')
    await at.see('Saved.')
    await advance(at, 3600)
    await tick(at)
    await at.see('Locked after 10 minutes without use.')
    await at.page.reload()
    await at.fill('Email', email)
    await at.fill('Master password', masterPassword)
    await at.press('Enter')
    await at.see('This master password doesn’t open the vault.')
    await at.fill('Master password', nextPassword)
    await at.press('Enter')
    await at.page.waitForSelector('.app')
    await at.see(imported.name)
    await at.see(texts.Name)

    const stored = await at.page.evaluate(async () =>
      JSON.stringify([
        ...[{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href],
        ...[await indexedDB.databases(), await caches.keys(), history.state, document.title],
        await navigator.serviceWorker?.getRegistrations().then((found) => found.length),
      ]),
    )
    expect((await run(['backup', '--data-dir', dataDir], { environment })).code).toBe(0)
    await server.end('SIGTERM')
    const path = await until(() => used.browser.findDownload('.html'), 'the emergency file')
    const emergency = readFileSync(path, 'utf8')
    const urls = at.requests.map(({ url }) => url)
    const places = [stored, emergency, ...urls, ...server.log, ...readFiles(folder.path)]
    places.push(JSON.stringify(front.requests), JSON.stringify(at.requests))

    // The search finds what is there: the email, and the hash that is sent instead of the password.
    const has = (text: string) => places.some((place) => place.includes(text))
    const derived = [masterPassword, nextPassword].map((password) => deriveBits(email, password))
    expect([has(email), has(btoa(`${email}:${derived[0]?.hash}`))]).toEqual([true, true])
    const secrets = [masterPassword, nextPassword, ...Object.values(texts), 'C4nary', 'C4nari']
    const forms = [...secrets, ...derived.flatMap(({ key }) => key)].flatMap((secret) => [
      ...[secret, encodeURIComponent(secret), btoa(secret), JSON.stringify(secret).slice(1, -1)],
      Buffer.from(secret).toString('hex'),
    ])
    expect(forms.filter((form) => has(form))).toEqual([])
    expect(
      urls.filter((url) => new URL(url).host !== front.url.host && !/^(?:blob|data):/.test(url)),
    ).toEqual([])
    expect(at.problems).toEqual([])
  })
})
