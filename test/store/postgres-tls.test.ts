import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestAuthority } from '../support/certificates'
import { temporaryFolder } from '../support/executable'
import { queryPostgres, startCluster } from '../support/postgres'
import { postgresDatabaseAt } from '../support/store'

test('a connection to Postgres is as secure as its URL requires', async () => {
  using folder = temporaryFolder()
  const [authority, otherAuthority] = [await createTestAuthority(), await createTestAuthority()]
  const put = (name: string, text: string) => {
    const path = join(folder.path, name)
    writeFileSync(path, text)
    return encodeURIComponent(path)
  }
  const client = await authority.issue({ user: 'snailpass' })
  const files = {
    ours: put('ca.pem', authority.certificate),
    other: put('other.pem', otherAuthority.certificate),
    certificate: put('client.pem', client.certificate),
    key: put('client.key', client.key),
  }
  await using cluster = await startCluster({
    tls: {
      server: await authority.issue({ names: ['localhost'] }),
      authority: authority.certificate,
    },
  })
  // Only `postgres` can be reached without TLS; the user's own database asks for a client certificate.
  const byAddress = cluster.url('template1')
  const byName = byAddress.replace('127.0.0.1', 'localhost')
  const clientCertificate = `sslcert=${files.certificate}&sslkey=${files.key}`
  const outcome = async (url: string) => {
    try {
      const { store } = await postgresDatabaseAt(url).openForServer({ create: true })
      await store.close()
      return 'served'
    } catch (error) {
      return error instanceof Error ? error.message.replace(/^.* can't be used: /, '') : error
    }
  }

  expect(
    await outcome(`${byName}?sslmode=verify-full&sslrootcert=${files.ours}&${clientCertificate}`),
  ).toBe('served')
  expect(
    await outcome(`${byAddress}?sslmode=verify-ca&sslrootcert=${files.ours}&${clientCertificate}`),
  ).toBe('served')
  expect(await outcome(`${byAddress}?sslmode=require&${clientCertificate}`)).toBe('served')
  expect(await outcome(`${byAddress}?${clientCertificate}`)).toBe('served')

  // The right CA but another name; another CA; no client certificate; no TLS.
  expect(
    await outcome(
      `${byAddress}?sslmode=verify-full&sslrootcert=${files.ours}&${clientCertificate}`,
    ),
  ).not.toBe('served')
  for (const mode of ['verify-full', 'verify-ca', 'require']) {
    expect(
      await outcome(`${byName}?sslmode=${mode}&sslrootcert=${files.other}&${clientCertificate}`),
      mode,
    ).not.toBe('served')
  }
  expect(await outcome(`${byName}?sslmode=verify-full&sslrootcert=${files.ours}`)).not.toBe(
    'served',
  )
  expect(await outcome(`${byName}?sslmode=disable`)).toContain('no encryption')

  // If both are possible, all connections use TLS, also one that is opened after the pool was exhausted.
  const both = `${cluster.url('postgres')}?${clientCertificate}&pool_size=1`
  const { store } = await postgresDatabaseAt(both).openForServer({ create: true })
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const holding = store.read(() => done)
  const waiting = store.read((tx) => tx.users.findById('nobody'))
  await Bun.sleep(3_500)
  resolve()
  await holding
  await waiting
  const isTls = `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid)
    where application_name = 'snailpass'`
  expect(await queryPostgres(cluster.url('postgres'), isTls)).toEqual([{ ssl: true }])
  await queryPostgres(
    cluster.url('postgres'),
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'snailpass'",
  )
  await store.read((tx) => tx.users.findById('nobody'))
  expect(await queryPostgres(cluster.url('postgres'), isTls)).toEqual([{ ssl: true }])
  await store.close()
}, 300_000)
