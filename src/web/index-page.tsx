import { Heading, renderPage } from './page'

/** The page at `/`: what this server is and how each client finds it. `address` is the one it was opened at. */
export function renderIndexPage(server: {
  version: string
  address: URL
  /** Where it speaks plain HTTP to other machines; null for nowhere. */
  httpAddress: URL | null
  /** Whether devices have to be told to trust its certificate. */
  hasAuthority: boolean
}): string {
  const { version, address, httpAddress, hasAuthority } = server
  return renderPage(
    'SnailPass',
    <>
      <Heading title="SnailPass" subtitle={`Password server, version ${version}`} />
      <section>
        <h2>The address of this server</h2>
        <code class="address">{address.href}</code>
        {isLoopbackUrl(address) && (
          <p>
            This address works on this very machine alone. On other devices, put its name or its
            address in the network in the place of <code>{address.hostname}</code>.
          </p>
        )}
        {hasAuthority && (
          <p>
            It speaks HTTPS too, to devices that <a href="/ca">trust it</a>.
          </p>
        )}
      </section>
      <section>
        <h2>Windows</h2>
        <p>
          Close SnailPass. In its folder, open the file whose name ends in <code>.config</code> (
          <code>App.config</code> in the source), enter the address with the slash at its end, and
          start it again:
        </p>
        <pre>{`<add key="base_api_url" value="${address.href}"/>`}</pre>
      </section>
      <section>
        <h2>Android</h2>
        {httpAddress === null ? (
          <p>The app speaks plain HTTP, and this server does not: it can&rsquo;t be used here.</p>
        ) : (
          <p>
            The app carries its address inside and speaks plain HTTP: in its source, put{' '}
            <code>{httpAddress.origin}</code> wherever <code>http://10.0.2.2:5000</code> stands, and
            build it.
          </p>
        )}
      </section>
      <section>
        <h2>What this server knows</h2>
        <p>
          Your clients encrypt everything with keys made from your master password, which never
          leaves them. What is kept here cannot be read here, and nobody here can bring a forgotten
          master password back.
        </p>
      </section>
      <footer>
        For developers: <a href="/openapi.json">the API as an OpenAPI document</a>
      </footer>
    </>,
  )
}

function isLoopbackUrl({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
