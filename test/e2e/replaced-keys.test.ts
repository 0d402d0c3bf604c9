import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { createAccount } from '../support/accounts'
import { logIn } from '../support/client'
import { run, serve, temporaryFolder } from '../support/executable'
import { type Installation, installations } from '../support/installations'
import { listMoments, type Moment, runKilled } from '../support/killed-commands'
import { queryPostgres, startPostgresFirst } from '../support/postgres'

/** `TEST_KILLS=all` kills the commands at each of their system calls, on both engines. */
const isWhole = process.env['TEST_KILLS'] === 'all'
if (isWhole) startPostgresFirst('newest')

/**
 * The moments at which the new keys are written, at which they get their first and second name, and after their last one. All
 * moments in the long form.
 */
function selectMoments(moments: readonly Moment[]): readonly Moment[] {
  if (isWhole) return moments
  const isStaged = ({ line }: Moment) => /^fsync.*(?:\.draft|\.stage|secret\.key\.new)/.test(line)
  const isRenamed = ({ line }: Moment) => /^rename.*(?:secret\.key|\/tls\/)/.test(line)
  const renames = moments.filter(isRenamed)
  const after = moments[moments.findLastIndex(isRenamed) + 1]
  return [moments.find(isStaged), ...renames.slice(0, 2), after].filter(
    (moment) => moment !== undefined,
  )
}

function succeed({ dataDir, environment }: Installation, ...args: readonly string[]) {
  return succeedIn(dataDir, environment, args)
}

async function succeedIn(
  dataDir: string,
  environment: Record<string, string>,
  args: readonly string[],
): Promise<string> {
  const { code, stdout, stderr } = await run([...args, '--data-dir', dataDir], { environment })
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' })
  return stdout
}

async function query({ url }: Installation, text: string): Promise<Record<string, unknown>[]> {
  if (!url.startsWith('sqlite:')) return await queryPostgres(url, text)
  using file = new Database(url.slice('sqlite:'.length))
  return file.query<Record<string, unknown>, []>(text).all()
}

const countRotations = async (installation: Installation) =>
  (await query(installation, "select seq from audit where kind = 'key-rotated'")).length

const keyOf = ({ dataDir }: Installation) => readFileSync(join(dataDir, 'secret.key'), 'utf8')

/** What a finished change leaves in the data folder besides the files of a server. */
function listLeftovers({ dataDir }: Installation): readonly string[] {
  return readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.new$|\.(?:stage|draft|replacement)/.test(name),
  )
}

const tested = isWhole ? installations : installations.slice(0, 1)

describe.each(tested)(
  'a command that is killed at any moment, on $engine,',
  ({ engine, install }) => {
    test('leaves the old key or the new one, with its audit log and its sessions: key rotate', async () => {
      await using installation = await install()
      const { dataDir, environment } = installation
      const account = await createAccount(installation, 'owner')
      // Bun sends statements to Postgres with `sendto`, and a commit too.
      const calls = engine === 'Postgres' ? ['sendto'] : []
      const command = { args: ['key', 'rotate', '--data-dir', dataDir], environment, calls }
      const moments = await listMoments(command)
      const owner = {
        userId: account.userId,
        email: 'owner@nas.local',
        masterPasswordHash: Buffer.from('hash of owner').toString('base64'),
      }
      // To list its moments, the command has run once.
      let token = await (async () => {
        await using server = await serve(dataDir, environment)
        return (await logIn(server.url, owner)).token
      })()
      const outcomes = new Set<boolean>()
      for (const moment of selectMoments(moments)) {
        const [oldKey, oldCount] = [keyOf(installation), await countRotations(installation)]
        const { code } = await runKilled(command, moment)
        const isRotated = (await countRotations(installation)) > oldCount
        // Every command finds the key before a server has ended the change.
        await succeed(installation, 'audit', 'verify')
        await succeed(installation, 'user', 'confirm', 'owner@nas.local')
        await using server = await serve(dataDir, environment)
        const headers = { 'x-access-token': token }
        const { status } = await fetch(new URL('/users', server.url), { headers })
        const found = {
          line: moment.line,
          isKilled: code !== 0,
          isNew: keyOf(installation) !== oldKey,
        }
        expect({ ...found, status }).toEqual({
          ...{ line: moment.line, isKilled: true, isNew: isRotated },
          status: isRotated ? 401 : 200,
        })
        expect(listLeftovers(installation)).toEqual([])
        if (isRotated) token = (await logIn(server.url, owner)).token
        await server.end('SIGTERM')
        await succeed(installation, 'audit', 'verify')
        outcomes.add(isRotated)
      }
      expect(outcomes).toEqual(new Set([false, true]))
    }, 600_000)

    test('leaves the data of one backup, with its key and its CA: restore --with-secrets', async () => {
      await using installation = await install()
      const { dataDir, environment } = installation
      using folder = temporaryFolder()
      const backups = await createBackups(folder.path)
      const { identity } = backups
      const fingerprintOf = async () =>
        (await succeed(installation, 'tls', 'ca', '--fingerprint')).trim()
      const commandFor = ({ file }: { file: string }) => ({
        args: [
          'restore',
          file,
          '--yes',
          '--with-secrets',
          '--identity',
          identity,
          '--data-dir',
          dataDir,
        ],
        environment,
      })
      const [first, second] = backups.written
      await succeed(installation, ...commandFor(first).args.slice(0, -2))
      const moments = await listMoments(commandFor(second))
      let [current, other] = [second, first]
      const outcomes = new Set<boolean>()
      for (const moment of selectMoments(moments)) {
        const { code } = await runKilled(commandFor(other), moment)
        const [user] = await query(installation, 'select email from users')
        const isRestored = user?.['email'] === other.email
        // Runs differ in their number of syncs: the last of them may not be reached.
        if (code === 0) expect(isRestored).toBeTrue()
        if (isRestored) [current, other] = [other, current]
        expect(user?.['email']).toBe(current.email)
        if (isWhole) await succeed(installation, 'audit', 'verify')
        await using server = await serve(dataDir, environment)
        expect({
          line: moment.line,
          key: keyOf(installation),
          authority: await fingerprintOf(),
        }).toEqual({ line: moment.line, key: current.key, authority: current.authority })
        expect(listLeftovers(installation)).toEqual([])
        await server.end('SIGTERM')
        await succeed(installation, 'audit', 'verify')
        outcomes.add(isRestored)
      }
      expect(outcomes).toEqual(new Set([false, true]))
    }, 600_000)
  },
)

/** Writes the backups of two other installations, with their secrets. */
async function createBackups(folder: string) {
  const identityText = await generateX25519Identity()
  const identity = join(folder, 'identity')
  writeFileSync(identity, identityText)
  const recipient = await identityToRecipient(identityText)
  const create = async (name: string) => {
    const dataDir = join(folder, name)
    const file = join(folder, `${name}.sqlite.age`)
    await createAccount({ dataDir }, name)
    await succeedIn(dataDir, {}, ['tls', 'renew'])
    await succeedIn(dataDir, {}, [
      'backup',
      '--to',
      file,
      '--encrypt-to',
      recipient,
      '--with-secrets',
    ])
    return {
      ...{ file, email: `${name}@nas.local` },
      key: readFileSync(join(dataDir, 'secret.key'), 'utf8'),
      authority: (await succeedIn(dataDir, {}, ['tls', 'ca', '--fingerprint'])).trim(),
    }
  }
  return { identity, written: [await create('one'), await create('two')] as const }
}

test('tls renew --authority that is killed at any moment leaves the old CA or the new one, with its certificate', async () => {
  using folder = temporaryFolder()
  const dataDir = folder.path
  const show = async () => JSON.parse(await succeedIn(dataDir, {}, ['tls', 'show', '--json']))
  /** The server takes what is there, and creates nothing. */
  const serveAndShow = async () => {
    await using server = await serve(dataDir, { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' })
    expect(server.log.filter((line) => /created certificate|issued a/.test(line))).toEqual([])
    await server.end('SIGTERM')
    return await show()
  }
  await succeedIn(dataDir, {}, ['tls', 'renew'])
  const args = ['tls', 'renew', '--authority', '--yes', '--data-dir', dataDir]
  const command = { args, environment: {} }
  const outcomes = new Set<boolean>()
  const moments = await listMoments(command)
  let before = await show()
  for (const moment of selectMoments(moments)) {
    const { code } = await runKilled(command, moment)
    const after = await show()
    const isNew = after.ca.sha256 !== before.ca.sha256
    expect({
      line: moment.line,
      isKilled: code !== 0,
      isServed: after.certificate !== null,
    }).toEqual({
      ...{ line: moment.line, isKilled: true, isServed: true },
    })
    if (!isNew) expect(after).toEqual(before)
    before = isWhole ? await serveAndShow() : after
    expect(before).toEqual(after)
    outcomes.add(isNew)
  }
  expect(outcomes).toEqual(new Set([false, true]))
  expect(await serveAndShow()).toEqual(before)
}, 600_000)

test('the new key is on the disk before the commit, and replaces the old one after it', async () => {
  using folder = temporaryFolder()
  await createAccount({ dataDir: folder.path }, 'owner')
  const args = ['key', 'rotate', '--data-dir', folder.path]
  const moments = await listMoments({ args, environment: {} })
  const steps = moments.flatMap(({ line }) => {
    const names = [...line.matchAll(/[<"](?<path>\/[^>"]*)/g)].map((match) =>
      (match.groups?.['path'] ?? '').replace(folder.path, '.'),
    )
    return /ENOENT/.test(line) ? [] : [`${/^[a-z]+/.exec(line)?.[0]} ${names.join(' ')}`]
  })
  const staged = steps.indexOf('fsync ./secret.key.new')
  const replaced = steps.indexOf('rename ./secret.key.new ./secret.key')
  expect(steps[staged + 1]).toBe('fsync .')
  expect(steps.slice(staged, replaced)).toContain('fsync ./snailpass.db-wal')
  expect(steps.slice(0, staged)).not.toContain('fsync ./snailpass.db-wal')
  expect(steps[replaced + 1]).toBe('fsync .')
})
