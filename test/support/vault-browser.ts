import axe from 'axe-core'
import type { BrowserContext, HTTPRequest, KeyInput, Page } from 'puppeteer-core'
import type { TestBrowser } from './browsers'
import { until as untilEver } from './until'

/** To look at a page takes the browser milliseconds, which the page needs itself. */
const until: typeof untilEver = (condition, what) => untilEver(condition, what, { interval: 40 })

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
  /** Types into the field with this label; `within` is a selector of the part of the page that is meant. */
  fill(label: string, text: string, within?: string): Promise<void>
  /** Waits until the page shows a text. */
  see(text: string): Promise<void>
  press(...keys: readonly KeyInput[]): Promise<void>
  text(): Promise<string>
  /** Returns what axe-core finds, and what sticks out of the screen. */
  findFaults(): Promise<readonly string[]>
  clipboard(): Promise<string>
}

export async function openVaultPage(
  browser: TestBrowser,
  url: URL,
  screen: VaultScreen = {},
): Promise<VaultPage> {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  await setScreen(browser, { context, page, url }, screen)
  const problems: string[] = []
  const requests: { url: string; body: string }[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    const text = message.text()
    // What the server refused is logged by the browser, too, and expected by the test.
    if (message.type() === 'error' && !/Failed to load resource/.test(text)) problems.push(text)
  })
  page.on('request', (request) => {
    const sent = { url: request.url(), body: '' }
    requests.push(sent)
    void readBody(browser, request).then((body) => {
      sent.body = body
    })
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
    async fill(label, text, within = 'dialog[open], body') {
      await page.bringToFront()
      const field = await until(async () => {
        const handle = await page.evaluateHandle(findField, label, within)
        return handle.asElement()
      }, `the field "${label}"`)
      await page.evaluate(typeOver, field, text)
    },
    async see(text) {
      let seen = ''
      await until(async () => {
        seen = plain(await page.evaluate(readSeenText))
        return seen.includes(text)
      }, `"${text}" to be seen`).catch((error: unknown) => {
        throw new Error(`the page shows: ${seen.slice(0, 2000)}`, { cause: error })
      })
    },
    async press(...keys) {
      await page.bringToFront()
      // With a mouse the focus begins in the search, where a shortcut of one key would be typed.
      if (keys.length === 1 && keys[0]?.length === 1) await page.evaluate(leaveSearch)
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
      return [
        ...faults,
        ...(await page.evaluate(findOverflow)),
        ...(await page.evaluate(findCutWords)),
      ]
    },
    async clipboard() {
      const text = await page.evaluate(() => navigator.clipboard.readText().catch(() => null))
      return text ?? pasteElsewhere(page, context)
    },
  }
}

/** Sets what the page may and what it is told of screen and person, by the means that each browser has. */
async function setScreen(
  browser: TestBrowser,
  { context, page, url }: { context: BrowserContext; page: Page; url: URL },
  { width = 1280, theme = 'light', language = 'en' }: VaultScreen,
): Promise<void> {
  await page.setViewport({ width, height: 800 })
  await page.evaluateOnNewDocument((tag) => {
    Object.defineProperty(navigator, 'languages', { get: () => [tag] })
  }, language)
  if (browser.kind === 'firefox') {
    // WebDriver BiDi can't say which colours the system has, so this is somebody who has chosen them in the page.
    if (theme === 'dark')
      await page.evaluateOnNewDocument(() => {
        localStorage.setItem('snailpass.settings', '{"theme":"dark"}')
      })
    return
  }
  await page.setUserAgent({ userAgent: (await browser.userAgent()).replace('Headless', '') })
  // What it sets ends with the session.
  const session = await browser.target().createCDPSession()
  await session.send('Browser.setDownloadBehavior', {
    ...{ behavior: 'allow', downloadPath: browser.downloads },
    ...(context.id !== undefined && { browserContextId: context.id }),
  })
  if (url.protocol === 'https:' || url.hostname === 'localhost') {
    await context.overridePermissions(url.origin, [
      ...(['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write'] as const),
    ])
  }
  await page.emulateMediaFeatures([
    { name: 'prefers-color-scheme', value: theme },
    { name: 'prefers-reduced-motion', value: 'reduce' },
  ])
}

/** Firefox lets a page read what a page of the same origin has copied, and nothing else. */
async function pasteElsewhere(page: Page, context: BrowserContext): Promise<string> {
  const other = await context.newPage()
  await other.evaluate(() => {
    document.body.append(document.createElement('textarea'))
    document.querySelector('textarea')?.focus()
  })
  await other.keyboard.down('Control')
  await other.keyboard.press('v')
  await other.keyboard.up('Control')
  const text = await other.evaluate(() => document.querySelector('textarea')?.value ?? '')
  await other.close()
  await page.bringToFront()
  return text
}

async function readBody({ kind }: TestBrowser, request: HTTPRequest): Promise<string> {
  if (kind === 'chromium') return request.postData() ?? ''
  if (!request.hasPostData()) return ''
  // A page that is closed has no bodies any more.
  return (await request.fetchPostData().catch(() => undefined)) ?? ''
}

/** Runs in the page. */
function typeOver(field: Node, text: string): void {
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return
  field.focus()
  field.select()
  // As the keyboard does, in one step.
  document.execCommand(text === '' ? 'delete' : 'insertText', false, text)
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
function findField(label: string, within: string): Element | null {
  // The innermost: what is behind an open dialog is not meant.
  const part = [...document.querySelectorAll(within)].at(-1)
  const labels = [...(part?.querySelectorAll('label[for]') ?? [])]
  const found = labels.find((element) =>
    (element.textContent ?? '').replaceAll(/\s+/g, ' ').trim().startsWith(label),
  )
  const field = document.getElementById(found?.getAttribute('for') ?? '')
  // A dialog is there a moment before it is seen, and until then nothing in it takes the focus.
  return field !== null && field.getClientRects().length > 0 ? field : null
}

/** Runs in the page. */
function leaveSearch(): void {
  document.querySelector<HTMLElement>('#search:focus')?.blur()
}

/** Runs in the page. Beside the door, lists and forms scroll and the page does not. */
function findOverflow(): string[] {
  const { scrollWidth, clientWidth, scrollHeight } = document.documentElement
  const isOpen = document.querySelector('.app') !== null
  return [
    ...(scrollWidth > clientWidth ? ['the page scrolls sideways'] : []),
    ...(isOpen && scrollHeight > innerHeight ? [`the page is ${scrollHeight} px high`] : []),
  ]
}

/** Runs in the page. Returns the words on controls that are broken in two for lack of room, but for names, which people chose. */
function findCutWords(): string[] {
  const cut: string[] = []
  for (const control of document.querySelectorAll('button:not(.open, .tag), label')) {
    const texts = document.createTreeWalker(control, NodeFilter.SHOW_TEXT)
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      for (const { 0: word, index } of (node.nodeValue ?? '').matchAll(/\p{L}+/gu)) {
        const range = document.createRange()
        range.setStart(node, index)
        range.setEnd(node, index + word.length)
        const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)))
        if (lines.size > 1) cut.push(`"${word}" is cut on a ${control.localName}`)
      }
    }
  }
  return cut
}

/** Runs in the page, where axe-core is already. */
const runAxe = `axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 160) + ' ' + failureSummary)))`
