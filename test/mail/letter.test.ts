import { describe, expect, test } from 'bun:test'
import {
  renderConfirmationLetter,
  renderInvitationLetter,
  renderTestLetter,
} from '../../src/mail/letter'

const link = `http://pi:5000/confirm/${'x'.repeat(200)}`
const letters = [
  [
    'to confirm an email',
    renderConfirmationLetter({ email: 'owner@nas.local', link, minutes: 60 }),
  ],
  [
    'to invite somebody',
    renderInvitationLetter({ email: 'owner@nas.local', address: 'http://pi.local:5000/' }),
  ],
  ['to test mail', renderTestLetter()],
] as const

describe.each(letters)('the letter %s', (_name, letter) => {
  test('reads as it should', () => {
    expect(letter.subject).toMatchSnapshot()
    expect(letter.text).toMatchSnapshot()
    expect(letter.html).toMatchSnapshot()
  })

  test('loads nothing from anywhere and runs no script', () => {
    expect(letter.html).not.toMatch(
      /<script|<img|<iframe|\son\w+=|javascript:|@import|url\(|<link/i,
    )
  })

  test('has lines that every text client shows whole, but for a link in one piece', () => {
    for (const line of letter.text.split('\n')) {
      if (!line.startsWith('http')) expect(line.length).toBeLessThanOrEqual(72)
    }
  })
})

test('what comes in is escaped in HTML, and left as it is in plain text', () => {
  const email = '"<b>&x"@nas.local'
  const { html, text } = renderConfirmationLetter({
    email,
    link: 'http://pi/confirm/a',
    minutes: 1,
  })
  expect(html).not.toContain('<b>')
  expect(html).toContain('&lt;b')
  expect(text.replaceAll('\n', ' ')).toContain(email)
  expect(text).toContain('works for one minute')
})
