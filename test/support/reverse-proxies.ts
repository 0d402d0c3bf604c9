import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { createTestAuthority } from './certificates'
import { freePort } from './free-port'
import { until } from './until'

export const proxyNames = ['nginx', 'Caddy', 'HAProxy'] as const
export type ProxyName = (typeof proxyNames)[number]

/** The name in the documented files. */
const host = 'vault.example.org'
/** The address of the server in the documented files. */
const documentedServer = '127.0.0.1:5000'

/** A real proxy with its documented configuration in front of a server. */
export interface ReverseProxy extends AsyncDisposable {
  /**
   * Sends a request by HTTPS and returns all that comes back until the connection closes; empty if it closes without an
   * answer. The request is HTTP/1.1 unless `version` says something else.
   */
  ask(request: {
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly version?: '1.0' | '1.1'
    /** The address of loopback that the client has. */
    readonly from?: string
  }): Promise<string>
}

/** How each program gets its documented file, with the ports and the certificate of a test, and is started. */
const programs: Readonly<
  Record<
    ProxyName,
    {
      readonly file: string
      adapt(text: string, setup: Setup): string
      command(config: string, folder: string): readonly string[]
    }
  >
> = {
  nginx: {
    file: 'nginx.conf',
    adapt: (text, { port, server, certificate, key, folder }) => {
      const site = text
        .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
        .replace('listen [::]:443 ssl;', '')
        .replace(/ssl_certificate .*;/, `ssl_certificate ${certificate};`)
        .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${key};`)
        .replaceAll(documentedServer, server)
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
        .join(' ')
      return `pid ${folder}/pid; error_log stderr; daemon off; user root; events {} http { access_log off; ${temporary} ${site} }`
    },
    command: (config, folder) => ['nginx', '-e', 'stderr', '-p', folder, '-c', config],
  },
  Caddy: {
    file: 'Caddyfile',
    adapt: (text, { port, server, certificate, key }) =>
      `{
        admin off
        auto_https disable_redirects
        https_port ${port}
        http_port ${freePort()}
        default_bind 127.0.0.1
      }\n${text.replace(`${host} {`, `${host} {\n\ttls ${certificate} ${key}`).replaceAll(documentedServer, server)}`,
    command: (config) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', config],
  },
  HAProxy: {
    file: 'haproxy.cfg',
    adapt: (text, { port, server, both }) =>
      text
        .replace('bind :443', `bind 127.0.0.1:${port}`)
        .replace(/crt \S+/, `crt ${both}`)
        .replaceAll(documentedServer, server),
    command: (config) => ['haproxy', '-db', '-f', config],
  },
}

interface Setup {
  readonly folder: string
  readonly port: number
  /** Host and port. */
  readonly server: string
  readonly certificate: string
  readonly key: string
  /** A file with the certificate and the key. */
  readonly both: string
}

/** Returns whether a proxy is installed. */
export function hasProxy(name: ProxyName): boolean {
  const [command = ''] = programs[name].command('', '')
  return Bun.which(command, { PATH: searchPath }) !== null
}

/** Debian keeps servers there, which the PATH of a user may lack. */
const searchPath = `${process.env['PATH'] ?? ''}:/usr/sbin`

/** Starts a proxy in a folder of its own. `isBelowPath` takes the documented file for `/vault/`. */
export async function startReverseProxy(
  name: ProxyName,
  { folder, serverPort, isBelowPath }: { folder: string; serverPort: number; isBelowPath: boolean },
): Promise<ReverseProxy> {
  const { file, adapt, command } = programs[name]
  mkdirSync(folder, { recursive: true })
  const authority = await createTestAuthority()
  const { certificate, key } = await authority.issue({ names: [host] })
  const [certificateFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const both = join(folder, 'both.pem')
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key)
  writeFileSync(both, certificate + key)
  const port = freePort()
  const documented = join(
    import.meta.dir,
    '../../docs/proxy',
    isBelowPath ? 'below-a-path' : '.',
    file,
  )
  const config = join(folder, file)
  writeFileSync(
    config,
    adapt(readFileSync(documented, 'utf8'), {
      ...{ folder, port, both, certificate: certificateFile, key: keyFile },
      server: `127.0.0.1:${serverPort}`,
    }),
  )
  const child = Bun.spawn([...command(config, folder)], {
    env: { PATH: searchPath, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: Bun.file(join(folder, 'log')),
  })

  const ask: ReverseProxy['ask'] = ({ path, headers = {}, version = '1.1', from = '127.0.0.1' }) =>
    new Promise((resolve, reject) => {
      let received = ''
      const connection = connect({ host: '127.0.0.1', port, localAddress: from })
      connection.on('error', reject)
      const socket = connectTls(
        { socket: connection, servername: host, ca: authority.certificate },
        () => {
          const lines = Object.entries({ host, connection: 'close', ...headers })
          socket.write(
            `GET ${path} HTTP/${version}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
          )
        },
      )
      socket.on('data', (bytes) => {
        received += bytes.toString()
      })
      let isConnected = false
      socket.on('secureConnect', () => {
        isConnected = true
      })
      socket.on('error', (error) => {
        // A reset after the request is a connection that closes without an answer.
        if (!isConnected) reject(error)
      })
      socket.on('close', () => resolve(received))
    })

  const stop = async () => {
    // Not SIGKILL, at which workers of nginx would stay.
    child.kill('SIGTERM')
    await child.exited
  }
  const isUp = () =>
    ask({ path: '/' }).then(
      () => true,
      () => {
        if (child.exitCode === null) return false
        throw new Error(`${name} has exited:\n${readFileSync(join(folder, 'log'), 'utf8')}`)
      },
    )
  try {
    await until(isUp, `${name} to accept connections`)
  } catch (error) {
    await stop()
    throw error
  }
  return { ask, [Symbol.asyncDispose]: stop }
}
