import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import {
  aRecord,
  basicAuth,
  type Client,
  createSender,
  logIn,
  signUpAndLogIn,
} from '../support/client'
import { temporaryFolder } from '../support/executable'
import { household, masterPasswordHash, readVault } from '../support/legacy-database'
import { sh } from '../support/release'
import { contractSettings, expectContract, tryTarget } from '../support/target-trial'
import { arm64, type TargetProgram, windows } from '../support/targets'

/** The test command tries the executable for arm64 in release.test.ts, and the one for Windows here, both in short. */
const isWhole = process.env['TEST_TARGETS'] === 'whole'
const targets = isWhole ? [arm64, windows] : [windows]
const timeout = 1_200_000

describe.each(targets.filter(({ canRun }) => canRun))('the executable for $name', (target) => {
  const folder = temporaryFolder()
  const path = join(folder.path, target.executable)
  afterAll(folder[Symbol.dispose])
  let program: TargetProgram
  beforeAll(async () => {
    await sh(`exec ./scripts/build-target.sh ${target.name} "$0"`, path)
    program = await target.open(path)
  }, 300_000)

  const newFolder = () => {
    const own = join(folder.path, crypto.randomUUID())
    mkdirSync(own)
    return own
  }
  /** Returns a function that runs a command on a data folder, expects its exit code and returns what it printed. */
  const commandsOn = (dataDir: string, environment: Record<string, string> = {}) => {
    const options = ['--data-dir', program.pathOf(dataDir)]
    return async (args: readonly string[], { code = 0, stdin = '' } = {}): Promise<string> => {
      const result = await program.run([...args, ...options], { environment, stdin })
      expect(result, args.join(' ')).toMatchObject({ code })
      return result.stdout
    }
  }

  test(
    'starts, answers, writes a backup and stops',
    () => tryTarget(target, path, newFolder()),
    300_000,
  )

  describe.skipIf(!isWhole)('in full', () => {
    test(
      'holds every case of the contract, and starts on the same data after kill -9',
      async () => {
        const data = join(newFolder(), 'data')
        const command = commandsOn(data, contractSettings)
        const record = aRecord()
        let client: Client
        {
          await using server = await program.serve(data, { environment: contractSettings })
          await expectContract(server.url)
          client = await signUpAndLogIn(server.url, 'owner')
          expect((await client.send('POST', '/records', record)).status).toBe(201)
          await server.kill()
        }
        await using server = await program.serve(data, { environment: contractSettings })
        // The session outlives the server.
        const owner = { ...client, send: createSender(server.url, client.token) }
        expect(await listMissing(owner, new Set([record.id]))).toEqual([])
        expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
        expect(await command(['audit', 'verify'])).toMatch(/^\d+:[0-9a-f]{64}\n$/)
        const { checks }: { checks: { name: string; failure: string | null; fact: string }[] } =
          JSON.parse(await command(['doctor', '--json'], { code: 1 }))
        expect(checks.filter(({ failure }) => failure !== null)).toEqual([])
        expect(checks.find(({ name }) => name === 'database')?.fact).toEndWith('check passed')
        expect(await server.stop()).toBe(0)
        expect(server.log().filter((line) => line.includes(' error '))).toEqual([])
      },
      timeout,
    )

    test(
      'loses nothing that it confirmed when it is killed',
      async () => {
        const data = join(newFolder(), 'data')
        const confirmed = new Set<string>()
        const account = {
          userId: '',
          email: 'owner@nas.local',
          masterPasswordHash: hashOf('owner'),
        }
        for (const round of [1, 2, 3]) {
          await using server = await program.serve(data)
          const owner: Client =
            round === 1
              ? await signUpAndLogIn(server.url, 'owner')
              : await logIn(server.url, account)
          expect(await listMissing(owner, confirmed)).toEqual([])
          const target = confirmed.size + 25
          const write = async () => {
            for (;;) {
              const record = aRecord()
              const response = await owner.send('POST', '/records', record).catch(() => null)
              if (response === null) return
              expect(response.status).toBe(201)
              confirmed.add(record.id)
              // The others are in the middle of their requests.
              if (confirmed.size === target) await server.kill()
            }
          }
          await Promise.all([write(), write(), write()])
        }
        expect(confirmed.size).toBeGreaterThanOrEqual(75)
        await using server = await program.serve(data)
        const owner = await logIn(server.url, account)
        expect(await listMissing(owner, confirmed)).toEqual([])
        await server.stop()
        expect(await commandsOn(data)(['audit', 'verify'])).toMatch(/^\d+:/)
      },
      timeout,
    )

    test(
      'restores what it has backed up, also encrypted and with its keys',
      async () => {
        const own = newFolder()
        const data = join(own, 'data')
        // Not by a passphrase, whose slow hash takes a minute on an emulator.
        const identity = await generateX25519Identity()
        const keyFile = join(own, 'key.txt')
        writeFileSync(keyFile, `${identity}\n`)
        const decryption = ['--identity', program.pathOf(keyFile)]
        const command = commandsOn(data)
        const encrypted = commandsOn(data, {
          SNAILPASS_BACKUP_ENCRYPT_TO: await identityToRecipient(identity),
        })
        const record = aRecord()
        {
          await using server = await program.serve(data)
          const owner = await signUpAndLogIn(server.url, 'owner')
          expect((await owner.send('POST', '/records', record)).status).toBe(201)
          const backup = (await command(['backup'])).trim()
          // With a slash or backslash at its end, the name is that of a folder, which is created.
          const to = program.pathOf(join(own, 'other/'))
          const secret = (await encrypted(['backup', '--with-secrets', '--to', to])).trim()
          expect(secret).toStartWith(to)
          expect(await command(['backup', 'list'])).toContain(backup)
          await command(['backup', 'verify', backup])
          await command(['backup', 'verify', secret, ...decryption])
          expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
          await command(['restore', backup, '--yes'], { code: 1 })
          expect(await server.stop()).toBe(0)
          await command(['restore', secret, '--yes', '--with-secrets', ...decryption])
        }
        expect(readdirSync(data).filter((name) => name.includes('.partial'))).toEqual([])
        expect(existsSync(join(own, 'other'))).toBeTrue()
        await using server = await program.serve(data)
        const owner = await logIn(server.url, {
          userId: '',
          email: 'owner@nas.local',
          masterPasswordHash: hashOf('owner'),
        })
        expect(await (await owner.send('GET', '/records')).json()).toMatchObject([
          { id: record.id },
        ])
        await server.stop()
        expect(await command(['audit', 'verify'])).toMatch(/^\d+:/)
        await command(['recreate-db', '--yes'])
        expect(await command(['user', 'list', '--json'])).toBe('[]\n')
      },
      timeout,
    )

    test(
      'adopts a database of the original server',
      async () => {
        const own = newFolder()
        const data = join(own, 'data')
        const original = join(own, 'original.sqlite')
        copyFileSync(join(import.meta.dir, '../data/original/original.sqlite'), original)
        const environment = { SNAILPASS_DATABASE_URI: `sqlite:///${program.pathOf(original)}` }
        const command = commandsOn(data, environment)
        await command(['serve', '--listen', '127.0.0.1:0'], { code: 1 })
        const plan = await command(['adopt', '--dry-run'])
        expect(plan).toStartWith('accounts           3 migrated\n')
        expect(await command(['adopt'])).toBe(plan)
        expect(await command(['adopt'])).toBe('')
        await using server = await program.serve(data, { environment })
        for (const user of household()) {
          const authorization = basicAuth(user.email, masterPasswordHash(user))
          const login = await fetch(new URL('/login', server.url), { headers: { authorization } })
          expect(login.status).toBe(200)
          const vault = await readVault(server.url, (await login.json()).token, user)
          expect(vault).toEqual({ records: user.records, notes: user.notes })
        }
        expect(await server.stop()).toBe(0)
      },
      timeout,
    )

    test(
      'runs the commands for users, keys and certificates',
      async () => {
        const own = newFolder()
        const data = join(own, 'data')
        const command = commandsOn(data)
        await using server = await program.serve(data, { args: ['--listen-tls', '127.0.0.1:0'] })
        const email = 'new@nas.local'
        await command(['user', 'add', email, '--password-stdin'], {
          stdin: 'a long master password\r\n',
        })
        await command(['user', 'invite', 'guest@nas.local'])
        expect(await command(['user', 'invitations'])).toContain('guest@nas.local')
        await command(['user', 'uninvite', 'guest@nas.local'])
        for (const verb of ['show', 'disable', 'enable', 'logout']) {
          await command(['user', verb, email])
        }
        await command(['user', 'show', 'nobody@nas.local'], { code: 3 })
        expect(JSON.parse(await command(['user', 'list', '--json']))).toMatchObject([{ email }])
        await command(['user', 'delete', email, '--yes'])
        expect(await command(['audit'])).toContain(email)
        expect(await command(['tls', 'ca'])).toContain('-----BEGIN CERTIFICATE-----')
        await command(['tls', 'show'])
        const port = server.url.port
        const healthcheck = await program.run(['healthcheck', '--listen', `127.0.0.1:${port}`])
        expect(healthcheck).toMatchObject({ code: 0 })
        // Neither the data folder nor the port is shared with a second server.
        await command(['serve', '--listen', '127.0.0.1:0'], { code: 1 })
        await commandsOn(join(own, 'second'))(['serve', '--listen', `127.0.0.1:${port}`], {
          code: 1,
        })
        expect(await server.stop()).toBe(0)
        await command(['tls', 'renew', '--authority', '--yes'])
        await command(['key', 'rotate'])
        expect(await command(['audit', 'verify'])).toMatch(/^\d+:/)
        const copy = `sqlite:${program.pathOf(join(own, 'copy.db'))}`
        const source = `sqlite:${program.pathOf(join(data, 'snailpass.db'))}`
        await command(['copy', source, copy])
        expect(existsSync(join(own, 'copy.db'))).toBeTrue()
      },
      timeout,
    )
  })
})

/** Returns which of these records an account does not have. */
async function listMissing(owner: Client, ids: ReadonlySet<string>): Promise<readonly string[]> {
  const response = await owner.send('GET', '/records')
  // The wire contract answers an empty list with 404.
  const found: { id: string }[] = response.status === 404 ? [] : await response.json()
  const present = new Set(found.map(({ id }) => id))
  return [...ids].filter((id) => !present.has(id))
}

function hashOf(name: string): string {
  return Buffer.from(`hash of ${name}`).toString('base64')
}
