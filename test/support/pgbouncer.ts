import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './executable'
import { freePort } from './free-port'
import { until } from './until'

/**
 * Starts PgBouncer in front of the database at a URL. It hands sessions to its clients as `mode` says. Resolves to the URL of
 * the same database behind it.
 */
export async function startPgBouncer(
  url: string,
  mode: 'session' | 'transaction',
  settings: Readonly<Record<string, string>> = {},
): Promise<AsyncDisposable & { readonly url: string }> {
  const { hostname, port, pathname, username, password } = new URL(url)
  const folder = temporaryFolder()
  const ownPort = freePort()
  const database = pathname.slice(1)
  const quoted = `'${decodeURIComponent(password).replaceAll("'", "''")}'`
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: String(ownPort),
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: mode,
    ...settings,
  }
  const file = join(folder.path, 'pgbouncer.ini')
  writeFileSync(
    file,
    `[databases]
${database} = host=${hostname} port=${port} dbname=${database} user=${decodeURIComponent(username)} password=${quoted}
[pgbouncer]
${Object.entries(lines)
  .map(([name, value]) => `${name} = ${value}`)
  .join('\n')}
`,
    { mode: 0o644 },
  )
  chmodSync(folder.path, 0o755)
  const program = Bun.which('pgbouncer', { PATH: `${process.env['PATH']}:/usr/sbin` })
  if (program === null) throw new Error('pgbouncer is not installed')
  // It refuses to run as root.
  const user =
    process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
  const child = Bun.spawn([...user, program, '-q', file], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const isListening = async () => {
    try {
      const socket = await Bun.connect({
        hostname: '127.0.0.1',
        port: ownPort,
        socket: { data() {} },
      })
      socket.end()
      return true
    } catch {
      return false
    }
  }
  await until(isListening, 'PgBouncer')
  return {
    url: `postgres://anyone@127.0.0.1:${ownPort}/${database}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      folder[Symbol.dispose]()
    },
  }
}
