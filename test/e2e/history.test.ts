import { describe, expect, test } from 'bun:test'
import { aField, aNote, aRecord, type Client, signUpAndLogIn } from '../support/client'
import { run, serve } from '../support/executable'
import { type Installation, installations } from '../support/installations'
import { startPostgresFirst } from '../support/postgres'

/* Undo on the executable: as an operator does it for the owner of an old client, and what copies of the database have of it. */

startPostgresFirst('newest')

async function succeed({ dataDir, environment }: Installation, ...args: readonly string[]) {
  const { code, stdout, stderr } = await run([...args, '--data-dir', dataDir], { environment })
  expect({ args, code, stderr }).toMatchObject({ code: 0 })
  return { stdout, stderr }
}

const history = async (installation: Installation, user = 'owner@nas.local') =>
  JSON.parse((await succeed(installation, 'user', 'history', user, '--json')).stdout)

/** Returns what a client sees, without the time of the last change. */
async function seen(client: Client) {
  const lists = ['/records', '/notes'].map(async (url) => (await client.send('GET', url)).json())
  return JSON.parse(
    JSON.stringify(await Promise.all(lists), (name, member) =>
      name === 'update_time' ? null : member,
    ),
  )
}

async function send(client: Client, ...requests: readonly (readonly [string, string, unknown?])[]) {
  for (const [method, url, body] of requests) {
    expect((await client.send(method, url, body)).status, url).toBeLessThan(300)
  }
}

/** Fills a vault, and changes and deletes entries as a faulty client does. Returns what was there before that. */
async function makeMistakes(owner: Client) {
  await send(
    owner,
    ['POST', '/records', aRecord({ id: 'r' })],
    ['POST', '/additional_fields', aField('r', { id: 'f', value: 'the value:iv' })],
    ['POST', '/notes', aNote({ id: 'n', content: 'the note:iv' })],
    ['POST', '/notes', aNote({ id: 'last' })],
    ['DELETE', '/notes?id=n'],
  )
  const before = await seen(owner)
  await send(
    owner,
    ['PUT', '/additional_fields', aField('r', { id: 'f', value: 'mixed up:iv' })],
    ['PUT', '/records', aRecord({ id: 'r', name: 'overwritten:iv' })],
    ['DELETE', '/notes?id=n'],
  )
  return before
}

describe.each(installations)('the history of a vault on $engine', ({ install }) => {
  test('lets an operator undo mistakes while the server runs, and says who did it', async () => {
    await using installation = await install()
    const { dataDir, environment } = installation
    await using server = await serve(dataDir, environment)
    const owner = await signUpAndLogIn(server.url, 'owner')
    const before = await makeMistakes(owner)
    const versions = await history(installation)
    expect(versions).toMatchObject([
      { kind: 'note', entry_id: 'n', reason: 'deleted' },
      { kind: 'record', entry_id: 'r', reason: 'replaced' },
    ])
    expect(await seen(owner)).not.toEqual(before)
    for (const { version } of versions)
      await succeed(installation, 'user', 'restore-entry', 'owner@nas.local', String(version))
    // The next request of the client, at the running server.
    expect(await seen(owner)).toEqual(before)
    const listed = await (await owner.send('GET', '/account/history')).json()
    expect(listed.versions).toHaveLength(3)
    const { stdout } = await succeed(installation, 'audit', '--user', 'owner@nas.local', '--json')
    const rows: Record<string, unknown>[] = JSON.parse(stdout)
    expect(rows.filter(({ kind }) => kind === 'entry-restored')).toMatchObject(
      ['note n', 'record r'].map((detail) => ({ actor: 'operator', detail })),
    )
    const texts = [
      (await succeed(installation, 'user', 'history', 'owner@nas.local')).stdout,
      ...server.log,
    ]
    for (const text of texts) expect(text).not.toContain('the note')
    const missing = ['user', 'restore-entry', 'owner@nas.local', '1', '--data-dir', dataDir]
    expect(await run(missing, { environment })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('error: owner@nas.local has no version 1\nhint: list'),
    })
    expect((await owner.send('DELETE', '/account/history')).status).toBe(200)
    expect(await history(installation)).toEqual([])
  }, 300_000)

  test('is in a backup, and what is restored from that goes on', async () => {
    await using installation = await install()
    const { dataDir, environment } = installation
    const vault = { before: [], versions: [] }
    {
      await using server = await serve(dataDir, environment)
      const owner = await signUpAndLogIn(server.url, 'owner')
      vault.before = await makeMistakes(owner)
      vault.versions = await history(installation)
      await server.end('SIGTERM')
    }
    const path = (await succeed(installation, 'backup')).stdout.trim()
    await succeed(installation, 'restore', path, '--yes')
    await using server = await serve(dataDir, environment)
    const restored: { version: number }[] = await history(installation)
    const withoutNumber = (versions: readonly object[]) =>
      versions.map((each) => ({ ...each, version: null }))
    expect(withoutNumber(restored)).toEqual(withoutNumber(vault.versions))
    // A number from before the restore names nothing any more.
    const [former] = vault.versions as { version: number }[]
    expect(restored.map(({ version }) => version)).not.toContain(former?.version ?? 0)
    for (const { version } of restored)
      await succeed(installation, 'user', 'restore-entry', 'owner@nas.local', String(version))
    const shown = JSON.parse(
      (await succeed(installation, 'user', 'show', 'owner@nas.local', '--json')).stdout,
    )
    expect(shown).toMatchObject({ records: 1, notes: 2, history_versions: 3 })
    expect(shown.history_bytes).toBeGreaterThan(3 * 512)
    await server.end('SIGTERM')
  }, 300_000)

  test('is not kept with SNAILPASS_HISTORY=off', async () => {
    await using installation = await install()
    const { dataDir, environment } = installation
    await using server = await serve(dataDir, { ...environment, SNAILPASS_HISTORY: 'off' })
    const owner = await signUpAndLogIn(server.url, 'owner')
    await makeMistakes(owner)
    expect(await history(installation)).toEqual([])
  }, 300_000)
})
