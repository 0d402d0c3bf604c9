/** Acceptance checks 18 to 21 of the web vault in real browsers: what comes in from other programs, and what goes out. */
import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createTranslator } from '../../../src/web/vault/i18n/translate'
import type { OpenEntry } from '../../../src/web/vault/model/entries'
import {
  backToList,
  createOwner,
  goTo,
  newNote,
  newRecord,
  openUnlocked,
  openVaultOf,
  readEntries,
  startFilledVault,
  unlock,
} from '../../support/acceptance'
import { browserTrials, useBrowser } from '../../support/browsers'
import { serve, temporaryFolder } from '../../support/executable'
import * as files from '../../support/import-files'
import { owner, startVaultPages, type VaultPages } from '../../support/open-vaults'
import { until } from '../../support/until'
import type { VaultPage } from '../../support/vault-browser'
import { startVaultFront } from '../../support/vault-front'

const formats = [
  ['chrome.csv', files.chromeCsv, 'Chrome, Edge'],
  ['edge.csv', files.edgeCsv, 'Chrome, Edge'],
  ['firefox.csv', files.firefoxCsv, 'Firefox'],
  ['safari.csv', files.safariCsv, 'Safari'],
  ['keepassxc.csv', files.keePassXcCsv, 'KeePassXC'],
  ['lastpass.csv', files.lastPassCsv, 'LastPass'],
  ['1password.csv', files.onePasswordCsv, '1Password'],
  ['bitwarden.csv', files.bitwardenCsv, 'Bitwarden, CSV'],
  ['bitwarden.json', JSON.stringify(files.bitwardenJson), 'Bitwarden, JSON'],
] as const

async function choose(at: VaultPage, path: string): Promise<void> {
  const isEmpty = (await at.text()).includes('Your vault is empty')
  if (isEmpty) await at.click('Bring your passwords along')
  else {
    await goTo(at, 'All items')
    await goTo(at, 'Import and export')
    // What became of an earlier file stays until somebody chooses another.
    if ((await at.page.$('input[type=file]')) === null) {
      const isSaved = (await at.text()).includes('Delete it and empty the trash')
      await at.click(isSaved ? 'Choose a file' : 'Cancel')
    }
  }
  const input = await at.page.waitForSelector('input[type=file]')
  if (input === null) throw new Error('there is no field for a file')
  await input.uploadFile(path)
  await at.see('Before it is saved')
}

/** Returns the numbers of the report by their words. */
async function counts(at: VaultPage): Promise<Readonly<Record<string, number | undefined>>> {
  const text = await at.text()
  const found = text.matchAll(/(new in the vault|already there, skipped|not taken) (\d+)/g)
  return Object.fromEntries([...found].map(([, what, count]) => [what, Number(count)]))
}

/** What an entry holds, without what differs between two vaults. */
const contentsOf = (entries: readonly OpenEntry[]) =>
  entries
    .map(({ id: _, revision: _r, created: _c, updated: _u, ...entry }) =>
      'fields' in entry
        ? { ...entry, fields: entry.fields.map(({ id: _f, ...field }) => field) }
        : entry,
    )
    .map((entry) => JSON.stringify(entry))
    .toSorted((a, b) => (a < b ? -1 : 1))

const entriesOf = async (pages: VaultPages) => (await pages.open()).vault.value.entries

describe.each(browserTrials(360))('in $kind at $width px', (trial) => {
  const used = useBrowser(trial)

  test('each row of a file is in the vault or in the report, and a second import adds nothing', async () => {
    using folder = temporaryFolder()
    await using vault = await startFilledVault()
    const at = await openUnlocked(used, vault)
    for (const [name, text, format] of formats) {
      const path = join(folder.path, name)
      writeFileSync(path, text)
      const before = (await entriesOf(vault)).length
      await choose(at, path)
      await at.see(`${name} · ${format}`)
      const preview = await counts(at)
      const isNew = (preview['new in the vault'] ?? 0) > 0
      if (isNew) {
        await at.click('Save ')
        await at.see('Delete it and empty the trash')
      }
      const after = await entriesOf(vault)
      expect([name, after.length - before]).toEqual([name, preview['new in the vault'] ?? 0])
      await backToList(at)
      await choose(at, path)
      expect((await counts(at))['new in the vault'] ?? 0).toBe(0)
      await backToList(at)
    }
    const entries = await entriesOf(vault)
    const records = entries.flatMap((entry) => (entry.kind === 'record' ? [entry] : []))
    // Fifteen fields of one item are in the fixture of Bitwarden.
    const many = records.find(({ name }) => name === 'Many fields')
    expect(JSON.stringify(many?.fields)).toContain('Field 14: v14')
    for (const { fields } of records) {
      expect(fields.length).toBeLessThanOrEqual(4)
      expect(fields.filter(({ name, value }) => name === '' || value === '')).toEqual([])
    }
    expect(at.problems).toEqual([])
  })

  test('an import that a kill of the server has broken off is completed by the next one, without doubles', async () => {
    using folder = temporaryFolder()
    const rows = Array.from(
      { length: 1200 },
      (_, at) => `Site ${at},https://s${at}.example/,u,p${at},`,
    )
    const path = join(folder.path, 'many.csv')
    writeFileSync(path, ['name,url,username,password,note', ...rows].join('\n'))
    const dataDir = join(folder.path, 'data')
    const server = await serve(dataDir)
    const target = { url: server.url }
    await using front = startVaultFront(target)
    await createOwner(server)
    let writes = 0
    front.intercept = async ({ method }) => {
      if (method !== 'POST' || ++writes !== 2) return null
      void server.end('SIGKILL')
      return null
    }
    const at = await used.open(front.url)
    await unlock(at)
    await choose(at, path)
    await at.click('Save 1200 entries')
    await at.see('The import stopped.')
    await server.end('SIGKILL')
    await using next = await serve(dataDir)
    target.url = next.url
    await at.page.reload()
    await unlock(at)
    await choose(at, path)
    const { 'new in the vault': left = 0, 'already there, skipped': kept = 0 } = await counts(at)
    expect([left + kept, left > 0, kept > 0]).toEqual([1200, true, true])
    await at.click('Save ')
    await at.see('Delete it and empty the trash')
    const names = (await openVaultOf(next)).vault.value.entries.map(({ name }) => name)
    expect([names.length, new Set(names).size]).toEqual([1200, 1200])
  })

  test('an export wants the master password again, and an empty account is equal after importing it', async () => {
    const texts = [
      { name: 'URL', value: 'https://gitforge.example/login' },
      { name: 'TOTP', value: `otpauth://totp/Gitforge?secret=${files.secret}` },
      { name: 'Folder', value: 'Работа/Servers' },
      { name: 'Notes', value: 'line\nline 🐌' },
    ]
    await using vault = await startFilledVault(
      newRecord({ name: 'Gitforge', texts, isFavorite: true }),
      newRecord({ name: 'Банк', texts: [{ name: 'PIN', value: '0012' }] }),
      newRecord({ name: 'Old forum', isTrashed: true }),
      newNote({ name: 'Door', content: '4711\n"quoted", <b>' }),
    )
    const at = await openUnlocked(used, vault)
    await goTo(at, 'Import and export')
    const exported = () => used.browser.findDownload('.json')
    await typeAgain(at, 'not this one at all', 'Export unencrypted')
    await at.see('This is not your master password.')
    expect(exported()).toBeNull()
    expect(await at.text()).not.toContain('Delete the file when you are done with it')
    await typeAgain(at, owner.masterPassword, 'Export unencrypted')
    await at.see('Saved. Delete the file when you are done with it, and empty the trash.')
    const file = await until(exported, 'the export')

    await using empty = await startVaultPages()
    await using front = startVaultFront(empty.server)
    const other = await openUnlocked(used, { front })
    await choose(other, file)
    await other.click('Save 4 entries')
    await other.see('Delete it and empty the trash')
    expect(contentsOf(await entriesOf(empty))).toEqual(contentsOf(await entriesOf(vault)))
  })

  test('an emergency file opens from the disk without a server, shows everything, and nothing before', async () => {
    const vault = await startFilledVault(
      newRecord({ name: 'Gitforge', login: 'marta.k', password: 'p"w' }),
      newNote({ name: 'Door', content: 'Recovery phone\nis the old one' }),
    )
    const at = await openUnlocked(used, vault)
    const shown = await readEntries(at)
    await goTo(at, 'Import and export')
    await typeAgain(at, 'not this one at all', 'Save emergency file')
    await at.see('This is not your master password.')
    expect(used.browser.findDownload('.html')).toBeNull()
    await typeAgain(at, owner.masterPassword, 'Save emergency file')
    await at.see('Saved. It holds the vault as it is now')
    const path = await until(() => used.browser.findDownload('.html'), 'the emergency file')
    await vault[Symbol.asyncDispose]()
    expect(readFileSync(path, 'utf8')).not.toMatch(/Gitforge|marta\.k|Door/)
    const copy = await used.open(pathToFileURL(path))
    expect(await copy.text()).not.toMatch(/Gitforge|marta\.k|Door/)
    const brand = await copy.page.$eval('.brand', (element) => element.textContent)
    expect(brand).toBe('SnailPassEmergency file')
    await copy.fill('Master password', 'not this one at all')
    await copy.press('Enter')
    await copy.see('This master password doesn’t open the copy')
    await copy.fill('Master password', owner.masterPassword)
    await copy.press('Enter')
    await copy.page.waitForSelector('.app')
    await copy.see(`Emergency copy of ${createTranslator('en').formatDay(Date.now())}`)
    await copy.see('It can be read, not changed.')
    const read = (await readEntries(copy)).map(({ id: _, isFavorite: _f, ...entry }) => entry)
    expect(read).toEqual(shown.map(({ id: _, isFavorite: _f, ...entry }) => entry))
    expect(copy.requests.filter(({ url }) => !/^(?:file|data|blob):/.test(url))).toEqual([])
    expect(copy.problems).toEqual([])
  })
})

/** Types into the field of the form that has this button, and presses it. */
async function typeAgain(at: VaultPage, password: string, action: string): Promise<void> {
  await at.fill('Type your master password again', password, `form.again[aria-label="${action}"]`)
  await at.click(action)
}
