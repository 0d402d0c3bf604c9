import { Heading, renderPage } from './page'

/** What can come of a confirmation link. */
export type ConfirmationPageOutcome =
  | 'unconfirmed'
  | 'confirmed'
  | 'already'
  | 'expired'
  | 'invalid'
  | 'no such user'
  | 'too many'
  | 'unavailable'

const texts: Readonly<Record<ConfirmationPageOutcome, { title: string; advice: string }>> = {
  unconfirmed: {
    title: 'Confirm your email',
    advice: 'Press the button, and you can sign in with your client.',
  },
  confirmed: {
    title: 'Your email is confirmed',
    advice: 'You can close this page and sign in with your client.',
  },
  already: {
    title: 'Your email is already confirmed',
    advice: 'There is nothing to do: sign in with your client.',
  },
  expired: {
    title: 'This link has expired',
    advice: 'Sign in with your client, and you will get an email with a new one.',
  },
  invalid: {
    title: 'This link is not valid',
    advice:
      'Copy the whole link from the email: some mail programs break long links in two. If it still fails, sign in with your client, and you will get an email with a new one.',
  },
  'too many': {
    title: 'Too many attempts',
    advice: 'Too many invalid links were opened from your network. Open yours again in an hour.',
  },
  unavailable: {
    title: 'Not possible right now',
    advice: "The server can't save anything right now. Open the link again in a few minutes.",
  },
  'no such user': {
    title: 'There is no such account',
    advice: 'It was deleted, or it was never confirmed. You can sign up again with your client.',
  },
}

/** Returns the page of a confirmation link. It has a button if the link can confirm its email address. */
export function renderConfirmationPage(outcome: ConfirmationPageOutcome, base: string): string {
  const { title, advice } = texts[outcome]
  return renderPage(
    { title: `${title} – SnailPass`, base },
    <>
      <Heading title={title} subtitle="SnailPass" />
      <section>
        <p>{advice}</p>
        {outcome === 'unconfirmed' && (
          // Without an action, it is sent to the address of the page.
          <form method="post">
            <button class="button" type="submit">
              Confirm my email
            </button>
          </form>
        )}
      </section>
    </>,
  )
}
