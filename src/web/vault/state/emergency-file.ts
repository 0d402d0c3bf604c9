import type { EmergencyCopy } from '../crypto/emergency-copy'
import { encodeBase64, encodeUtf8 } from '../crypto/encoding'

/** Where a page has its encrypted copy, if it is an emergency file. */
export const copyElementId = 'emergency-copy'

/**
 * Returns a page that needs no server: the same script and style as the vault's, with an encrypted copy. Its own policy lets it
 * load nothing and ask nobody.
 */
export async function buildEmergencyFile(parts: {
  copy: EmergencyCopy
  script: string
  style: string
  version: string
}): Promise<string> {
  const { copy, version } = parts
  const script = withoutMarkup(parts.script)
  const style = withoutMarkup(parts.style)
  const policy = [
    ...["default-src 'none'", `script-src '${await hashOf(script)}'`],
    ...[`style-src '${await hashOf(style)}'`, 'img-src data:', "base-uri 'none'"],
    ...["form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"],
  ].join('; ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="version" content="${version.replace(/[^\w.+-]/g, '')}">
<title>SnailPass</title>
<style>${style}</style>
</head>
<body>
<script type="application/json" id="${copyElementId}">${JSON.stringify(copy)}</script>
<script type="module">${script}</script>
</body>
</html>
`
}

/** Within a script, text must not end it or begin a comment; in strings of a script these mean the same. */
function withoutMarkup(text: string): string {
  return text.replaceAll(/<(?=\/|!--|script)/gi, String.raw`\x3c`)
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encodeUtf8(text))
  return `sha256-${encodeBase64(new Uint8Array(digest))}`
}
