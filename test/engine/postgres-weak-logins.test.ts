import { describe, expect, test } from 'bun:test'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { connectPool, connectSession } from '../../src/engine/postgres/connection'
import { describePostgresFault } from '../../src/engine/postgres/faults'
import type { PostgresTarget } from '../../src/engine/postgres/hosts'
import { isServerVerified, type PostgresTls } from '../../src/engine/postgres/tls'
import type { PeerLocation } from '../../src/engine/postgres/weak-logins'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { askForPassword, type PasswordRequest } from '../support/fake-postgres'

const noTls: PostgresTls = { mode: 'prefer', rootCertificate: null, certificate: null, key: null }
const requests: readonly PasswordRequest[] = ['clear', 'md5']

/** Starts a server that asks for the password, on a port or a socket. Records what it gets. */
async function listen(request: PasswordRequest, path?: string) {
  const answers: string[] = []
  const server: Server = createServer((socket) =>
    askForPassword(socket, request, (bytes) => answers.push(bytes.toString('latin1'))),
  )
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  )
  const address = server.address()
  const port = address === null || typeof address === 'string' ? 5432 : address.port
  return { answers, port, [Symbol.dispose]: () => void server.close() }
}

/** Connects to it as if it was there. */
function targetAt(
  { host, port }: { host: string; port: number },
  location: PeerLocation | null,
  seen: string[] = [],
): PostgresTarget {
  return {
    hosts: [{ host, port }],
    user: 'u',
    password: { reveal: () => 'hush' },
    database: 'd',
    tls: noTls,
    poolSize: 1,
    options: null,
    ...(location !== null && {
      weakLogins: { locate: () => location, onWeakLogin: (address) => seen.push(address) },
    }),
  }
}

describe.each(requests)('a server that asks for the password: %s', (request) => {
  test.each(['public', null] as const)(
    'does not get it over a public address: %p',
    async (location) => {
      using server = await listen(request)
      const seen: string[] = []
      const target = targetAt({ host: 'localhost', port: server.port }, location, seen)
      const error = await captureError(connectSession(target))
      expect(describePostgresFault(error)).toEqual({
        reason: `localhost (127.0.0.1) asks for the password ${request === 'md5' ? 'by MD5' : 'in clear'} over an unverified connection; it was not sent`,
        hint: expect.stringContaining('sslmode=verify-full'),
      })
      const pool = connectPool(target, { wait: async () => {}, verify: async () => {} })
      expect(await captureError(pool.dialect.createDriver().acquireConnection())).not.toBeNull()
      await pool.close()
      expect({ answers: server.answers, seen }).toEqual({ answers: [], seen: [] })
    },
  )

  test.each(['private', 'machine'] as const)('gets it on a %s address', async (location) => {
    using server = await listen(request)
    const seen: string[] = []
    const target = targetAt({ host: '127.0.0.1', port: server.port }, location, seen)
    expect(await captureError(connectSession(target))).not.toBeNull()
    expect(server.answers).toEqual([
      expect.stringMatching(request === 'md5' ? /^p...\(md5[0-9a-f]{32}\0$/s : /^p...\thush\0$/s),
    ])
    expect(seen).toEqual(location === 'private' ? ['127.0.0.1'] : [])
  })

  test('gets it through a Unix socket', async () => {
    using folder = temporaryFolder()
    using server = await listen(request, join(folder.path, '.s.PGSQL.5432'))
    const target = targetAt({ host: folder.path, port: 5432 }, 'public')
    expect(await captureError(connectSession(target))).not.toBeNull()
    expect(server.answers).toHaveLength(1)
  })
})

test.each([
  ['disable', null, false],
  ['prefer', '/ca.pem', false],
  ['require', null, false],
  ['require', '/ca.pem', true],
  // Any server can get a certificate of a public authority.
  ['verify-ca', null, false],
  ['verify-ca', '/ca.pem', true],
  ['verify-full', null, true],
  ['verify-full', '/ca.pem', true],
] as const)(
  'sslmode=%s with the root certificate %p verifies the server: %p',
  (mode, root, isVerified) => {
    expect(isServerVerified({ ...noTls, mode, rootCertificate: root })).toBe(isVerified)
  },
)
