import { expect, test } from 'bun:test'
import { connectionTarget } from '../../src/database/postgres-location'
import type { PostgresAddress } from '../../src/engine/postgres/hosts'

const address: PostgresAddress = {
  hosts: [{ host: 'db', port: 5432 }],
  ...{ user: 'snailpass', password: null, database: 'vaults' },
  tls: { mode: 'prefer', rootCertificate: null, certificate: null, key: null },
  ...{ poolSize: 3, options: null },
}

test.each([
  ['127.0.0.1', 'machine'],
  ['127.8.9.10', 'machine'],
  ['::1', 'machine'],
  ['::ffff:127.0.0.1', 'machine'],
  ['10.0.0.1', 'private'],
  ['192.168.1.5', 'private'],
  ['::ffff:192.168.1.5', 'private'],
  ['fd00::5', 'private'],
  ['9.9.9.9', 'public'],
  ['::ffff:9.9.9.9', 'public'],
  ['2001:db8::1', 'public'],
  // No address that is known to be ours: the password must not go there.
  ['db.example', 'public'],
  ['', 'public'],
] as const)('a weak login at %p is one at a %s address', (text, expected) => {
  expect(connectionTarget({ address }).weakLogins?.locate(text)).toBe(expected)
})
