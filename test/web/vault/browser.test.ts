/** The web vault in a real browser, used as people use it. What needs no screen is tested without one, in state/. */
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { version } from '../../../src/version'
import { createTranslator } from '../../../src/web/vault/i18n/translate'
import { encryptChange } from '../../../src/web/vault/model/changes'
import { vaultScript } from '../../../src/web/vault-files'
import { newRecord, openUnlocked, startFilled, vaultAt } from '../../support/acceptance'
import { useBrowser, usualTrial } from '../../support/browsers'
import { temporaryFolder } from '../../support/executable'
import { owner, startVaultPages, type VaultPages } from '../../support/open-vaults'
import { startTestServer } from '../../support/server'
import { until } from '../../support/until'

const used = useBrowser(usualTrial)

test('takes somebody who has only a browser from nothing to a copied password and a new master password', async () => {
  const canaries = [
    'four quiet snails',
    'six loud tortoises',
    'C4nary-password',
    'C4nary-login',
    'C4nary-note',
  ]
  using folder = temporaryFolder()
  await using server = await startTestServer({ dataDir: folder.path })
  const at = await used.open(vaultAt(server), { width: 360 })
  await at.click('Create an account')
  await at.fill('Email', 'Olga@Example.org')
  await at.fill('Master password', 'four quiet snails')
  await at.fill('Repeat the master password', 'four quiet snails')
  await at.click('Create account')
  await at.see('Your vault is empty')

  const file = join(folder.path, 'bitwarden.json')
  const login = { username: 'C4nary-login', password: 'C4nary-password' }
  const items = [
    { type: 1, name: 'Imported', notes: 'C4nary-note', login },
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
  await at.click('Copy password of Imported')
  await at.see('Password of Imported copied')
  expect(await at.clipboard()).toBe('C4nary-password')
  await at.click('Clear now')
  await until(async () => (await at.clipboard()) === '', 'an empty clipboard')

  await at.click('All items')
  await at.click('Account')
  await at.click('Change it…')
  await at.fill('Master password now', 'four quiet snails')
  await at.fill('New master password', 'six loud tortoises')
  await at.fill('Repeat the master password', 'six loud tortoises')
  await at.click('Change for 1 entry')
  await at.see('The master password is changed.')
  await at.page.reload()
  await at.fill('Email', 'olga@example.org')
  await at.fill('Master password', 'four quiet snails')
  await at.press('Enter')
  await at.see('This master password doesn’t open the vault.')
  await at.fill('Master password', 'six loud tortoises')
  await at.press('Enter')
  await at.click('Imported')
  await at.see('C4nary-login')

  expect(at.problems).toEqual([])
  const own = vaultAt(server).origin
  expect(at.requests.filter(({ url }) => !url.startsWith(own))).toEqual([])
  const stored = await at.page.evaluate(async () =>
    JSON.stringify([
      ...[{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href],
      ...[await indexedDB.databases(), await caches.keys(), history.state],
    ]),
  )
  await server.stop()
  const files = readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && each.name !== 'bitwarden.json')
    .map((each) => readFileSync(join(each.parentPath, each.name), 'latin1'))
  const places = [stored, ...server.log, JSON.stringify(at.requests), ...files]
  for (const canary of canaries) expect(places.filter((text) => text.includes(canary))).toEqual([])
})

describe('locking', () => {
  test('leaves nothing of the vault in the page, in all tabs, and after going back', async () => {
    await using pages = await startFilled()
    const at = await openUnlocked(used, pages)
    await at.click('Gitforge')
    await at.see('gitforge.example')
    const other = await at.context.newPage()
    await other.goto(vaultAt(pages.server).href)
    await other.type('input[type=email]', owner.email)
    await other.type('input[type=password]', owner.masterPassword)
    await other.keyboard.press('Enter')
    await other.waitForSelector('.app')
    await at.page.bringToFront()
    await at.press('l')
    await at.see('Unlock')
    await other.waitForSelector('.door')
    await at.page.goBack().catch(() => null)
    for (const page of [at.page, other]) {
      const html = await page.evaluate(() => document.documentElement.outerHTML)
      expect(html).not.toContain('Gitforge')
      expect(html).not.toContain('marta</')
    }
  })

  test('comes by the wall clock, as after a sleep, and clears the clipboard before', async () => {
    await using pages = await startFilled()
    const at = await openUnlocked(used, pages)
    const sleep = (seconds: number) =>
      at.page.evaluate((jump) => {
        const { now } = Date
        Date.now = () => now() + jump * 1000
      }, seconds)
    await at.click('Copy password of Bank')
    await at.see('Password of Bank copied')
    await sleep(31)
    await until(async () => (await at.clipboard()) === '', 'an empty clipboard')
    await sleep(600)
    await at.see('Locked after 10 minutes without use.')
    expect(await at.page.content()).not.toContain('Gitforge')
  })

  test('comes when another device signs out everywhere, and says so', async () => {
    await using pages = await startFilled()
    const [one, other] = [await openUnlocked(used, pages), await openUnlocked(used, pages)]
    await other.click('Account')
    await other.click('Sign out everywhere else')
    await other.see('All other devices are signed out.')
    await one.click('Bank')
    await one.click('Edit')
    await one.fill('Login', 'half-typed')
    await one.click('Save')
    await one.see('You were signed out')
    await one.fill('Master password', owner.masterPassword)
    await one.press('Enter')
    await one.page.waitForSelector('#entry-form')
    await one.click('Save')
    await one.see('half-typed')
    await other.click('All items')
    await other.click('Gitforge')
    await other.see('gitforge.example')
  })

  test('brings back what was being typed, to the one who unlocks', async () => {
    await using pages = await startFilled()
    const at = await openUnlocked(used, pages)
    await at.click('Bank')
    await at.click('Edit')
    await at.fill('Login', 'half-typed')
    await at.click('Lock')
    await at.fill('Master password', owner.masterPassword)
    await at.press('Enter')
    await at.page.waitForSelector('#entry-form')
    await at.click('Save')
    await at.see('half-typed')
  })
})

describe('saving', () => {
  test('shows both versions when two browsers have changed an entry', async () => {
    await using pages = await startFilled()
    const [one, other] = [await openUnlocked(used, pages), await openUnlocked(used, pages)]
    for (const [at, text] of [
      [one, 'by one'],
      [other, 'by other'],
    ] as const) {
      await at.click('Bank')
      await at.click('Edit')
      await at.fill('Login', text)
    }
    await one.click('Save')
    await one.see('by one')
    await other.click('Save')
    await other.see('This record was changed elsewhere while you edited it.')
    await other.see('by one')
    expect(await other.findFaults()).toEqual([])
    await other.click('Keep both')
    await other.page.waitForSelector('dialog', { hidden: true })
    const names = (await pages.open()).vault.value.entries.flatMap((entry) =>
      entry.kind === 'record' && entry.name === 'Bank' ? [entry.login] : [],
    )
    expect(names.toSorted()).toEqual(['by one', 'by other'])
  })

  test('keeps what was typed while the server is gone, and says so', async () => {
    await using pages = await startFilled()
    const at = await openUnlocked(used, pages)
    await at.press('n')
    await at.fill('Name', 'Written on a train')
    await at.page.setOfflineMode(true)
    await at.press('Control', 's')
    await at.see('The server can’t be reached. What you typed stays here.')
    await at.page.setOfflineMode(false)
    await at.press('Control', 's')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    expect((await pages.open()).vault.value.entries.map(({ name }) => name)).toContain(
      'Written on a train',
    )
  })

  test('asks before something typed is lost', async () => {
    await using pages = await startFilled()
    const at = await openUnlocked(used, pages)
    await at.press('n')
    await at.fill('Name', 'Half-typed')
    await at.press('Escape')
    await at.see('Leave without saving?')
    await at.click('Go on editing')
    await at.press('Escape')
    await at.click('Leave')
    await at.page.waitForSelector('#entry-form', { hidden: true })
  })
})

test('shows texts as texts, whatever is in them', async () => {
  await using pages = await startVaultPages()
  const evil = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
  const vault = await pages.open()
  const texts = [
    { name: 'URL', value: 'javascript:alert(1)' },
    { name: evil, value: evil },
    { name: 'Notes', value: evil },
    { name: 'Tags', value: evil },
  ]
  await vault.save(newRecord({ name: evil, login: evil, password: evil, texts }))
  const at = await openUnlocked(used, pages)
  await at.page.click('[data-entry]')
  await at.see('javascript:alert(1)')
  await at.press('/')
  await at.page.keyboard.type('onerror')
  await at.see('1 found')
  expect(
    await at.page.evaluate(() => document.querySelectorAll('img, [href^="javascript"]').length),
  ).toBe(0)
  expect([await at.page.title(), at.problems]).toEqual(['Vault · SnailPass', []])
})

test('runs and loads nothing but its own script, whatever gets into the page', async () => {
  await using pages = await startVaultPages()
  const at = await openUnlocked(used, pages)
  const allowed = await at.page.evaluate(async () => {
    const seen: string[] = []
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
      seen.push(effectiveDirective)
    })
    const inline = document.createElement('script')
    const attempts = [
      () => {
        inline.textContent = 'document.title = "run"'
        document.body.append(inline)
      },
      () => {
        document.body.innerHTML = '<img src=x onerror="document.title = 1">'
      },
      () => new Function('document.title = "run"'),
      () => {
        const image = document.createElement('img')
        image.src = 'https://example.org/leak'
        document.body.append(image)
      },
      () => {
        document.body.style.cssText = 'background: url(https://example.org/leak)'
      },
    ]
    for (const attempt of attempts) {
      try {
        attempt()
      } catch {
        seen.push('thrown')
      }
    }
    await fetch('https://example.org/').catch(() => seen.push('no fetch'))
    // The browser reports what it refused a moment later.
    const expected = ['require-trusted-types-for', 'connect-src', 'img-src', 'no fetch']
    for (let turn = 0; turn < 100 && !expected.every((each) => seen.includes(each)); turn++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    return expected.filter((each) => !seen.includes(each))
  })
  expect(allowed).toEqual([])
  expect(await at.page.title()).toBe('Vault · SnailPass')
})

test('says which script it runs, and which version', async () => {
  await using pages = await startVaultPages()
  const at = await used.open(vaultAt(pages.server))
  await at.click('About')
  await at.see(Uint8Array.fromBase64(vaultScript.sha256).toHex())
  await at.see(`Version ${version}`)
})

test('says before and after a sign-up what the server wants', async () => {
  await using server = await startTestServer({ settings: { SNAILPASS_SIGNUPS: 'invited' } })
  const at = await used.open(vaultAt(server))
  await at.click('Create an account')
  await at.fill('Email', 'nobody')
  await at.click('Create account')
  await at.see('This is no email address.')
  await at.fill('Email', 'olga@example.org')
  await at.fill('Master password', 'too short')
  await at.click('Create account')
  await at.see('From 11 to 300 characters.')
  await at.fill('Master password', 'four quiet snails')
  await at.fill('Repeat the master password', 'four quiet snakes')
  await at.click('Create account')
  await at.see('The two master passwords differ.')
  await at.fill('Repeat the master password', 'four quiet snails')
  await at.fill('Hint', 'it is four quiet snails')
  await at.click('Create account')
  await at.see('The hint contains the master password.')
  expect(at.requests.filter(({ url }) => url.endsWith('/users'))).toEqual([])
  await at.fill('Hint', 'animals')
  await at.click('Create account')
  await at.see('This server takes invited emails only.')
})

test('does with the keyboard alone what a mouse does', async () => {
  await using pages = await startFilled()
  const at = await openUnlocked(used, pages)
  await at.press('/')
  await at.page.keyboard.type('gitf')
  await at.see('1 found')
  await at.press('Control', 'Enter')
  await at.see('Password of Gitforge copied')
  expect(await at.clipboard()).toBe('hunter2')
  await at.press('Enter')
  await at.see('gitforge.example')
  await at.press('Escape')
  await at.page.evaluate(
    () => document.activeElement instanceof HTMLElement && document.activeElement.blur(),
  )
  await at.press('c')
  await at.press('t')
  await at.see('One-time code of Gitforge copied')
  expect(await at.clipboard()).toMatch(/^\d{6}$/)
  await at.press('e')
  await at.page.waitForSelector('#entry-form')
  await at.press('Control', 's')
  await at.page.waitForSelector('#entry-form', { hidden: true })
  await at.press('?')
  await at.see('move the selection')
  await at.press('Escape')
  await at.page.waitForSelector('dialog', { hidden: true })
  await at.press('l')
  await at.see('Unlock')
})

async function startWithSites(): Promise<VaultPages> {
  const pages = await startVaultPages()
  const vault = await pages.open()
  const names = Array.from({ length: 300 }, (_, at) => `Site ${String(at).padStart(3, '0')}`)
  const drafts = names.map((name) => newRecord({ name }))
  const changes = await Promise.all(drafts.map((draft) => encryptChange(vault.key(), draft)))
  expect(await vault.send(changes)).toBeNull()
  return pages
}

test('a phone comes back from an entry to the rows that were seen before', async () => {
  await using pages = await startWithSites()
  const at = await openUnlocked(used, pages, { width: 360 })
  await at.page.evaluate(() => document.getElementById('list')?.scrollTo(0, 8000))
  await at.click('Site 130')
  await at.page.waitForSelector('.record h1')
  // Long enough for what watches the rows to notice that they are hidden.
  await at.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)))
  const rows = () =>
    at.page.evaluate(() =>
      ['Site 128', 'Site 132'].map((name) =>
        [...document.querySelectorAll('.row')].some((row) => row.textContent.includes(name)),
      ),
    )
  expect(await rows()).toEqual([true, true])
  await at.click('Back to the list')
  await at.page.waitForSelector('.record h1', { hidden: true })
  const isSeen = await at.page.evaluate(() => {
    const row = [...document.querySelectorAll('.row')].find((each) =>
      each.textContent.includes('Site 130'),
    )
    const { top = -1, bottom = -1 } = row?.getBoundingClientRect() ?? {}
    return top > 0 && bottom < innerHeight
  })
  expect(isSeen).toBe(true)
})

test('makes the rows of a long list only near what is seen, also for the keyboard', async () => {
  await using pages = await startWithSites()
  const at = await openUnlocked(used, pages)
  await at.see('Site 000')
  const countRows = () => at.page.evaluate(() => document.querySelectorAll('.row').length)
  expect(await countRows()).toBeLessThan(150)
  await at.page.evaluate(() => document.getElementById('list')?.scrollTo(0, 1_000_000))
  await at.see('Site 299')
  expect(await countRows()).toBeLessThan(150)
  await at.page.evaluate(() => document.getElementById('list')?.scrollTo(0, 0))
  await at.see('Site 000')
  await at.press('/')
  for (let row = 0; row < 60; row++) await at.page.keyboard.press('ArrowDown')
  await until(
    () => at.page.evaluate(() => document.querySelector('.record h1')?.textContent === 'Site 059'),
    'the record that the arrow keys led to',
  )
  const isSeen = () =>
    at.page.evaluate(() => {
      const bottom = document.querySelector('.row.on')?.getBoundingClientRect().bottom ?? 0
      return bottom > 100 && bottom <= innerHeight
    })
  await until(isSeen, 'its row to be seen')
})

test('saves an emergency file that opens from the disk without the server, and asks nobody', async () => {
  const pages = await startFilled()
  const at = await openUnlocked(used, pages)
  await at.click('Import and export')
  await at.fill('Type your master password again', 'wrong')
  await at.click('Save emergency file')
  await at.see('This is not your master password.')
  await at.fill('Type your master password again', owner.masterPassword)
  await at.click('Save emergency file')
  await at.see('Saved. It holds the vault as it is now')
  const path = await until(() => used.browser.findDownload('.html'), 'the emergency file')
  await pages.server.stop()
  expect(readFileSync(path, 'utf8')).not.toContain('Gitforge')

  const copy = await used.open(pathToFileURL(path))
  await copy.fill('Master password', 'wrong')
  await copy.press('Enter')
  await copy.see('This master password doesn’t open the copy')
  await copy.fill('Master password', owner.masterPassword)
  await copy.press('Enter')
  await copy.click('Gitforge')
  await copy.see('Recovery phone is the old one')
  await copy.see(`Emergency copy of ${createTranslator('en').formatDay(Date.now())}`)
  await copy.see('It can be read, not changed.')
  expect(copy.requests.filter(({ url }) => !url.startsWith('file:'))).toEqual([])
  expect(copy.problems).toEqual([])
})
