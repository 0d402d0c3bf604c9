import { describe, expect, spyOn, test } from 'bun:test'
import { dirname } from 'node:path'
import * as certificates from '../../../src/app/operations/certificates'
import { readStatus } from '../../../src/app/operations/status'
import { systemRuntime } from '../../../src/app/runtime'
import { DomainError } from '../../../src/domain/errors'
import { dataFolder } from '../../../src/files/data-folder'
import * as freeSpace from '../../../src/files/free-space'
import { writeServerFile } from '../../../src/files/server-file'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import {
  createSqliteTestDatabase,
  startServerOn,
  targetsIn,
  targetsOf,
} from '../../support/test-database'

/** Returns the status of a data folder without a database whose server gives this answer at the first of its two addresses. */
async function statusWith(answer: () => Response) {
  using folder = temporaryFolder()
  await using first = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
  await using second = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => Response.json({ status: 'ready', warnings: [{ kind: 'of_the_second' }] }),
  })
  const urls = [first.url, second.url]
  const server = { pid: 7, version: '0.1.0', startTime: 1_764_041_702_123, urls }
  using _ = writeServerFile(dataFolder(folder.path).server, server)
  const status = await readStatus(targetsIn(folder.path))
  const noDatabase = `there is no SnailPass database at ${folder.path}/snailpass.db`
  return { status, server, noDatabase }
}

describe('the status of a server', () => {
  test('is what it answers at its first address, with its warnings', async () => {
    const warnings = [{ kind: 'stale_backup', detail: 'of May' }, { kind: 'storage_full' }]
    const { status, server, noDatabase } = await statusWith(() =>
      Response.json({ status: 'ready', warnings }),
    )
    expect(status).toMatchObject({
      ...{ state: 'running', server, addresses: server.urls.map(({ href }) => href) },
      vaultUrl: `${server.urls[0]?.href}vault/`,
      ...{ usage: null, lastBackup: null, certificate: null },
      problems: [noDatabase],
      warnings: ['stale_backup: of May', 'storage_full'],
    })
  })

  test('is failing if it refuses requests, and the reason comes first', async () => {
    const error = 'Service Unavailable. The disk is full'
    const { status, server, noDatabase } = await statusWith(() =>
      Response.json({ message: { error }, warnings: [{ kind: 'x' }] }, { status: 503 }),
    )
    expect(status).toMatchObject({
      ...{ state: 'failing', server },
      problems: ['The disk is full', noDatabase],
      warnings: [],
    })
  })
})

test('the certificate is told if HTTPS is on, and what is wrong with it', async () => {
  await using database = await createSqliteTestDatabase()
  const tls = { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' }
  const plain = { SNAILPASS_LISTEN_TLS: 'off' }
  const now = Date.UTC(2026, 10, 25)
  const runtime = { ...systemRuntime, clock: () => now }
  await certificates.renewCertificate(targetsOf(database, tls, runtime), {
    authority: false,
    consent: async () => {},
  })
  await (await startServerOn(database)).stop()
  const found = await certificates.findCertificate(targetsOf(database, tls).settings)
  expect(found.certificate?.notAfter).toBeGreaterThan(now + 30 * 24 * 3600_000)
  const status = await readStatus(targetsOf(database, tls))
  expect(status).toMatchObject({
    certificate: { mode: 'local', expiryTime: found.certificate?.notAfter },
    usage: { records: 0 },
    problems: [],
  })
  // The same files, which nobody serves.
  expect((await readStatus(targetsOf(database, plain))).certificate).toBeNull()

  using spy = spyOn(certificates, 'findCertificate')
  spy.mockRejectedValueOnce(new DomainError('unavailable', 'the file is damaged'))
  expect(await readStatus(targetsOf(database, tls))).toMatchObject({
    ...{ certificate: null, usage: { records: 0 }, problems: ['the file is damaged'] },
  })
  // A fault of the program is none of the settings or files.
  const fault = new TypeError('x is not a function')
  spy.mockRejectedValueOnce(fault)
  expect(await captureError(readStatus(targetsOf(database, tls)))).toBe(fault)
})

test('free space is that of the disk of the database, on Postgres that of the data folder', async () => {
  await using database = await createSqliteTestDatabase()
  using spy = spyOn(freeSpace, 'freeSpace')
  spy.mockReturnValue(1_234)
  const { freeBytes } = await readStatus(targetsOf(database))
  const elsewhere = { ...database, url: 'postgres://nobody@127.0.0.1:1/none' }
  const onPostgres = await readStatus(targetsOf(elsewhere))
  expect([freeBytes, onPostgres.freeBytes]).toEqual([1_234, 1_234])
  expect(spy.mock.calls.map(([path]) => path)).toEqual([
    dirname(database.url.slice('sqlite:'.length)),
    database.dataDir,
  ])
  expect(onPostgres.problems).toEqual([expect.stringContaining('127.0.0.1:1')])
})
