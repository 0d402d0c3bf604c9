import type { ComponentChildren } from 'preact'
import { renderToStaticMarkup } from 'preact-render-to-string'

/** An email as it is sent: the same words as plain text and as HTML. */
export interface RenderedEmail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** Returns the email that asks its reader to confirm an email address on the page at `link`, which works for `minutes`. */
export function renderConfirmationEmail(message: {
  email: string
  link: string
  minutes: number
}): RenderedEmail {
  const { email, link, minutes } = message
  const title = 'Confirm your email'
  const lead = `An account for ${email} was created on a SnailPass server. If this was you, open this link and press the button there to confirm your email:`
  const expiry = `The link works for ${formatLifetime(minutes)}. If it has expired, sign in with your client, and you will get a new one.`
  const ifNotYou =
    "If this wasn't you, ignore this email; unconfirmed accounts are deleted automatically."
  return {
    subject: 'Confirm your email for SnailPass',
    text: [title, lead, link, expiry, ifNotYou, '-- \nSnailPass'].map(wrapText).join('\n\n'),
    html: renderHtml(
      title,
      <>
        <p>{lead}</p>
        <p class="action">
          <a href={link}>Confirm {email}</a>
        </p>
        <p>{expiry}</p>
        <p>{ifNotYou}</p>
        <p class="quiet">
          If the button does not work, copy this address into your browser: <br />
          <span>{link}</span>
        </p>
      </>,
    ),
  }
}

/** Returns the email that invites its reader to sign up. `address` is the server's, as browsers and clients use it. */
export function renderInvitationEmail(message: { email: string; address: string }): RenderedEmail {
  const { email, address } = message
  const title = 'You are invited to SnailPass'
  const lead =
    'The operator of a SnailPass server invites you to keep your passwords there, in a vault that only you can open. The address of the server is:'
  const how = `That page shows how to enter the address in your client. Then sign up with exactly this email address, in lower case: ${email}. The invitation is valid only for this address.`
  const ifNotYou = 'If you did not expect this, ignore this email; no account was created.'
  return renderAddressEmail({
    ...{ subject: 'You are invited to a SnailPass server', title, lead, address },
    paragraphs: [how, ifNotYou],
  })
}

/** Returns the email that tells an owner of a new master password. `time` is in milliseconds since 1970 (UTC). */
export function renderPasswordChangedEmail(message: {
  email: string
  /** The server's, as browsers and clients use it. */
  address: string
  time: number
}): RenderedEmail {
  const { email, address, time } = message
  const title = 'Your master password was changed'
  const when = new Date(time).toUTCString().replace('GMT', 'UTC')
  const lead = `On ${when}, the master password of ${email} was changed on this SnailPass server, and all devices were signed out:`
  const next =
    'Sign in on each device with the new master password. Until then, a device opens the copy it keeps with the old one.'
  const ifNotYou =
    "If this wasn't you, ask the person who runs the server to disable the account at once, and change the passwords that you kept in it."
  return renderAddressEmail({
    ...{ subject: 'Your SnailPass master password was changed', title, lead, address },
    paragraphs: [next, ifNotYou],
  })
}

/** Returns an email with the address of the server below its first paragraph. */
function renderAddressEmail(parts: {
  subject: string
  title: string
  lead: string
  address: string
  paragraphs: readonly string[]
}): RenderedEmail {
  const { subject, title, lead, address, paragraphs } = parts
  return {
    subject,
    text: [title, lead, address, ...paragraphs, '-- \nSnailPass'].map(wrapText).join('\n\n'),
    html: renderHtml(
      title,
      <>
        <p>{lead}</p>
        <p class="action">
          <a href={address}>{address}</a>
        </p>
        {paragraphs.map((paragraph) => (
          <p>{paragraph}</p>
        ))}
      </>,
    ),
  }
}

/** Returns the email with which an operator tests the mail settings. */
export function renderTestEmail(): RenderedEmail {
  const title = 'Mail works'
  const body = "Your SnailPass server can send email. You don't need to do anything."
  return {
    subject: 'Test email from SnailPass',
    text: [title, body, '-- \nSnailPass'].map(wrapText).join('\n\n'),
    html: renderHtml(title, <p>{body}</p>),
  }
}

function formatLifetime(minutes: number): string {
  if (minutes === 60) return 'an hour'
  return minutes === 1 ? 'one minute' : `${minutes} minutes`
}

/** Wraps a paragraph to lines of at most 72 characters. A link stays in one piece, and so does the signature. */
function wrapText(paragraph: string): string {
  if (paragraph.startsWith('--')) return paragraph
  const lines: string[] = []
  for (const word of paragraph.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length > 71) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}

/** Mail programs that do not know the dark colours invert the light ones. */
const style = `
body { margin: 0; padding: 24px 12px; background: #f6f4ee; color: #24332e; font: 16px/1.6 system-ui, sans-serif; }
main { max-width: 520px; margin: 0 auto; padding: 20px 24px; background: #fffdf8; border: 1px solid #dcd8cb; border-radius: 12px; overflow-wrap: anywhere; }
h1 { margin: 0 0 8px; font-size: 22px; line-height: 1.25; }
p { margin: 12px 0; }
.action a { display: inline-block; padding: 10px 18px; background: #2f5d50; color: #ffffff; border-radius: 8px; text-decoration: none; font-weight: 600; }
.quiet { color: #5b6a64; font-size: 13px; }
@media (prefers-color-scheme: dark) {
  body { background: #17201d; color: #e8ebe4; }
  main { background: #1f2a26; border-color: #36433e; }
  .action a { background: #8fc7b4; color: #10201a; }
  .quiet { color: #a4b1ab; }
}`

function renderHtml(title: string, children: ComponentChildren): string {
  const markup = renderToStaticMarkup(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        {/* A constant: no input is in it. */}
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        <main>
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>,
  )
  return `<!doctype html>${markup}`
}
