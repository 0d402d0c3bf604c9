/** Acceptance checks 2, 3, 5, 25 and 31 of the web vault: what it shows of vaults that others wrote, honest or not. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { encryptText } from '../../../src/web/vault/crypto/ciphertexts'
import { deriveVaultKeys } from '../../../src/web/vault/crypto/keys'
import {
  backToList,
  goTo,
  newNote,
  newRecord,
  openUnlocked,
  readEntries,
  startFilledVault,
  tick,
  unlock,
} from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { run, serve } from '../../support/executable'
import {
  createLegacySqlite,
  household,
  masterPasswordHash,
  type PlainUser,
  readVault,
} from '../../support/legacy-database'
import { owner } from '../../support/open-vaults'
import { startVaultFront } from '../../support/vault-front'

/** What a person reads of a user's entries. */
function readableOf({ records, notes }: Pick<PlainUser, 'records' | 'notes'>) {
  const shown = records.map(({ id, name, login, password, ...record }) => ({
    ...{ id, name, isFavorite: record.is_favorite },
    values: [
      ...[`Login: ${login}`, `Password: ${password}`],
      ...record.additional_fields.map((field) => `${field.name}: ${field.value}`),
    ],
  }))
  const texts = notes.map(({ id, name, content, is_favorite: isFavorite }) => ({
    ...{ id, name, isFavorite, values: [`Text: ${content}`] },
  }))
  return [...shown, ...texts].toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

describe.each(browserTrials(1280))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('the household of the original server reads as its plaintext does', async () => {
    await using legacy = await createLegacySqlite()
    const dataDir = join(legacy.folder, 'data')
    const environment = { SNAILPASS_DATABASE_URL: legacy.url, SNAILPASS_DATA_DIR: dataDir }
    expect((await run(['adopt'], { environment })).code).toBe(0)
    await using server = await serve(dataDir, environment)
    await using front = startVaultFront(server)
    for (const user of household()) {
      const at = await used.open(front.url)
      await unlock(at, { email: user.email, masterPassword: user.master_password })
      const shown = await readEntries(at)
      expect(shown.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(readableOf(user))
      expect(at.problems).toEqual([])
      await at.context.close()
    }
  })

  test('what the page writes is read with the keys of the contract, and what an app writes appears in it', async () => {
    await using vault = await startFilledVault()
    const at = await openUnlocked(used, vault)
    await at.press('n')
    await at.fill('Name', 'Почта 🐌')
    await at.fill('Login', 'марта')
    await at.fill('Password', 'пароль "1"')
    await at.press('Control', 's')
    await at.page.waitForSelector('#entry-form', { hidden: true })
    const [written] = vault.front.requests.filter(({ method }) => method === 'POST')
    expect(written?.body).toMatch(/"name":"[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]+=*"/)

    const account = { email: owner.email, master_password: owner.masterPassword }
    const user = { id: '', hint: null, records: [], notes: [], ...account }
    const credentials = { email: owner.email, masterPasswordHash: masterPasswordHash(user) }
    const signedIn = await vault.api.signIn(credentials)
    if (!signedIn.ok) throw new Error('the hash of the contract does not sign in')
    const { records } = await readVault(vault.server.url, signedIn.value, user)
    expect(records).toMatchObject([{ name: 'Почта 🐌', login: 'марта', password: 'пароль "1"' }])

    const { encryptionKey } = await deriveVaultKeys(owner)
    const texts = { name: 'Из Windows', login: 'm', password: 'p' }
    const encrypted = await Promise.all(
      Object.entries(texts).map(async ([name, text]) => [
        name,
        await encryptText(encryptionKey, text),
      ]),
    )
    const id = crypto.randomUUID()
    const flags = { is_favorite: false, is_deleted: false, user_id: '' }
    const time = '2026-11-26 10:00:00.000'
    const times = { creation_time: time, update_time: time }
    const sent = await fetch(new URL('/records', vault.server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-access-token': signedIn.value },
      body: JSON.stringify({ id, ...Object.fromEntries(encrypted), ...flags, ...times }),
    })
    expect([sent.status, await sent.text()]).toEqual([201, expect.any(String)])
    await backToList(at)
    await at.page.evaluate(() => dispatchEvent(new Event('focus')))
    await at.see('Из Windows')
  })

  test('one entry that nobody can decrypt is marked, hides nothing else, and no request depends on it', async () => {
    await using vault = await startFilledVault(
      newRecord({ name: 'Whole' }),
      newRecord({ name: 'Broken' }),
      newNote({ name: 'Door', content: '4711' }),
    )
    const honest = await openUnlocked(used, vault)
    await tick(honest)
    const asked = vault.front.requests.map(({ method, path }) => `${method} ${path}`)
    vault.front.requests.length = 0
    vault.front.intercept = async ({ method, path }, answer) => {
      if (method !== 'GET' || path !== '/account/vault') return null
      const body = await (await answer()).json().catch(() => null)
      if (body === null) return null
      const [one, other] = body.records
      const note = body.notes[0]
      // Each kind of a bad ciphertext: swapped, without an end, of a wrong IV, huge, of a wrong length, and none.
      other.name = `${one.name.split(':')[0]}:${other.name.split(':')[1]}`
      other.login = other.login.slice(0, -3)
      other.password = `AAAA:${other.password.split(':')[1]}`
      other.additional_fields = [
        { id: 'f1', record_id: other.id, name: 'A'.repeat(10_000_000), value: 'no ciphertext' },
      ]
      note.content = `${note.content.split(':')[0]}:AAAAAAAA`
      return Response.json(body)
    }
    const at = await openUnlocked(used, vault)
    await at.see('Whole')
    await at.see('Can’t be decrypted')
    await tick(at)
    expect(vault.front.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(asked)
    await at.click('Whole')
    await at.see('marta')
    await goTo(at, 'Account')
    await at.click('Change it…')
    await at.fill('Master password now', owner.masterPassword)
    await at.fill('New master password', 'six loud tortoises')
    await at.fill('Repeat the master password', 'six loud tortoises')
    vault.front.requests.length = 0
    await at.click('Change for')
    await at.see('These entries can’t be decrypted')
    await at.see('Door')
    expect(vault.front.requests.filter(({ method }) => method !== 'GET')).toEqual([])
    expect(at.problems).toEqual([])
  })

  test('an answer that is no vault opens nothing, and says so', async () => {
    await using vault = await startFilledVault(newRecord({ name: 'Whole' }))
    const answers: unknown[] = [null, [], { state: 7, records: [], notes: [] }, { state: 's' }]
    const at = await used.open(vault.front.url)
    await at.fill('Email', owner.email)
    for (const answer of answers) {
      vault.front.intercept = async ({ path }) =>
        path === '/account/vault' ? Response.json(answer) : null
      await at.fill('Master password', owner.masterPassword)
      await at.press('Enter')
      await at.see('The answer of the server is no vault.')
      await at.fill('Master password', '')
    }
    vault.front.intercept = null
    await unlock(at)
    await at.see('Whole')
  })

  test('texts stay texts, and the page refuses code and other hosts that an attacker puts in', async () => {
    const evil = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    const fields = [
      { name: 'URL', value: 'javascript:document.title=1' },
      { name: evil, value: evil },
      { name: 'Notes', value: evil },
      { name: 'Tags', value: evil },
    ]
    await using vault = await startFilledVault(
      newRecord({ name: evil, login: evil, password: evil, texts: fields }),
      newNote({ name: evil, content: evil }),
    )
    const at = await openUnlocked(used, vault)
    for (const { values } of await readEntries(at)) expect(values.join('\n')).toContain(evil)
    await backToList(at)
    await at.press('/')
    await at.page.keyboard.type('onerror')
    await at.see('2 found')
    const made = await at.page.$$eval('img, [href^="javascript"]', (found) => found.length)
    expect([made, at.problems]).toEqual([0, []])
    const refused = await at.page.evaluate(async () => {
      const reports: string[] = []
      document.addEventListener('securitypolicyviolation', (event) =>
        reports.push(`${event.effectiveDirective} ${event.blockedURI}`),
      )
      const failed = (work: () => unknown) => {
        try {
          work()
          return false
        } catch {
          return true
        }
      }
      const div = document.createElement('div')
      const hasThrown = failed(() => {
        div.innerHTML = '<img src=x onerror="document.title=1">'
      })
      // Chromium lets what a debugger runs evaluate texts, but not what that starts.
      const hasNoEval = await new Promise<boolean>((resolve) => {
        setTimeout(() => resolve(failed(() => new Function('document.title=1')())))
      })
      const image = document.createElement('img')
      const isHandlerRefused = failed(() => image.setAttribute('onerror', 'document.title=1'))
      image.src = 'http://127.0.0.1:1/x.png'
      const script = document.createElement('script')
      const isScriptRefused = failed(() => {
        script.textContent = 'document.title=1'
      })
      div.textContent = 'seen, or its image would not be fetched'
      div.style.backgroundImage = 'url(http://127.0.0.1:1/y.png)'
      document.body.append(image, script, div)
      const isFetchRefused = await fetch('http://127.0.0.1:1/').then(
        () => false,
        () => true,
      )
      // The browser reports what it refused a moment later.
      const isReported = (end: string) => reports.some((report) => report.endsWith(end))
      for (let turn = 0; turn < 100 && !(isReported('x.png') && isReported('y.png')); turn++)
        await new Promise((resolve) => setTimeout(resolve, 50))
      image.remove()
      const all = [hasThrown, hasNoEval, isHandlerRefused, isScriptRefused, isFetchRefused]
      return { all, reports, title: document.title }
    })
    expect([refused.all, refused.title]).toEqual([refused.all.map(() => true), 'Vault · SnailPass'])
    expect(refused.reports).toEqual(
      expect.arrayContaining([
        ...['connect-src http://127.0.0.1:1/', 'img-src http://127.0.0.1:1/x.png'],
        'img-src http://127.0.0.1:1/y.png',
        expect.stringMatching(/^require-trusted-types-for /),
      ]),
    )
  })
})
