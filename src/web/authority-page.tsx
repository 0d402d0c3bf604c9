import type { ComponentChildren } from 'preact'
import { Heading, renderPage } from './page'

export interface AuthorityPageProps {
  readonly name: string
  /** SHA-256 of its certificate: pairs of hexadecimal digits, separated by colons. */
  readonly sha256: string
  /** Milliseconds since 1970 (UTC). */
  readonly notAfter: number
  /** Domains that it may issue certificates for. */
  readonly domains: readonly string[]
}

/**
 * Returns the page at `/ca`: how to make a device trust this server. `address` is the server's by HTTPS, `base` the path of the
 * start page.
 */
export function renderAuthorityPage(
  authority: AuthorityPageProps,
  { address, base }: { address: URL; base: string },
): string {
  const { name, sha256, notAfter, domains } = authority
  return renderPage(
    { title: 'Trust this server – SnailPass', base },
    <>
      <Heading title="Trust this server" subtitle="SnailPass" />
      <section>
        <h2>1. Download the certificate</h2>
        <p>
          This server issues its own certificates. A device trusts them once its certificate
          authority is installed: <strong>{name}</strong>, valid until {formatDate(notAfter)}.
        </p>
        <p>
          <a class="button" href={`${base}ca.crt`}>
            Download ca.crt
          </a>{' '}
          <a href={`${base}ca.pem`}>or as PEM, for Linux</a>
        </p>
      </section>
      <section>
        <h2>2. Check the fingerprint</h2>
        <p>
          Someone between you and the server could have replaced the file. Before you install it,
          compare its SHA-256 fingerprint with the one that{' '}
          <code>snailpass tls ca --fingerprint</code> prints on the server:
        </p>
        <code class="fingerprint">
          {sha256.split(/(?<=:)/).map((pair) => (
            <>
              {pair}
              <wbr />
            </>
          ))}
        </code>
        <p>
          Your device shows the fingerprint in the details of the certificate. If a single digit
          differs, do not install it.
        </p>
      </section>
      <section>
        <h2>3. Install it</h2>
        <Device name="Android">
          <li>
            In Settings, search for <b>CA certificate</b>. It is under Security, Encryption &
            credentials, Install a certificate.
          </li>
          <li>
            Choose <b>CA certificate</b>, <b>Install anyway</b>, and the file <code>ca.crt</code>.
          </li>
          <li>
            Firefox needs one more step: in its Settings, About Firefox, tap the logo five times;
            then, in Secret Settings, switch on <b>Use third party CA certificates</b>.
          </li>
        </Device>
        <Device name="iPhone and iPad">
          <li>
            Open this page in Safari, download <code>ca.crt</code> above, and tap <b>Allow</b>.
          </li>
          <li>
            In Settings, tap <b>Profile Downloaded</b>, then <b>Install</b>.
          </li>
          <li>
            In Settings, General, About, <b>Certificate Trust Settings</b>, switch it on.
          </li>
        </Device>
        <Device name="Windows">
          <li>
            Open <code>ca.crt</code>, and choose <b>Install Certificate</b>, <b>Current User</b>.
          </li>
          <li>
            Choose <b>Place all certificates in the following store</b>, and there{' '}
            <b>Trusted Root Certification Authorities</b>.
          </li>
        </Device>
        <Device name="macOS">
          <li>
            Open <code>ca.crt</code>: Keychain Access adds it to the login keychain.
          </li>
          <li>
            Open it there, and under Trust choose <b>Always Trust</b>.
          </li>
        </Device>
        <Device name="Linux">
          <li>
            Debian, Ubuntu: copy <code>ca.pem</code> to{' '}
            <code>/usr/local/share/ca-certificates/snailpass.crt</code>, and run{' '}
            <code>sudo update-ca-certificates</code>.
          </li>
          <li>
            Fedora: copy it to <code>/etc/pki/ca-trust/source/anchors/</code>, and run{' '}
            <code>sudo update-ca-trust</code>.
          </li>
          <li>
            Chrome and Chromium: at <code>chrome://certificate-manager</code>, among the local
            certificates, import it into the trusted ones.
          </li>
        </Device>
        <Device name="Firefox on a computer">
          <li>
            In Settings, Privacy & Security, choose <b>View Certificates</b>, <b>Authorities</b>,{' '}
            <b>Import</b>.
          </li>
          <li>
            Choose <code>ca.crt</code>, and <b>Trust this CA to identify websites</b>.
          </li>
        </Device>
      </section>
      <section>
        <h2>4. Use it</h2>
        <p>Browsers then open this address without a warning:</p>
        <code class="address">
          <a href={address.href}>{address.href}</a>
        </code>
      </section>
      <footer>
        The certificate authority is limited to private addresses and to these names:{' '}
        {domains.join(', ')}. It can&rsquo;t impersonate any other site, such as your bank.
      </footer>
    </>,
  )
}

function Device(props: { name: string; children: ComponentChildren }) {
  return (
    <details>
      <summary>{props.name}</summary>
      <ol>{props.children}</ol>
    </details>
  )
}

function formatDate(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
