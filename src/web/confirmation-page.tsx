import { Heading, renderPage } from './page'

/** How the opening of a confirmation link can end. */
type ConfirmationPageOutcome =
  | 'confirmed'
  | 'already'
  | 'expired'
  | 'invalid'
  | 'no such user'
  | 'too many'
  | 'unavailable'

const texts: Readonly<Record<ConfirmationPageOutcome, { title: string; advice: string }>> = {
  confirmed: {
    title: 'Your email is confirmed',
    advice: 'You can sign in with your client now. This page is no longer needed.',
  },
  already: {
    title: 'Your email was confirmed before',
    advice: 'There is nothing left to do: sign in with your client.',
  },
  expired: {
    title: 'This link has expired',
    advice: 'Sign in with your client: a new link is on its way to you then.',
  },
  invalid: {
    title: 'This link is not valid',
    advice:
      'Open it whole, as the letter shows it: some mail programs break long links in two. If it still fails, sign in with your client, and a new one is on its way.',
  },
  'too many': {
    title: 'Too many links at once',
    advice:
      'Many links that are not valid were opened from your network. Open yours again in an hour.',
  },
  unavailable: {
    title: 'Not possible at the moment',
    advice: 'The server can write nothing down at present. Open the link again in a few minutes.',
  },
  'no such user': {
    title: 'There is no such account',
    advice: 'It was deleted, or never completed. You can sign up again with your client.',
  },
}

/** The page behind a confirmation link. */
export function renderConfirmationPage(outcome: ConfirmationPageOutcome): string {
  const { title, advice } = texts[outcome]
  return renderPage(
    `${title} – SnailPass`,
    <>
      <Heading title={title} subtitle="SnailPass" />
      <section>
        <p>{advice}</p>
      </section>
    </>,
  )
}
