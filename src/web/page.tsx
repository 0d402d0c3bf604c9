/**
 * What a browser gets: pages, their style and the icon. Pages are static HTML without scripts, made with Preact.
 */
import { createHash } from 'node:crypto'
import type { ComponentChildren } from 'preact'
import { renderToStaticMarkup } from 'preact-render-to-string'
import style from './style.css' with { type: 'text' }

/**
 * Returns a complete HTML document. Preact has escaped every text in `children`. `base` is the path of the start page, with a slash
 * at its end: a proxy may serve this server below a path.
 */
export function renderPage(
  { title, base }: { title: string; base: string },
  children: ComponentChildren,
): string {
  const markup = renderToStaticMarkup(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <link rel="icon" href={`${base}favicon.ico`} type="image/png" />
        {/* A constant: no input is in it. The policy below allows no other style. */}
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        <main>{children}</main>
      </body>
    </html>,
  )
  return `<!doctype html>${markup}`
}

const styleHash = createHash('sha256').update(style).digest('base64')

/** Allows a page its own style and the icon: no script, no other host, no frame around the page. */
export const contentSecurityPolicy = policyWith('none')

/** As `contentSecurityPolicy`, for a page with a form that is sent to this server. */
export const formContentSecurityPolicy = policyWith('self')

function policyWith(formTarget: 'none' | 'self'): string {
  return [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "img-src 'self'",
    "base-uri 'none'",
    `form-action '${formTarget}'`,
    "frame-ancestors 'none'",
  ].join('; ')
}

export function Heading(props: { title: string; subtitle: string }) {
  return (
    <header>
      <Snail />
      <div>
        <h1>{props.title}</h1>
        <p>{props.subtitle}</p>
      </div>
    </header>
  )
}

/** The same drawing as in favicon.svg. */
function Snail() {
  const line = { fill: 'none', 'stroke-linecap': 'round' } as const
  return (
    <svg viewBox="0 0 64 64" aria-hidden="true">
      <rect width="64" height="64" rx="14" fill="#2f5d50" />
      <path d="M8 49h40c4.5 0 7.5-3 7.5-7.5V29" stroke="#f2efe6" stroke-width="6" {...line} />
      <path d="M55.5 27l-3.5-8M55.5 27l4-7.5" stroke="#f2efe6" stroke-width="3" {...line} />
      <circle cx="28" cy="30" r="16" fill="#e3b565" />
      <path
        d="M30 31a3 3 0 0 0-6 0a6 6 0 0 0 12 0a8.5 8.5 0 0 0-17 0"
        stroke="#2f5d50"
        stroke-width="3.5"
        {...line}
      />
    </svg>
  )
}
