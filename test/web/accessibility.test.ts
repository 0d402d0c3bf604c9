import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import axe from 'axe-core'
import { Window } from 'happy-dom'
import {
  renderConfirmationEmail,
  renderInvitationEmail,
  renderPasswordChangedEmail,
  renderTestEmail,
} from '../../src/mail/messages'
import { pages } from '../support/pages'

// A check takes most of a second, on a busy machine more.
setDefaultTimeout(300_000)

const link = 'http://pi:5000/confirm/token'
const invitation = { email: 'a@nas.lan', address: 'http://pi:5000/' }

const documents: [string, string][] = [
  ...pages.map(([name, html]): [string, string] => [`page "${name}"`, html]),
  ['confirmation email', renderConfirmationEmail({ email: 'a@nas.lan', link, minutes: 60 }).html],
  ['invitation email', renderInvitationEmail(invitation).html],
  [
    'email about a new master password',
    renderPasswordChangedEmail({ email: 'a@nas.lan', address: 'http://pi:5000/', time: 0 }).html,
  ],
  ['test email', renderTestEmail().html],
]

/** Rules that each document must have been checked by: axe skips a rule whose elements it does not find. */
const rulesForAll = [
  'document-title',
  'empty-heading',
  'heading-order',
  'html-has-lang',
  'html-lang-valid',
  'landmark-main-is-top-level',
  'landmark-no-duplicate-main',
  'meta-viewport',
  'region',
]

/** Rules for what only some documents have. */
const moreRules: Readonly<Record<string, readonly string[]>> = {
  'page "/"': ['aria-hidden-focus', 'link-name'],
  'page "/ca"': ['aria-hidden-focus', 'link-name', 'list', 'listitem', 'summary-name'],
  'confirmation email': ['link-name'],
  'invitation email': ['link-name'],
  'email about a new master password': ['link-name'],
}

describe.each(documents)('the %s', (name, html) => {
  test('follows every rule of axe that needs no layout', async () => {
    const { violations, passes } = await check(html)
    expect(violations).toEqual([])
    const expected = [...rulesForAll, ...(moreRules[name] ?? [])]
    expect(expected.filter((rule) => !passes.includes(rule))).toEqual([])
  })

  // axe can't decide these two without a browser.
  test('has one main part with one heading, which is not empty', async () => {
    const { mains, headings } = await outlineOf(html)
    expect(mains).toBe(1)
    expect(headings).toEqual([expect.stringMatching(/\S/)])
  })
})

const head = '<title>x</title>'
const heading = '<main><h1>x</h1></main>'
const withMain = (markup: string) => `<main><h1>x</h1>${markup}</main>`

test.each([
  ['image-alt', withMain('<img src="x">'), head, ' lang="en"'],
  ['html-has-lang', heading, head, ''],
  ['html-lang-valid', heading, head, ' lang="xx-yy"'],
  ['document-title', heading, '', ' lang="en"'],
  [
    'meta-viewport',
    heading,
    `${head}<meta name="viewport" content="user-scalable=no">`,
    ' lang="en"',
  ],
  ['link-name', withMain('<a href="/x"></a>'), head, ' lang="en"'],
  ['heading-order', withMain('<h4>y</h4>'), head, ' lang="en"'],
  ['empty-heading', '<main><h1></h1></main>', head, ' lang="en"'],
  ['list', withMain('<ol><p>y</p></ol>'), head, ' lang="en"'],
  ['listitem', withMain('<li>y</li>'), head, ' lang="en"'],
  ['summary-name', withMain('<details><summary></summary>y</details>'), head, ' lang="en"'],
  ['region', `<p>outside</p>${heading}`, head, ' lang="en"'],
  ['landmark-no-duplicate-main', `${heading}<main><p>y</p></main>`, head, ' lang="en"'],
])('the check finds violations of %s', async (rule, body, start, language) => {
  const wrong = `<!doctype html><html${language}><head>${start}</head><body>${body}</body></html>`
  expect((await check(wrong)).violations).toContain(rule)
})

test('a document without content is not checked by the rules for content', async () => {
  const empty = `<!doctype html><html lang="en"><head>${head}</head><body><main></main></body></html>`
  const { violations, passes } = await check(empty)
  expect(violations).toEqual([])
  expect(passes).not.toContain('empty-heading')
  expect(await outlineOf(empty)).toEqual({ mains: 1, headings: [] })
})

/** Returns the rules that a document violates, and those that it follows. Contrast needs the layout of a browser. */
async function check(
  html: string,
): Promise<{ violations: readonly string[]; passes: readonly string[] }> {
  await using window = openWindow(html)
  // axe takes its globals from the document that it gets.
  const document = window.document.documentElement as unknown as Element
  const result = await axe.run(document, { rules: { 'color-contrast': { enabled: false } } })
  const idsOf = (list: readonly { id: string }[]) => list.map(({ id }) => id)
  return { violations: idsOf(result.violations), passes: idsOf(result.passes) }
}

async function outlineOf(html: string): Promise<{ mains: number; headings: readonly string[] }> {
  await using window = openWindow(html)
  const { document } = window
  return {
    mains: document.querySelectorAll('main').length,
    headings: [...document.querySelectorAll('h1')].map(({ textContent }) => textContent),
  }
}

function openWindow(html: string) {
  const window = new Window({ url: 'http://pi:5000/' })
  // What is folded away counts too.
  window.document.write(html.replaceAll('<details>', '<details open>'))
  return {
    document: window.document,
    [Symbol.asyncDispose]: async () => await window.happyDOM.close(),
  }
}
