import { afterAll, beforeAll } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer, { type Browser, type LaunchOptions } from 'puppeteer-core'
import { openVaultPage, type VaultPage, type VaultScreen } from './vault-browser'

export type BrowserKind = 'chromium' | 'firefox'

/** Where a test runs: the widths are those of a phone and of a desktop. */
export interface BrowserTrial {
  readonly kind: BrowserKind
  readonly width: 360 | 1280
}

/** Whether tests run in each browser at each width (`TEST_BROWSERS=all`), or once. */
export const isEachBrowser = process.env['TEST_BROWSERS'] === 'all'

/** Returns the one trial of the quick test command, at this width, or all four. For `describe.each`. */
export function browserTrials(width: BrowserTrial['width']): readonly BrowserTrial[] {
  if (!isEachBrowser) return browserTrialsAt(width)
  return ([360, 1280] as const).flatMap(browserTrialsAt)
}

/** Returns the trials at this width alone: it is what their tests are about. */
export function browserTrialsAt(width: BrowserTrial['width']): readonly BrowserTrial[] {
  const kinds = isEachBrowser ? (['chromium', 'firefox'] as const) : (['chromium'] as const)
  return kinds.map((kind) => ({ kind, width }))
}

/** A real browser. `dispose` ends it. */
export type TestBrowser = Browser &
  AsyncDisposable & {
    readonly kind: BrowserKind
    /** Where it puts what a page offers for download. */
    readonly downloads: string
    /** Returns the path of a file that was downloaded whole, by the end of its name; null if there is none. */
    findDownload(end: string): string | null
  }

interface BrowserOptions {
  /** A certificate (PEM) of an authority that it trusts. */
  readonly authority?: string
  /** A name that it takes for this machine, and for no secure context by itself. */
  readonly localName?: string
  /** Whether it has the fonts on which Debian's Chromium depends, and no others: it draws the same on every machine. */
  readonly hasFewFonts?: boolean
}

const programs = {
  chromium: { path: '/usr/bin/chromium', install: './scripts/tools.sh' },
  firefox: { path: '/usr/bin/firefox-esr', install: './scripts/tools.sh --all' },
} as const

/** Where tests run that do not run in each browser. */
export const usualTrial: BrowserTrial = { kind: 'chromium', width: 1280 }

export async function launchBrowser(
  kind: BrowserKind = usualTrial.kind,
  options: BrowserOptions = {},
): Promise<TestBrowser> {
  const { path, install } = programs[kind]
  if (!existsSync(path)) throw new Error(`${kind} is missing: run ${install}`)
  const home = mkdtempSync(join(tmpdir(), `snailpass-${kind}-`))
  const downloads = join(home, 'downloads')
  mkdirSync(downloads)
  if (options.authority !== undefined) await trustAuthority(kind, home, options.authority)
  const launch = kind === 'firefox' ? firefoxOptions : chromiumOptions
  const fonts = options.hasFewFonts === true ? { FONTCONFIG_FILE: limitFonts(home) } : {}
  const env = { ...process.env, ...fonts, HOME: home }
  const browser = await puppeteer.launch({
    ...launch({ home, downloads, ...options }),
    ...{ executablePath: path, env },
    // A browser takes half a minute to start on a busy machine.
    timeout: 120_000,
  })
  return Object.assign(browser, {
    ...{ kind, downloads },
    findDownload: (end: string) => findWhole(downloads, end),
    [Symbol.asyncDispose]: async () => {
      await browser.close()
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  })
}

/** Firefox begins with an empty file, and has the rest beside it. */
function findWhole(downloads: string, end: string): string | null {
  const names = readdirSync(downloads)
  const path = (name: string) => join(downloads, name)
  const isWhole = (name: string) => statSync(path(name)).size > 0 && !names.includes(`${name}.part`)
  const found = names.find((name) => name.endsWith(end) && isWhole(name))
  return found === undefined ? null : path(found)
}

type Places = BrowserOptions & { readonly home: string; readonly downloads: string }

/** Without a screen Chromium has no pointer, and would never show what is for a mouse. */
const withMouse = `--blink-settings=${[
  ...['primaryHoverType=2', 'availableHoverTypes=2'],
  ...['primaryPointerType=4', 'availablePointerTypes=4'],
].join(',')}`

function chromiumOptions({ localName }: Places): LaunchOptions {
  const rule = localName === undefined ? [] : [`--host-resolver-rules=MAP ${localName} 127.0.0.1`]
  // Root may not use the sandbox.
  return { args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', withMouse, ...rule] }
}

/** WebDriver BiDi has no command for these, so they are preferences of the profile. */
function firefoxOptions({ home, downloads, localName, authority }: Places): LaunchOptions {
  return {
    browser: 'firefox',
    ...(authority !== undefined && { userDataDir: join(home, 'profile') }),
    extraPrefsFirefox: {
      'ui.prefersReducedMotion': 1,
      'browser.download.folderList': 2,
      'browser.download.dir': downloads,
      'browser.download.always_ask_before_handling_new_types': false,
      'network.dns.localDomains': localName ?? '',
    },
  }
}

/** Returns the path of settings for fontconfig. Whatever the browser calls the font of the system, it gets the one without serifs. */
function limitFonts(home: string): string {
  const file = join(home, 'fonts.conf')
  const use = (font: string, mode: string) =>
    `<edit name="family" mode="${mode}"><string>${font}</string></edit>`
  const isMono = '<test name="family"><string>monospace</string></test>'
  writeFileSync(
    file,
    `<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir><cachedir>${home}</cachedir>
    <match>${isMono}${use('DejaVu Sans Mono', 'assign')}</match>
    <match>${use('DejaVu Sans', 'append_last')}</match></fontconfig>`,
  )
  return file
}

/** Both browsers keep what they trust in a database of NSS. */
async function trustAuthority(kind: BrowserKind, home: string, pem: string): Promise<void> {
  const store = kind === 'firefox' ? join(home, 'profile') : join(home, '.pki', 'nssdb')
  mkdirSync(store, { recursive: true })
  const file = join(home, 'authority.pem')
  await Bun.write(file, pem)
  const database = ['-d', `sql:${store}`]
  for (const command of [
    ['-N', '--empty-password', ...database],
    ['-A', ...database, '-n', 'SnailPass', '-t', 'C,,', '-i', file],
  ]) {
    const tool = Bun.spawn(['certutil', ...command], { stdin: 'ignore', stderr: 'pipe' })
    if ((await tool.exited) !== 0) throw new Error(await new Response(tool.stderr).text())
  }
}

/** A browser for all tests of a `describe`. */
export interface UsedBrowser {
  readonly browser: TestBrowser
  /** Opens the vault in a profile of its own, as wide as the trial says. */
  open(url: URL, screen?: VaultScreen): Promise<VaultPage>
}

/** Launches the browser of a trial before the tests of a `describe`, or of a file, and ends it after them. */
export function useBrowser(
  { kind, width }: BrowserTrial,
  options: () => BrowserOptions = () => ({}),
): UsedBrowser {
  let browser: TestBrowser | null = null
  beforeAll(async () => {
    browser = await launchBrowser(kind, options())
  }, 300_000)
  afterAll(() => browser?.[Symbol.asyncDispose](), 300_000)
  const running = () => {
    if (browser === null) throw new Error('the browser does not run yet')
    return browser
  }
  return {
    get browser() {
      return running()
    },
    open: (url, screen) => openVaultPage(running(), url, { width, ...screen }),
  }
}
