import type { ComponentChildren } from 'preact'
import { renderToStaticMarkup } from 'preact-render-to-string'

/** A letter as it goes out: the same words twice, for mail programs that show HTML and for those that don't. */
export interface RenderedEmail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** The letter that asks to confirm an email by opening `link`, which works for so many minutes. */
export function renderConfirmationEmail(message: {
  email: string
  link: string
  minutes: number
}): RenderedEmail {
  const { email, link, minutes } = message
  const title = 'Confirm your email'
  const lead = `An account was made at this SnailPass server for ${email}. If that was you, open this link to confirm it:`
  const life = `The link works for ${formatLifetime(minutes)}. If it has expired, sign in with your client: a new one is on its way to you then.`
  const ifNotYou =
    'If it was not you, do nothing: an account that nobody confirms is removed by itself.'
  return {
    subject: 'Confirm your email for SnailPass',
    text: [title, lead, link, life, ifNotYou, '-- \nSnailPass'].map(wrapText).join('\n\n'),
    html: renderHtml(
      title,
      <>
        <p>{lead}</p>
        <p class="action">
          <a href={link}>Confirm {email}</a>
        </p>
        <p>{life}</p>
        <p>{ifNotYou}</p>
        <p class="quiet">
          If the button does nothing, copy this address into your browser: <br />
          <span>{link}</span>
        </p>
      </>,
    ),
  }
}

/** The letter that tells somebody that he may sign up, and where: `address` is the server's, for people and clients. */
export function renderInvitationEmail(message: { email: string; address: string }): RenderedEmail {
  const { email, address } = message
  const title = 'You are invited to SnailPass'
  const lead = `Whoever runs this SnailPass server invites you to keep your passwords there, in a vault that you alone can open. Its address is:`
  const how = `That page says how to enter it into your client. Then sign up there with this very email, in lower case: ${email}. No other one is let in.`
  const ifNotYou = 'If you do not know what this is about, do nothing: nothing was made yet.'
  return {
    subject: 'You are invited to a SnailPass server',
    text: [title, lead, address, how, ifNotYou, '-- \nSnailPass'].map(wrapText).join('\n\n'),
    html: renderHtml(
      title,
      <>
        <p>{lead}</p>
        <p class="action">
          <a href={address}>{address}</a>
        </p>
        <p>{how}</p>
        <p>{ifNotYou}</p>
      </>,
    ),
  }
}

/** The letter with which an operator sees whether mail works. */
export function renderTestEmail(): RenderedEmail {
  const title = 'Mail works'
  const body = 'Your SnailPass server can send letters: this is one. Nothing else is to be done.'
  return {
    subject: 'A test letter from SnailPass',
    text: [title, body, '-- \nSnailPass'].map(wrapText).join('\n\n'),
    html: renderHtml(title, <p>{body}</p>),
  }
}

function formatLifetime(minutes: number): string {
  if (minutes === 60) return 'an hour'
  return minutes === 1 ? 'one minute' : `${minutes} minutes`
}

/** Lines of a length that every text client shows whole; a link stays in one piece. */
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

/** Colours for light, and for mail programs that tell of dark; the others invert the light ones by themselves. */
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
        {/* Ours alone: nothing that came in from outside is in it. */}
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
