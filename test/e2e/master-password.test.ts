import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createRandom } from '../../scripts/random'
import { createAccount } from '../support/accounts'
import { aField, aNote, aRecord, basicAuth, type Client, createSender } from '../support/client'
import { type RunningServer, serve, temporaryFolder } from '../support/executable'
import { type Cluster, startCluster } from '../support/postgres'

/*
 * The change of the master password on the executable: killed at any moment, exactly one of the two passwords signs in, and the
 * whole vault is under its key. Ciphertexts are stand-ins that name their key.
 */

/** `TEST_KILLS=all` kills each of the three 50 times. */
const rounds = process.env['TEST_KILLS'] === 'all' ? 50 : 3
const email = 'owner@nas.local'
const hashOf = (password: string) => Buffer.from(`hash of ${password}`).toString('base64')
const textsUnder = (password: string, ...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, `${password}:iv`]))

interface Vault {
  readonly state: string
  readonly records: readonly { id: string; additional_fields: readonly { id: string }[] }[]
  readonly notes: readonly { id: string }[]
}

function bodyFor({ state, records, notes }: Vault, password: string): string {
  return JSON.stringify({
    ...{ master_password_hash: hashOf(password), hint: null, state },
    records: records.map(({ id, additional_fields: fields }) => ({
      ...{ id, ...textsUnder(password, 'name', 'login', 'password') },
      additional_fields: fields.map((field) => ({
        ...{ id: field.id, ...textsUnder(password, 'name', 'value') },
      })),
    })),
    notes: notes.map(({ id }) => ({ id, ...textsUnder(password, 'name', 'content') })),
  })
}

/** Signs in with a password. Null if it is wrong. */
async function signIn(origin: URL, password: string) {
  const answer = await fetch(new URL('/login', origin), {
    headers: { authorization: basicAuth(email, hashOf(password)) },
  })
  if (answer.status === 401) return null
  expect(answer.status).toBe(200)
  return createSender(origin, (await answer.json()).token)
}

/** Adds notes under a key until the session ends or the server is gone. */
async function writeUntilRefused(send: Client['send'], password: string): Promise<void> {
  for (let count = 0; count < 200; count++) {
    const note = { ...aNote(), ...textsUnder(password, 'name', 'content') }
    const answer = await send('POST', '/notes', note).catch(() => null)
    if (answer?.status !== 201) return
    await Bun.sleep(5)
  }
}

/** Starts a change, and cuts it off after some milliseconds by what `cut` does. Whether it was made is not known then. */
async function changeAndCut(
  server: RunningServer,
  passwords: { readonly old: string; readonly next: string; readonly body: string },
  { after, cut }: { after: number; cut: (leave: () => void) => Promise<unknown> },
): Promise<void> {
  const leaving = new AbortController()
  const changing = fetch(new URL('/account/master-password', server.url), {
    method: 'PUT',
    headers: {
      authorization: basicAuth(email, hashOf(passwords.old)),
      'content-type': 'application/json',
    },
    body: passwords.body,
    signal: leaving.signal,
  }).then(
    ({ status }) => status,
    () => null,
  )
  await Bun.sleep(after)
  await cut(() => leaving.abort())
  // The writer may have come first.
  expect([null, 200, 409, 503]).toContain(await changing)
}

/** Kills what `cut` kills during one change after another, and checks the vault each time. */
async function changeUnderKills(options: {
  readonly environment: Record<string, string>
  readonly cut: (server: RunningServer, leave: () => void) => Promise<unknown>
  /** Makes the server answer again. */
  readonly recover: () => Promise<unknown>
}): Promise<void> {
  const { environment, cut, recover } = options
  using folder = temporaryFolder()
  const random = createRandom(18)
  let password = 'owner'
  const settings = { ...environment, SNAILPASS_RATE_LIMITS: 'off' }
  await createAccount({ dataDir: folder.path, environment: settings }, 'owner', async (client) => {
    for (let index = 0; index < 100; index++) {
      const record = aRecord(textsUnder('owner', 'name', 'login', 'password'))
      await client.send('POST', '/records', record)
      await client.send('POST', '/additional_fields', {
        ...aField(record.id),
        ...textsUnder('owner', 'name', 'value'),
      })
      await client.send('POST', '/notes', { ...aNote(), ...textsUnder('owner', 'name', 'content') })
    }
  })
  let server = await serve(folder.path, settings)
  try {
    let changed = 0
    for (let round = 1; round <= rounds; round++) {
      const client = await signIn(server.url, password)
      if (client === null) throw new Error('the present password is refused')
      const vault: Vault = await (await client('GET', '/account/vault')).json()
      const next = `password ${round}`
      // A writer that comes first makes a change start again, so there is one in every other round.
      const writing = round % 2 === 0 ? writeUntilRefused(client, password) : null
      await changeAndCut(
        server,
        { old: password, next, body: bodyFor(vault, next) },
        { after: random() * 450, cut: (leave) => cut(server, leave) },
      )
      await recover()
      await writing
      if (await isGone(server)) server = await serve(folder.path, settings)
      const [withOld, withNext] = [
        await signIn(server.url, password),
        await signIn(server.url, next),
      ]
      expect([withOld, withNext].filter((found) => found !== null)).toHaveLength(1)
      if (withNext !== null) {
        password = next
        changed++
      }
      const text = await (await (withNext ?? withOld)?.('GET', '/account/vault'))?.text()
      const keys = new Set([...String(text).matchAll(/"([^":]+):iv"/g)].map(([, key]) => key))
      expect([...keys]).toEqual([password])
    }
    expect(changed).toBeLessThan(rounds + 1)
  } finally {
    await server.end('SIGKILL')
  }
}

const isGone = (server: RunningServer) =>
  fetch(new URL('/healthz', server.url)).then(
    () => false,
    () => true,
  )

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test('a change of the master password survives kill -9 of the server', async () => {
  await changeUnderKills({
    environment: {},
    cut: (server) => server.end('SIGKILL'),
    recover: async () => {},
  })
}, 600_000)

test('a change of the master password survives a client that leaves', async () => {
  await changeUnderKills({
    environment: {},
    cut: async (_, leave) => leave(),
    // What the server has begun for the client ends.
    recover: () => Bun.sleep(1_000),
  })
}, 600_000)

test('a change of the master password survives a crash of Postgres', async () => {
  let crashes = 0
  // Every other time, Postgres is back before the server gives up.
  const isBackInTime = () => crashes % 2 === 1
  await changeUnderKills({
    environment: { SNAILPASS_DATABASE_URL: await cluster.createDatabase() },
    async cut() {
      crashes++
      await cluster.stop('immediate')
      if (isBackInTime()) await cluster.start()
    },
    async recover() {
      if (!isBackInTime()) await cluster.start()
    },
  })
}, 600_000)
