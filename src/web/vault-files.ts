/** The files of the web vault. A server evaluates this when it is first asked for one of them. */
import { brotliDecompressSync, gzipSync } from 'node:zlib'
import type { SignUps } from './sign-ups'
import { buildVault } from './vault-build' with { type: 'macro' }
import type { BuiltFile } from './vault-build'

/** A file that a browser may keep for ever: its name changes with its content. */
export interface VaultFile {
  readonly name: string
  readonly type: string
  /** SHA-256, in base64. */
  readonly sha256: string
  readonly brotli: Uint8Array<ArrayBuffer>
  /** Returns the file in gzip, for browsers at `localhost`, which take no Brotli over plain HTTP. */
  readonly gzip: () => Uint8Array<ArrayBuffer>
  /** Returns the file uncompressed, for the few clients that want it so. */
  readonly bytes: () => Uint8Array<ArrayBuffer>
}

const built = buildVault()

export const vaultScript = vaultFile(built.script, 'js', 'text/javascript;charset=utf-8')
export const vaultStyle = vaultFile(built.style, 'css', 'text/css;charset=utf-8')

function vaultFile({ brotli, sha256 }: BuiltFile, extension: string, type: string): VaultFile {
  const packed = Uint8Array.fromBase64(brotli)
  const hash = Uint8Array.fromBase64(sha256).toHex().slice(0, 16)
  const bytes = once(() => new Uint8Array(brotliDecompressSync(packed)))
  const gzip = once(() => new Uint8Array(gzipSync(bytes(), { level: 9 })))
  return { name: `app-${hash}.${extension}`, type, sha256, brotli: packed, gzip, bytes }
}

function once<Value>(compute: () => Value): () => Value {
  let value: Value | undefined
  return () => {
    value ??= compute()
    return value
  }
}

/** What the page tells its script of the server. */
export interface VaultPageFacts {
  readonly version: string
  readonly signUps: SignUps
}

/**
 * Returns the page: without any content of its own, so it is the same for everybody. All addresses are relative, since a proxy may
 * serve the server below a path.
 */
export function renderVaultPage({ version, signUps }: VaultPageFacts): string {
  const { mode, domains } = signUps
  const isLimited = mode === 'open' && domains.length > 0
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="robots" content="noindex">
<meta name="version" content="${version}">
<meta name="sign-ups" content="${isLimited ? domains.join(', ') : mode}">
<title>SnailPass</title>
<link rel="icon" href="../favicon.ico" type="image/png">
<link rel="apple-touch-icon" href="icon.png">
<link rel="manifest" href="manifest.webmanifest">
<meta name="theme-color" content="#f6f4ee" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#17201d" media="(prefers-color-scheme: dark)">
<link rel="stylesheet" href="${vaultStyle.name}">
<script type="module" src="${vaultScript.name}" integrity="sha256-${vaultScript.sha256}"></script>
</head>
<body><noscript>SnailPass decrypts in the browser: allow scripts for this page.</noscript></body>
</html>
`
}

/** What a phone needs to put the web vault on its home screen. Addresses are relative, since a proxy may serve it below a path. */
export const vaultManifest = JSON.stringify({
  name: 'SnailPass',
  short_name: 'SnailPass',
  start_url: './',
  scope: './',
  display: 'standalone',
  background_color: '#f6f4ee',
  theme_color: '#244a40',
  icons: [{ src: 'icon.png', sizes: '512x512', type: 'image/png', purpose: 'any maskable' }],
})

/** What the page may load and do: its one script, by its hash, its style, this server, and nothing else. */
export const vaultContentSecurityPolicy = [
  ...["default-src 'none'", `script-src 'sha256-${vaultScript.sha256}'`, "style-src 'self'"],
  ...["img-src 'self' data:", "connect-src 'self'", "manifest-src 'self'", "base-uri 'none'"],
  ...["form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"],
  "trusted-types 'none'",
].join('; ')
