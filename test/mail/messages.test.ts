import { describe, expect, test } from 'bun:test'
import {
  renderConfirmationEmail,
  renderInvitationEmail,
  renderPasswordChangedEmail,
  renderTestEmail,
} from '../../src/mail/messages'

const link = `http://pi:5000/confirm/${'x'.repeat(200)}`
const emails = [
  ['to confirm an email', renderConfirmationEmail({ email: 'owner@nas.local', link, minutes: 60 })],
  [
    'to invite someone',
    renderInvitationEmail({ email: 'owner@nas.local', address: 'http://pi.local:5000/' }),
  ],
  [
    'about a new master password',
    renderPasswordChangedEmail({
      ...{ email: 'owner@nas.local', address: 'http://pi.local:5000/' },
      time: Date.UTC(2026, 10, 23, 16, 31, 4),
    }),
  ],
  ['to test mail', renderTestEmail()],
] as const

describe.each(emails)('the email %s', (_name, message) => {
  test('has its texts', () => {
    expect(message.subject).toMatchSnapshot()
    expect(message.text).toMatchSnapshot()
    expect(message.html).toMatchSnapshot()
  })

  test('loads nothing and runs no script', () => {
    expect(message.html).not.toMatch(
      /<script|<img|<iframe|\son\w+=|javascript:|@import|url\(|<link/i,
    )
  })

  test('has lines of at most 72 characters, except for links', () => {
    for (const line of message.text.split('\n')) {
      if (!line.startsWith('http')) expect(line.length).toBeLessThanOrEqual(72)
    }
  })
})

test.each([
  [1, 'one minute'],
  [2, '2 minutes'],
  [59, '59 minutes'],
  [60, 'an hour'],
  [61, '61 minutes'],
])('a link that works for %p minutes works for %s', (minutes, words) => {
  const { text, html } = renderConfirmationEmail({ email: 'a@b', link: 'http://pi/', minutes })
  expect(text).toContain(`The link works for ${words}. `)
  expect(html).toContain(`<p>The link works for ${words}. `)
})

test('a paragraph of the plain text is wrapped after 72 characters', () => {
  const linesFor = (length: number) =>
    renderConfirmationEmail({ email: 'x'.repeat(length), link: 'http://pi/', minutes: 60 })
      .text.split('\n\n')[1]
      ?.split('\n')
  // "An account for ", the address, " was created on a"
  expect(linesFor(72 - 15 - 17)?.[0]).toBe(`An account for ${'x'.repeat(40)} was created on a`)
  expect(linesFor(73 - 15 - 17)?.[0]).toBe(`An account for ${'x'.repeat(41)} was created on`)
})

test('input is escaped in HTML, and unchanged in plain text', () => {
  const email = '"<b>&x"@nas.local'
  const { html, text } = renderConfirmationEmail({
    email,
    link: 'http://pi/confirm/a',
    minutes: 1,
  })
  expect(html).not.toContain('<b>')
  expect(html).toContain('&lt;b')
  expect(text.replaceAll('\n', ' ')).toContain(email)
  expect(text).toContain('works for one minute')
})
