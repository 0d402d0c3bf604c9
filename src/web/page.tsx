/**
 * What a browser gets: pages, their style and the icon. Pages are static HTML without scripts, made with Preact.
 */
import { createHash } from 'node:crypto'
import type { ComponentChildren } from 'preact'
import { renderToStaticMarkup } from 'preact-render-to-string'
import { Snail } from './drawings/snail'
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
