import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import puppeteer, {
  type Browser,
  type BrowserContext,
  type KeyInput,
  type Page,
} from 'puppeteer-core'
import { until as untilEver } from './until'

/** Debian's programs. `TEST_BROWSER=firefox` takes the other one. */
const programs = { chrome: '/usr/bin/chromium', firefox: '/usr/bin/firefox-esr' } as const

const browserName: keyof typeof programs =
  process.env['TEST_BROWSER'] === 'firefox' ? 'firefox' : 'chrome'

/** Shorter than a test may take, so that a failing one says what did not come. */
const until: typeof untilEver = (condition, what) => untilEver(condition, what, { timeout: 12_000 })

/** Where browsers put what a page offers for download. */
export const downloads = join(tmpdir(), `snailpass-downloads-${process.pid}`)

/** A real browser. `dispose` ends it. */
export async function launchBrowser(): Promise<Browser & AsyncDisposable> {
  const executablePath = programs[browserName]
  if (!existsSync(executablePath))
    throw new Error(`${executablePath} is missing: run ./scripts/tools.sh --all`)
  const home = mkdtempSync(join(tmpdir(), `snailpass-${browserName}-`))
  const browser = await puppeteer.launch({
    ...{ browser: browserName, executablePath },
    // A browser takes half a minute to start on a busy machine.
    timeout: 55_000,
    extraPrefsFirefox: {
      ...{ 'browser.download.folderList': 2, 'browser.download.dir': downloads },
      ...{ 'browser.download.always_ask_before_handling_new_types': false },
    },
    // Root may not use the sandbox.
    args:
      browserName === 'chrome' ? ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] : [],
    env: { ...process.env, HOME: home },
  })
  const close = async () => {
    await browser.close()
    for (const folder of [downloads, home]) rmSync(folder, { recursive: true, force: true })
  }
  return Object.assign(browser, { [Symbol.asyncDispose]: close })
}

export interface VaultScreen {
  readonly width?: number
  readonly theme?: 'light' | 'dark'
  readonly language?: 'en' | 'ru'
}

/** A page of the vault in a browser profile of its own, used by its words as a person would. */
export interface VaultPage {
  readonly page: Page
  readonly context: BrowserContext
  /** What went wrong in the page: exceptions, and what its policy refused. */
  readonly problems: readonly string[]
  /** Addresses and bodies of all requests. */
  readonly requests: readonly { readonly url: string; readonly body: string }[]
  /** Clicks what is seen and has, or is called, this text. */
  click(text: string): Promise<void>
  /** Types into the field with this label. */
  fill(label: string, text: string): Promise<void>
  /** Waits until the page shows a text. */
  see(text: string): Promise<void>
  press(...keys: readonly KeyInput[]): Promise<void>
  text(): Promise<string>
  /** Returns what axe-core finds, and what sticks out of the screen. */
  findFaults(): Promise<readonly string[]>
  clipboard(): Promise<string>
}

export async function openVaultPage(
  browser: Browser,
  url: URL,
  { width = 1280, theme = 'light', language = 'en' }: VaultScreen = {},
): Promise<VaultPage> {
  const context = await browser.createBrowserContext()
  if (url.protocol !== 'file:' && browserName === 'chrome') {
    await context.overridePermissions(url.origin, [
      ...(['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write'] as const),
    ])
  }
  if (browserName === 'chrome') {
    const session = await browser.target().createCDPSession()
    await session.send('Browser.setDownloadBehavior', {
      ...{ behavior: 'allow', downloadPath: downloads },
      ...(context.id !== undefined && { browserContextId: context.id }),
    })
  }
  const page = await context.newPage()
  await page.setViewport({ width, height: 800 })
  if (browserName === 'chrome') {
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: theme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ])
  }
  await page.evaluateOnNewDocument((tag) => {
    Object.defineProperty(navigator, 'languages', { get: () => [tag] })
  }, language)
  const problems: string[] = []
  const requests: { url: string; body: string }[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    const text = message.text()
    // What the server refused is logged by the browser, too, and expected by the test.
    if (message.type() === 'error' && !/Failed to load resource/.test(text)) problems.push(text)
  })
  page.on('request', (request) => {
    // Firefox doesn't tell the bodies.
    const body = browserName === 'chrome' ? (request.postData() ?? '') : ''
    requests.push({ url: request.url(), body })
  })
  await page.goto(url.href)

  const find = async (text: string) => {
    const handle = await page.evaluateHandle(findSeen, text)
    return handle.asElement()
  }
  return {
    ...{ page, context, problems, requests },
    async click(text) {
      await page.bringToFront()
      const element = await until(() => find(text), `"${text}" on the page`)
      await page.evaluate(
        (node) => node instanceof Element && node.scrollIntoView({ block: 'center' }),
        element,
      )
      await page.evaluate((node) => node instanceof HTMLElement && node.click(), element)
    },
    async fill(label, text) {
      await page.bringToFront()
      const field = await until(async () => {
        const handle = await page.evaluateHandle(findField, label)
        return handle.asElement()
      }, `the field "${label}"`)
      await page.evaluate((node) => {
        if (node instanceof HTMLInputElement || node instanceof HTMLTextAreaElement) {
          node.focus()
          node.select()
        }
      }, field)
      if (browserName === 'chrome') await page.keyboard.sendCharacter(text)
      else await page.keyboard.type(text)
    },
    async see(text) {
      await until(
        async () => plain(await page.evaluate(readSeenText)).includes(text),
        `"${text}" to be seen`,
      )
    },
    async press(...keys) {
      await page.bringToFront()
      const held = keys.slice(0, -1)
      for (const key of held) await page.keyboard.down(key)
      const last = keys.at(-1)
      if (last !== undefined) await page.keyboard.press(last)
      for (const key of held) await page.keyboard.up(key)
    },
    text: async () => plain(await page.evaluate(readSeenText)),
    async findFaults() {
      await page.evaluate(axe.source)
      const found: unknown = await page.evaluate(runAxe)
      const faults = Array.isArray(found) ? found.map(String) : ['axe-core did not run']
      const isWide = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      )
      return isWide ? [...faults, 'the page scrolls sideways'] : faults
    },
    clipboard: () => page.evaluate(() => navigator.clipboard.readText()),
  }
}

/** Runs in the page. What is hidden is not seen, so `textContent` would be too much. */
function readSeenText(): string {
  // biome-ignore lint/performance/useDomNodeTextContent: see above
  return document.body.innerText
}

/** Spaces that do not break are no matter of a test. */
function plain(text: string): string {
  return text.replaceAll(/[ \s]+/g, ' ')
}

/** Runs in the page. */
function findSeen(text: string): Element | null {
  const candidates = [...document.querySelectorAll('button, a, summary, label, option, select')]
  const nameOf = (element: Element) => {
    const copy = document.createElement('div')
    copy.append(element.cloneNode(true))
    for (const hidden of copy.querySelectorAll('[aria-hidden=true]')) hidden.remove()
    return (element.getAttribute('aria-label') ?? copy.textContent).replaceAll(/\s+/g, ' ').trim()
  }
  const open = [...document.querySelectorAll('dialog[open], :popover-open')].at(-1)
  const seen = candidates.filter(
    (element) =>
      element.getClientRects().length > 0 && (open === undefined || open.contains(element)),
  )
  return (
    seen.find((element) => nameOf(element) === text) ??
    seen.find((element) => nameOf(element).startsWith(text)) ??
    null
  )
}

/** Runs in the page. */
function findField(label: string): Element | null {
  const open = document.querySelector('dialog[open]') ?? document
  const labels = [...open.querySelectorAll('label[for]')]
  const found = labels.find((element) =>
    (element.textContent ?? '').replaceAll(/\s+/g, ' ').trim().startsWith(label),
  )
  return document.getElementById(found?.getAttribute('for') ?? '')
}

/** Runs in the page, where axe-core is already. */
const runAxe = `axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 160) + ' ' + failureSummary)))`
