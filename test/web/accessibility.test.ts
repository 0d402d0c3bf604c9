import { describe, expect, test } from 'bun:test'
import axe from 'axe-core'
import { Window } from 'happy-dom'
import { renderConfirmationEmail, renderTestEmail } from '../../src/mail/messages'
import { pages } from '../support/pages'

const link = 'http://pi:5000/confirm/token'

const documents: [string, string][] = [
  ...pages.map(([name, html]): [string, string] => [`page "${name}"`, html]),
  ['letter', renderConfirmationEmail({ email: 'a@nas.lan', link, minutes: 60 }).html],
  ['test letter', renderTestEmail().html],
]

describe.each(documents)('the %s', (_name, html) => {
  test('meets every rule of axe that needs no layout', async () => {
    const violations = await violationsOf(html)
    expect(violations).toEqual([])
  })
})

test('the check finds what is wrong', async () => {
  const wrong = '<!doctype html><html><head></head><body><img src="x"></body></html>'
  expect(await violationsOf(wrong)).toContain('image-alt')
})

/** The rules that a document breaks. Contrast needs a browser's layout. */
async function violationsOf(html: string): Promise<readonly string[]> {
  const window = new Window({ url: 'http://pi:5000/' })
  window.document.write(html)
  // axe takes its globals from the document that it is given.
  const document = window.document.documentElement as unknown as Element
  const result = await axe.run(document, { rules: { 'color-contrast': { enabled: false } } })
  await window.happyDOM.close()
  return result.violations.map(({ id }) => id)
}
