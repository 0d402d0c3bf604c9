import { describe, expect, test } from 'bun:test'
import axe from 'axe-core'
import { Window } from 'happy-dom'
import { renderConfirmationEmail, renderTestEmail } from '../../src/mail/messages'
import { pages } from '../support/pages'

const link = 'http://pi:5000/confirm/token'

const documents: [string, string][] = [
  ...pages.map(([name, html]): [string, string] => [`page "${name}"`, html]),
  ['confirmation email', renderConfirmationEmail({ email: 'a@nas.lan', link, minutes: 60 }).html],
  ['test email', renderTestEmail().html],
]

describe.each(documents)('the %s', (_name, html) => {
  test('follows every rule of axe that needs no layout', async () => {
    const violations = await violationsOf(html)
    expect(violations).toEqual([])
  })
})

test('the check finds violations', async () => {
  const wrong = '<!doctype html><html><head></head><body><img src="x"></body></html>'
  expect(await violationsOf(wrong)).toContain('image-alt')
})

/** Returns the rules that a document violates. Contrast is not checked: it needs the layout of a browser. */
async function violationsOf(html: string): Promise<readonly string[]> {
  const window = new Window({ url: 'http://pi:5000/' })
  window.document.write(html)
  // axe takes its globals from the document that it gets.
  const document = window.document.documentElement as unknown as Element
  const result = await axe.run(document, { rules: { 'color-contrast': { enabled: false } } })
  await window.happyDOM.close()
  return result.violations.map(({ id }) => id)
}
