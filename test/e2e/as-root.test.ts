import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { takeOverDataFolder } from '../../src/service/data-folder-owner'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import { createAgeKeyPair } from '../support/test-database'

const isRoot = process.getuid?.() === 0
const owner = 12_345

/** Root's commands in the data folder of a service that runs as another user. */
describe.skipIf(!isRoot)('root in the data folder of another user', () => {
  const base = temporaryFolder()
  const dataDir = join(base.path, 'data')
  /** What only root may open. */
  const own = join(base.path, 'own')
  const program = join(base.path, 'snailpass')
  const asOwner = ['setpriv', `--reuid=${owner}`, `--regid=${owner}`, '--clear-groups', program]

  beforeAll(async () => {
    chmodSync(base.path, 0o755)
    // The owner may not be able to reach the checkout.
    copyFileSync(executable, program)
    chmodSync(program, 0o755)
    mkdirSync(own, { mode: 0o700 })
    mkdirSync(dataDir, { mode: 0o700 })
    chownSync(dataDir, owner, owner)
    await (await serve(dataDir, {}, [], asOwner)).end('SIGTERM')
  }, 300_000)
  afterAll(base[Symbol.dispose])

  /** A program of root in a container that may not become another user. */
  const confined = [
    ...['setpriv', '--bounding-set=-setuid,-setgid', '--inh-caps=-setuid,-setgid'],
    executable,
  ]

  const runIn = (args: readonly string[], stdin = '', runner = [executable]) =>
    run([...args, '--data-dir', dataDir], { stdin, program: runner })
  const foreignFiles = () =>
    readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) => {
      const { uid, gid } = lstatSync(join(dataDir, name))
      return uid !== owner || gid !== owner
    })

  test('leaves nothing that the user does not own, and opens what is named elsewhere as root', async () => {
    const { recipient, file } = await createAgeKeyPair(own)
    const [encryption, decryption] = [
      ['--encrypt-to', recipient],
      ['--identity', file],
    ]
    const backup = join(own, 'backup.sqlite.age')
    for (const [args, stdin] of [
      [['user', 'add', 'a@nas.local', '--password-stdin'], 'a long master password'],
      [['user', 'list'], ''],
      [['backup'], ''],
      [['backup', ...encryption], ''],
      [['backup', '--to', backup, ...encryption], ''],
      [['backup', 'verify', backup, ...decryption], ''],
      [['restore', backup, '--yes', ...decryption], ''],
      [['tls', 'renew'], ''],
      [['tls', 'show'], ''],
      [['audit', 'verify'], ''],
      [['copy', `sqlite:${dataDir}/snailpass.db`, `sqlite:${own}/copy.db`], ''],
      [['user', 'delete', 'a@nas.local', '--yes'], ''],
      [['recreate-db', '--yes'], ''],
    ] as const) {
      const { code, stderr } = await runIn(args, stdin)
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({
        args,
        code: 0,
        stderr: '',
      })
    }
    expect(foreignFiles()).toEqual([])
    expect(statSync(backup).uid).toBe(0)
    // The user's own server still works.
    await (await serve(dataDir, {}, [], asOwner)).end('SIGTERM')
    copyFileSync(join(dataDir, 'secret.key'), join(own, 'old.key'))
    const rotated = await runIn(['key', 'rotate', '--former-key', join(own, 'old.key')])
    expect(rotated).toMatchObject({ code: 0 })
    expect(foreignFiles()).toEqual([])
  }, 300_000)

  test.each([
    [['user', 'list']],
    [['user', 'show', "o'hara@nas.local"]],
    [['backup']],
    [['backup', 'list']],
    [['backup', 'verify', `${dataDir}/backups/x.sqlite`]],
    [['restore', `${dataDir}/backups/x.sqlite`, '--yes']],
    [['status']],
    [['tls', 'show']],
    [['tls', 'ca']],
    [['tls', 'renew']],
    [['key', 'rotate']],
    [['mail', 'list']],
    [['audit']],
    [['audit', 'verify']],
    [['doctor']],
    [['adopt']],
    [['adopt', `${own}/app.db`]],
    [['recreate-db', '--yes']],
  ])('is what %p asks for, if another user may not open it', async (args) => {
    const asOther = ['setpriv', '--reuid=4242', '--regid=4242', '--clear-groups', program]
    const { code, stdout, stderr } = await runIn(args, '', asOther)
    expect(code).toBeOneOf([1, 4])
    if (args[0] !== 'doctor')
      expect({ stdout, errors: stderr.match(/^error: /gm)?.length }).toEqual({
        stdout: '',
        errors: 1,
      })
    const words = [...args, '--data-dir', dataDir].map((word) =>
      word.replace("o'hara@nas.local", `'o'\\''hara@nas.local'`),
    )
    const hint = `hint: run it as root: sudo --preserve-env=SNAILPASS_CONFIG,SNAILPASS_RATE_LIMITS ${program} ${words.join(' ')}\n`
    expect(stderr).toEndWith(hint)
    const json = await runIn([...args, '--json'], '', asOther)
    if (json.code !== 2 && args[0] !== 'doctor')
      expect(JSON.parse(json.stderr).errors[0].hint).toStartWith('run it as root: sudo ')
  })

  test.each([
    ['backups', ['backup']],
    ['tls', ['tls', 'renew']],
    ['snailpass.db', ['user', 'list']],
    ['snailpass.db-wal', ['user', 'add', 'b@nas.local', '--password-stdin']],
    ['secret.key', ['audit', 'verify']],
    ['server.lock', ['recreate-db', '--yes']],
    ['secret.key.new', ['key', 'rotate']],
  ] as const)('is led nowhere by a link in the place of %s', async (name, args) => {
    const target = join(own, `behind-${name}`)
    const isFolder = name === 'backups' || name === 'tls'
    if (isFolder) mkdirSync(target)
    else writeFileSync(target, 'original', { mode: 0o600 })
    const path = join(dataDir, name)
    const aside = join(dataDir, `aside-${name}`)
    if (readdirSync(dataDir).includes(name)) renameSync(path, aside)
    symlinkSync(target, path)
    lchownSync(path, owner, owner)
    try {
      const refused = await runIn(args, 'a long master password', confined)
      expect(refused.stderr).toContain(`error: ${path} goes through a link of a user other than`)
      const { stderr } = await runIn(args, 'a long master password')
      expect(stderr).not.toContain('bug in snailpass')
      if (isFolder) expect(readdirSync(target)).toEqual([])
      else expect(readFileSync(target, 'utf8')).toBe('original')
      expect(statSync(target).uid).toBe(0)
    } finally {
      rmSync(path, { force: true })
      if (readdirSync(dataDir).includes(`aside-${name}`)) renameSync(aside, path)
    }
    expect(foreignFiles()).toEqual([])
  })

  test('does its work also where the system does not let it become that user', async () => {
    for (const [args, stdin] of [
      [['user', 'add', 'c@nas.local', '--password-stdin'], 'a long master password'],
      [['backup'], ''],
      [['tls', 'renew'], ''],
    ] as const) {
      const { code, stderr } = await runIn(args, stdin, confined)
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    }
    expect(foreignFiles()).toEqual([])
  })

  test('does not follow a link in the place of the folder', async () => {
    const [home, target] = [join(base.path, 'home'), join(own, 'vault')]
    mkdirSync(home)
    mkdirSync(target, { mode: 0o755 })
    chownSync(home, owner, owner)
    symlinkSync(target, join(home, 'vault'))
    lchownSync(join(home, 'vault'), owner, owner)
    for (const args of [
      ['recreate-db', '--yes'],
      ['tls', 'renew'],
      ['doctor', '--fix'],
    ]) {
      const { code, stderr } = await run([...args, '--data-dir', join(home, 'vault')])
      expect(code).not.toBe(0)
      expect(stderr).not.toContain('bug in snailpass')
    }
    expect(readdirSync(target)).toEqual([])
    expect(statSync(target).mode & 0o777).toBe(0o755)
  })
})

test.skipIf(!isRoot)(
  'the service takes over whatever its own commands left to root',
  async () => {
    using base = temporaryFolder()
    const dataDir = join(base.path, 'data')
    const backup = join(base.path, 'backup.sqlite')
    const runHere = async (...args: readonly string[]) => {
      const { code, stderr } = await run([...args, '--data-dir', dataDir])
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({
        args,
        code: 0,
        stderr: '',
      })
    }
    await runHere('recreate-db', '--yes')
    await (await serve(dataDir)).end('SIGTERM')
    await runHere('tls', 'renew')
    await runHere('backup')
    await runHere('backup', '--plain', '--to', backup)
    await runHere('key', 'rotate')
    await runHere('recreate-db', '--yes')
    writeFileSync(join(dataDir, 'snailpass.db'), 'damaged')
    await runHere('restore', backup, '--yes', '--accept-forged')
    const owned = { name: 'nobody', user: { uid: owner, gid: owner, home: '/', groups: [] } }
    expect(takeOverDataFolder(dataDir, owned)).toBeTrue()
    const names = readdirSync(dataDir)
    expect(names).toContain('https-by-default')
    expect(new Set(names.map((name) => lstatSync(join(dataDir, name)).uid))).toEqual(
      new Set([owner]),
    )
  },
  300_000,
)
