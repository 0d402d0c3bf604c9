import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { aRecord, type Client } from '../support/client'
import { serve, temporaryFolder } from '../support/executable'
import { until } from '../support/until'

const rounds = 20
const writers = 4

/** Adds records until the connection breaks. Adds the id of each acknowledged one to `acknowledged`. */
async function writeUntilCut(client: Client, acknowledged: Set<string>): Promise<void> {
  try {
    for (;;) {
      const record = aRecord()
      const response = await client.send('POST', '/records', record)
      if (response.status === 201) acknowledged.add(record.id)
    }
  } catch {
    // The server was killed. The last record may or may not be stored.
  }
}

test('kill -9 during writes, 20 times, loses nothing that was acknowledged', async () => {
  using folder = temporaryFolder()
  const account = await createAccount({ dataDir: folder.path }, 'owner')
  const acknowledged = new Set<string>()
  for (let round = 0; round < rounds; round++) {
    await using server = await serve(folder.path)
    const client = account.at(server.url)
    if (round > 0) {
      const stored = await (await client.send('GET', '/records')).json()
      const ids = new Set(stored.map(({ id }: { id: string }) => id))
      expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([])
    }
    const before = acknowledged.size
    const writing = Array.from({ length: writers }, () => writeUntilCut(client, acknowledged))
    // Kills after a different number of writes in each round, without looking at the clock.
    const count = before + 10 + round
    await until(() => acknowledged.size >= count, `${count} acknowledged records`, { interval: 1 })
    await server.end('SIGKILL')
    await Promise.all(writing)
  }
  {
    // A server recovers the write-ahead log of the last kill.
    await using server = await serve(folder.path)
    await server.end('SIGTERM')
  }
  using database = new Database(join(folder.path, 'snailpass.db'), { readonly: true })
  expect(database.query('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  expect(database.query('pragma foreign_key_check').all()).toEqual([])
  const rows = database.query<{ id: string }, []>('select id from records').all()
  const ids = new Set(rows.map(({ id }) => id))
  expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([])
  expect(acknowledged.size).toBeGreaterThan(rounds * 10)
}, 300_000)
