import { Heading, renderPage } from './page'
import type { SignUps } from './sign-ups'

/** Returns the page at `/`: what this server is and how to connect each client. */
export function renderIndexPage(server: {
  version: string
  /** Where browsers and clients reach it, with a slash at its end. */
  address: URL
  /** Where the client's machine reaches it by plain HTTP; null for nowhere. */
  httpAddress: URL | null
  /** Whether it has a certificate authority of its own, which devices have to install. */
  hasAuthority: boolean
  signUps: SignUps
  /** Whether the client is refused at sign-in over the plain HTTP that it uses. */
  needsHttps?: boolean
}): string {
  const { version, address, httpAddress, hasAuthority, signUps, needsHttps = false } = server
  const base = address.pathname
  return renderPage(
    { title: 'SnailPass', base },
    <>
      <Heading title="SnailPass" subtitle={`Password server, version ${version}`} />
      <section>
        <h2>The address of this server</h2>
        <code class="address">{address.href}</code>
        {isLoopbackUrl(address) && (
          <p>
            This address works only on this computer. On other devices, replace{' '}
            <code>{address.hostname}</code> with the name or the network address of this computer.
          </p>
        )}
        {needsHttps && (
          <p>
            From your network, this server can be signed in to over HTTPS only, since others could
            overhear plain HTTP
            {address.protocol === 'https:' ? (
              ': use this address.'
            ) : (
              <>
                {'; and HTTPS is off. The operator turns it on with '}
                <code>SNAILPASS_LISTEN_TLS</code>.
              </>
            )}
          </p>
        )}
        {hasAuthority && (
          <p>
            HTTPS is available once you <a href={`${base}ca`}>install the certificate</a>.
          </p>
        )}
      </section>
      <section>
        <h2>In a browser</h2>
        <p>
          <a class="button" href={`${base}vault/`}>
            Open the vault
          </a>
        </p>
        <p>Nothing to install: it works on every computer and phone. {describe(signUps)}</p>
      </section>
      <section>
        <h2>Windows</h2>
        <p>
          Close SnailPass. In its folder, open the file whose name ends in <code>.config</code> (
          <code>App.config</code> in the source), enter the address with the slash at its end, and
          start SnailPass again:
        </p>
        <pre>{`<add key="base_api_url" value="${address.href}"/>`}</pre>
      </section>
      <section>
        <h2>Android</h2>
        {httpAddress === null ? (
          <p>
            The app uses plain HTTP, which this server does not{' '}
            {needsHttps ? 'accept from your network' : 'offer'}: the app can&rsquo;t be used here.
          </p>
        ) : (
          <p>
            The server address is compiled into the app, and the app uses plain HTTP. In the source
            of the app, replace every <code>http://10.0.2.2:5000</code> with{' '}
            <code>{httpAddress.href.replace(/\/$/, '')}</code>, and build it.
          </p>
        )}
      </section>
      <section>
        <h2>What this server can read</h2>
        <p>
          Your clients encrypt everything with keys that they derive from your master password,
          which never leaves them. This server can&rsquo;t decrypt what it stores, and a forgotten
          master password can&rsquo;t be recovered.
        </p>
      </section>
      <footer>
        For developers: <a href={`${base}openapi.json`}>the API as an OpenAPI document</a>
      </footer>
    </>,
  )
}

function describe({ mode, domains }: SignUps): string {
  if (mode === 'closed') return 'Only the operator of this server creates accounts.'
  if (mode === 'invited') return 'You can create an account if the operator has invited your email.'
  if (domains.length === 0) return 'Everyone who can open this page can create an account.'
  return `You can create an account with an email at ${domains.join(', ')}, or with an invitation.`
}

function isLoopbackUrl({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
