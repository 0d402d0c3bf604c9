import { Heading, renderPage } from './page'

/** The failures that somebody who types an address can meet. Any other one is told as `other`. */
const texts = {
  404: {
    title: 'There is nothing at this address',
    advice: 'Check it for a typing error, or begin at the start page.',
  },
  405: {
    title: 'This address is not for a browser',
    advice: 'The clients of SnailPass use it. Begin at the start page.',
  },
  429: {
    title: 'Too many requests',
    advice: 'Wait a few minutes, and open this page again.',
  },
  500: {
    title: 'Something went wrong',
    advice: 'That is a fault of the server, and its log says what happened. Tell the operator.',
  },
  503: {
    title: 'Not possible right now',
    advice: 'The server cannot answer at the moment. Open this page again in a few minutes.',
  },
  other: {
    title: 'This request was refused',
    advice: 'Begin at the start page. If that fails as well, tell the operator.',
  },
} as const

export type ErrorPageKind = keyof typeof texts

/** Returns which page tells of a status of HTTP. */
export function errorPageKindOf(status: number): ErrorPageKind {
  switch (status) {
    case 404:
    case 405:
    case 429:
    case 503:
      return status
    default:
      return status >= 500 ? 500 : 'other'
  }
}

/** Returns the page for a request of a browser that failed. */
export function renderErrorPage(kind: ErrorPageKind, base: string): string {
  const { title, advice } = texts[kind]
  return renderPage(
    { title: `${title} – SnailPass`, base },
    <>
      <Heading title={title} subtitle="SnailPass" />
      <section>
        <p>{advice}</p>
        <p>
          <a class="button" href={base}>
            Start page
          </a>
        </p>
      </section>
    </>,
  )
}
