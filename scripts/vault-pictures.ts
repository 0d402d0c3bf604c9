/**
 * Makes the pictures of docs/web-vault.md with a real Chromium: `bun scripts/vault-pictures.ts`. To be run after a change of what
 * they show.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FieldText } from '../src/web/vault/model/fields'
import { launchBrowser } from '../test/support/browsers'
import { anOpenNote, anOpenRecord } from '../test/support/open-entries'
import { owner, startVaultPages } from '../test/support/open-vaults'
import { openVaultPage, type VaultScreen } from '../test/support/vault-browser'

const folder = join(import.meta.dir, '..', 'docs', 'images')

const field = (name: string, value: string): FieldText => ({ name, value })

const gitforge = [
  field('URL', 'https://gitforge.example/login'),
  field('TOTP', 'otpauth://totp/Gitforge?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'),
  field('Tags', 'shared, code'),
  field('Notes', 'The recovery phone is the old one.'),
]

const records = [
  anOpenRecord({ name: 'Gitforge', login: 'marta@example.org', texts: gitforge, isFavorite: true }),
  anOpenRecord({ name: 'Savings bank', login: '40 2210 877', texts: [field('Tags', 'bank')] }),
  ...['Airline miles', 'Allotment society', 'City library', 'Climbing hall', 'Dentist'].map(
    (name) => anOpenRecord({ name, login: 'marta@example.org', texts: [field('Folder', 'Home')] }),
  ),
  anOpenRecord({ name: 'Servers', login: 'root', texts: [field('Folder', 'Work')] }),
  anOpenNote({ name: 'Boiler room, code of the door' }),
  anOpenRecord({ name: 'Old forum', isTrashed: true }),
]

const exported = {
  encrypted: false,
  folders: [],
  items: [
    { type: 1, name: 'Mail', login: { username: 'marta', password: 'x' }, attachments: [{}] },
    { type: 3, name: 'Bank card', card: { number: '4111', code: '123' } },
    { type: 1, name: 'Forum', login: { username: 'marta', password: 'y' } },
    { type: 1, name: '', login: {} },
  ],
}

await using pages = await startVaultPages()
const vault = await pages.open()
for (const record of records)
  await vault.save({ ...record, id: crypto.randomUUID(), revision: null })
await using browser = await launchBrowser()

async function open(screen: VaultScreen) {
  const at = await openVaultPage(
    browser,
    new URL(`http://localhost:${pages.server.url.port}/vault/`),
    screen,
  )
  await at.fill('Email', owner.email)
  await at.fill('Master password', owner.masterPassword)
  await at.press('Enter')
  await at.page.waitForSelector('.app')
  const take = async (name: string) => {
    writeFileSync(join(folder, `${name}.png`), await at.page.screenshot())
  }
  return { ...at, take }
}

const desktop = await open({ width: 1280 })
await desktop.click('Gitforge')
await desktop.click('Copy password')
await desktop.see('Password of Gitforge copied')
await desktop.take('vault-list')
await desktop.click('Import and export')
const file = join(tmpdir(), 'vault-export.json')
writeFileSync(file, JSON.stringify(exported))
const input = await desktop.page.waitForSelector('input[type=file]')
await input?.uploadFile(file)
await desktop.see('Before it is saved')
await desktop.take('vault-import')
const phone = await open({ width: 390, theme: 'dark' })
await phone.click('Gitforge')
await phone.see('gitforge.example')
await phone.take('vault-record-phone')
process.exit(0)
