import { Heading, renderPage } from './page'

/**
 * Returns the page at `/vault/` over plain HTTP: without a script, and without a field that somebody would type the master password
 * into. `address` is that of the vault over HTTPS, null if there is none.
 */
export function renderInsecureVaultPage(props: {
  opened: URL
  address: URL | null
  hasAuthority: boolean
  base: string
}): string {
  const { opened, address, hasAuthority, base } = props
  return renderPage(
    { title: 'HTTPS only – SnailPass', base },
    <>
      <Heading title="The vault opens over HTTPS only" subtitle={`You are at ${opened.origin}`} />
      <section>
        <h2>{address === null ? 'HTTPS is off here' : 'Use this address'}</h2>
        {address === null ? (
          <p>
            The owner of this server can turn it on: see <code>snailpass serve --help</code>.
          </p>
        ) : (
          <p>
            <a class="button" href={address.href}>
              {address.href}
            </a>
          </p>
        )}
      </section>
      {hasAuthority && (
        <section>
          <h2>If the browser warns you there</h2>
          <p>This device doesn’t trust the server yet. That is done once and takes two minutes.</p>
          <p>
            <a href={`${base}ca`}>Trust this server</a>
          </p>
        </section>
      )}
      <section>
        <h2>Why not here</h2>
        <p>
          Over plain HTTP anybody in the network could replace this page and read the master
          password as you type it. Browsers also switch their encryption off here. So this page
          doesn’t ask for anything.
        </p>
        <p>The Windows and Android apps are not concerned: they never send the master password.</p>
      </section>
    </>,
  )
}
