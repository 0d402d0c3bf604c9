/** Makes the pictures of the documents, always of the same moment. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../../src/version'
import { renderIndexPage } from '../../src/web/index-page'
import type { FieldText } from '../../src/web/vault/model/fields'
import { newNote, newRecord, unlock, vaultAt } from './acceptance'
import { launchBrowser, type TestBrowser } from './browsers'
import { startVaultPages } from './open-vaults'
import { fakeClock } from './timing'
import { openVaultPage, type VaultPage, type VaultScreen } from './vault-browser'

/** The folder of the pictures in the repository. */
export const docsPictures = 'docs/images'

/** The same day in every time zone but those of a few islands. */
const moment = Date.UTC(2026, 10, 23, 10, 0, 4)

const field = (name: string, value: string): FieldText => ({ name, value })

const gitforge = [
  field('URL', 'https://gitforge.example/login'),
  field('TOTP', 'otpauth://totp/Gitforge?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'),
  field('Tags', 'shared, code'),
  field('Notes', 'The recovery phone is the old one.'),
]

const entries = [
  newRecord({ name: 'Gitforge', login: 'marta@example.org', texts: gitforge, isFavorite: true }),
  newRecord({ name: 'Savings bank', login: '40 2210 877', texts: [field('Tags', 'bank')] }),
  ...['Airline miles', 'Allotment society', 'City library', 'Climbing hall', 'Dentist'].map(
    (name) => newRecord({ name, login: 'marta@example.org', texts: [field('Folder', 'Home')] }),
  ),
  newRecord({ name: 'Servers', login: 'root', texts: [field('Folder', 'Work')] }),
  newNote({ name: 'Boiler room, code of the door' }),
  newRecord({ name: 'Old forum', isTrashed: true }),
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

interface VaultPicture extends VaultScreen {
  readonly width: number
  /** Shows what the picture is of, in a vault that was just unlocked. */
  show(at: VaultPage, browser: TestBrowser): Promise<void>
}

const vaultPictures: Readonly<Record<string, VaultPicture>> = {
  'vault-list.png': {
    width: 1280,
    async show(at) {
      await at.click('Gitforge')
      await at.click('Copy password')
      await at.see('Password of Gitforge copied')
    },
  },
  'vault-import.png': {
    width: 1280,
    async show(at, browser) {
      await at.click('Import and export')
      const file = join(browser.downloads, 'vault-export.json')
      writeFileSync(file, JSON.stringify(exported))
      const input = await at.page.waitForSelector('input[type=file]')
      await input?.uploadFile(file)
      await at.see('Before it is saved')
    },
  },
  'vault-record-phone.png': {
    ...{ width: 390, theme: 'dark' },
    async show(at) {
      await at.click('Gitforge')
      await at.see('gitforge.example')
    },
  },
}

const indexPicture = { name: 'index-page.png', width: 648, height: 1020, scale: 2 }

interface PictureSize {
  readonly width: number
  readonly height: number
}

/** The file names of all pictures, with their sizes in pixels. */
export const pictureSizes: ReadonlyMap<string, PictureSize> = new Map([
  [
    indexPicture.name,
    {
      width: indexPicture.width * indexPicture.scale,
      height: indexPicture.height * indexPicture.scale,
    },
  ],
  ...Object.entries(vaultPictures).map(
    ([name, { width }]) => [name, { width, height: 800 }] as const,
  ),
])

/** Writes all pictures into a folder, whatever fonts this machine has beside those of Debian's Chromium. */
export async function takePictures(folder: string): Promise<void> {
  await using browser = await launchBrowser('chromium', { hasFewFonts: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, indexPicture.name), await takeIndexPage(browser))
  await using pages = await startVaultPages({}, { clock: fakeClock(moment) })
  const vault = await pages.open()
  for (const entry of entries) await vault.save(entry)
  for (const [name, picture] of Object.entries(vaultPictures)) {
    const at = await openVaultPage(browser, vaultAt(pages.server), picture)
    await at.page.evaluateOnNewDocument((now) => {
      Date.now = () => now
    }, moment)
    await at.page.reload()
    await unlock(at)
    await picture.show(at, browser)
    writeFileSync(join(folder, name), await at.page.screenshot())
    await at.context.close()
  }
}

async function takeIndexPage(browser: TestBrowser): Promise<Uint8Array> {
  const { width, height, scale } = indexPicture
  const address = new URL('http://192.168.1.5:5000/')
  const page = await browser.newPage()
  await page.setViewport({ width, height, deviceScaleFactor: scale })
  await page.setContent(
    renderIndexPage({
      version,
      address,
      httpAddress: address,
      hasAuthority: false,
      signUps: { mode: 'open', domains: [] },
    }),
  )
  const picture = await page.screenshot()
  await page.close()
  return picture
}

/**
 * Returns the share of an image, from 0 to 1, in which another one (PNG) of its size has other colours. Squares of 16 pixels are
 * compared by their means, so that edges of glyphs, which each version of a browser draws a little differently, are no difference.
 */
export async function compareImages(
  browser: TestBrowser,
  images: readonly [Uint8Array, Uint8Array],
): Promise<number> {
  const page = await browser.newPage()
  const urls = images.map(
    (bytes) => `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`,
  )
  const share = await page.evaluate(findDifference, urls)
  await page.close()
  return share
}

/** Runs in the page. */
async function findDifference(urls: readonly string[]): Promise<number> {
  const [side, maxDifference] = [16, 12]
  const [means = [], others = []] = await Promise.all(
    urls.map(async (url) => {
      const image = new Image()
      image.src = url
      await image.decode()
      const { width, height } = image
      const context = new OffscreenCanvas(width, height).getContext('2d')
      context?.drawImage(image, 0, 0)
      const { data = [] } = context?.getImageData(0, 0, width, height) ?? {}
      const columns = Math.ceil(width / side)
      // Red, green, blue and opacity of each square.
      const sums = new Float64Array(columns * Math.ceil(height / side) * 4)
      for (const [index, value] of data.entries()) {
        const [x, y] = [(index >> 2) % width, Math.floor((index >> 2) / width)]
        const square = Math.floor(y / side) * columns + Math.floor(x / side)
        sums[square * 4 + (index & 3)] = (sums[square * 4 + (index & 3)] ?? 0) + value
      }
      return sums.map((sum) => sum / side ** 2)
    }),
  )
  const different = new Set<number>()
  for (const [index, mean] of means.entries())
    if (Math.abs(mean - (others[index] ?? 0)) > maxDifference) different.add(index >> 2)
  return different.size / (means.length / 4)
}
