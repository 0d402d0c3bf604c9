import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram } from '../../cli/program'
import { version } from '../../src/version'
import { createAccount } from '../support/accounts'
import { signUpAndLogIn } from '../support/client'
import { listCommands } from '../support/commands'
import { run, serve, spawnOnTerminal, temporaryFolder, untilLogged } from '../support/executable'

/** The arguments that print the help of each command. */
const helpArguments = listCommands(await createProgram()).map(({ path }): [readonly string[]] => [
  [...path, '--help'],
])

describe('snailpass', () => {
  test.each(helpArguments)('%p prints its help', async (args) => {
    const { code, stdout, stderr } = await run(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatchSnapshot()
  })

  test('--version prints version, commit and platform', async () => {
    const { code, stdout } = await run(['--version'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^snailpass \d+\.\d+\.\d+ \([\w-]+, [a-z0-9]+-[a-z0-9]+\)\n$/)
    expect(stdout).toContain(version)
  })

  test.each([
    [['nonsense'], "error: unknown command 'nonsense'\nhint: see snailpass --help\n"],
    [
      ['serve', '--nonsense'],
      "error: unknown option '--nonsense'\nhint: see snailpass serve --help\n",
    ],
    [['serve', 'x'], 'error: too many arguments for'],
    [
      ['user', 'lst'],
      "error: unknown command 'lst'\n(Did you mean list?)\nhint: see snailpass user --help\n",
    ],
    [
      ['backup', 'lst'],
      "error: unknown command 'lst'\n(Its commands are list, verify)\nhint: see snailpass backup --help\n",
    ],
    [['help', 'user', 'lst'], "error: unknown command 'lst'\nhint: see snailpass user --help\n"],
    [
      ['mail', 'test', 'a', 'b'],
      "error: too many arguments for 'test'. Expected 1 argument but got 2: a, b.\n",
    ],
    [
      ['serve', '--listen', 'x'],
      'error: invalid --listen "x": use HOST:PORT or unix:/PATH\nhint: ',
    ],
    [['serve', '--data-dir', ''], 'error: invalid --data-dir "": not a folder\nhint: '],
    [['serve', '--config', '/none'], "error: can't read the settings file /none: "],
  ])('%p is invalid usage', async (args, message) => {
    const { code, stdout, stderr } = await run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toStartWith(message)
  })

  test.each([
    [['help'], ['--help']],
    [
      ['help', 'user', 'list'],
      ['user', 'list', '--help'],
    ],
    [['version'], ['--version']],
  ])('%p is %p', async (words, options) => {
    expect(await run(words)).toEqual(await run(options))
  })

  test('without a command prints its help and fails', async () => {
    const { code, stderr } = await run([])
    expect(code).toBe(2)
    expect(stderr).toStartWith('Usage: snailpass')
  })

  test('reads no configuration from the current folder', async () => {
    using folder = temporaryFolder()
    const cwd = join(folder.path, 'cwd')
    mkdirSync(cwd)
    const trap = join(folder.path, 'trapped')
    writeFileSync(join(cwd, 'trap.ts'), `await Bun.write('${trap}', 'x')`)
    writeFileSync(join(cwd, 'bunfig.toml'), 'preload = ["./trap.ts"]\n')
    writeFileSync(join(cwd, '.env'), 'SNAILPASS_LISTEN=nonsense\nNODE_OPTIONS=--nonsense\n')
    writeFileSync(join(cwd, 'tsconfig.json'), 'nonsense')
    writeFileSync(join(cwd, 'package.json'), 'nonsense')
    const { code, stderr } = await run(['user', 'list', '--data-dir', folder.path], { cwd })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: there is no SnailPass database at ${folder.path}/snailpass.db
hint: check --data-dir or SNAILPASS_DATABASE_URL; \`snailpass serve\` creates a new database, with --create if SNAILPASS_DATABASE_URL names a file
`,
    })
    expect(existsSync(trap)).toBeFalse()
  })
})

describe('snailpass serve', () => {
  test('reads the settings file that --config names', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'settings.env')
    const dataDir = join(folder.path, 'data')
    writeFileSync(file, `SNAILPASS_DATA_DIR=${dataDir}\nSNAILPASS_SECRET_KEY=short\n`)
    const refused = await run(['serve', '--config', file])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toBe(
      `error: invalid SNAILPASS_SECRET_KEY in ${file}: shorter than 16 characters\n` +
        'hint: remove the secret key: a strong one is created at the first start and kept in the data folder\n',
    )
    expect(existsSync(dataDir)).toBeFalse()
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('exits cleanly on %s', async (signal) => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    await signUpAndLogIn(server.url, 'owner')
    expect(await server.end(signal)).toBe(0)
    expect(server.log.at(-1)).toEndWith('info  stopped')
    expect(readdirSync(folder.path).sort()).toEqual(['secret.key', 'server.lock', 'snailpass.db'])
  })

  test('finishes running requests before it exits, and a second signal ends them', async () => {
    using folder = temporaryFolder()
    for (const [signals, answered] of [
      [['SIGTERM'], true],
      [['SIGTERM', 'SIGINT'], false],
    ] as const) {
      await using server = await serve(folder.path)
      const logins = Array.from({ length: 8 }, (_, index) =>
        fetch(new URL('/login', server.url), {
          headers: { authorization: `Basic ${btoa(`a${index}@b.cc:x`)}` },
        }).then(
          (response) => response.status === 401,
          () => false,
        ),
      )
      // The first answer means that the others have arrived.
      await Promise.race(logins)
      const [last = 'SIGKILL', ...earlier] = [...signals].reverse()
      for (const signal of earlier) {
        process.kill(server.pid, signal)
        await untilLogged(server, 'shutting down')
      }
      expect(await server.end(last)).toBe(answered ? 0 : 130)
      expect((await Promise.all(logins)).every(Boolean)).toBe(answered)
    }
  }, 300_000)

  test('fails with one clear error if another server uses the folder', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    const { code, stderr } = await run(['serve', '--data-dir', folder.path])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: ${folder.path}/snailpass.db is in use by another snailpass process
hint: stop all snailpass processes that use it, or choose another database with --data-dir or SNAILPASS_DATABASE_URL
`,
    })
    await server.end('SIGKILL')
    // The kernel has released the lock of the killed process.
    await using next = await serve(folder.path)
    expect(await next.end('SIGTERM')).toBe(0)
  })

  test('writes its log as JSON if the settings say so', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path, { SNAILPASS_LOG_FORMAT: 'json' })
    await server.end('SIGTERM')
    const levels = server.log.map((line) => JSON.parse(line).level)
    expect(new Set(levels)).toEqual(new Set(['info']))
  })
})

describe('snailpass recreate-db', () => {
  test('deletes all data after a backup, and prints the path of the backup', async () => {
    using folder = temporaryFolder()
    await createAccount({ dataDir: folder.path }, 'owner')
    const { code, stdout, stderr } = await run(['recreate-db', '--data-dir', folder.path, '--yes'])
    expect(code).toBe(0)
    expect(stderr).toBe('All data is deleted. Backup of the previous data:\n')
    const users = (path: string) => {
      using database = new Database(path, { readonly: true })
      return database.query<{ email: string }, []>('select email from users').all()
    }
    expect(users(stdout.trimEnd())).toEqual([{ email: 'owner@nas.local' }])
    expect(users(join(folder.path, 'snailpass.db'))).toEqual([])

    await using server = await serve(folder.path)
    expect((await signUpAndLogIn(server.url, 'owner')).token).not.toBe('')
  })

  test('fails without confirmation, and changes nothing', async () => {
    using folder = temporaryFolder()
    await createAccount({ dataDir: folder.path }, 'owner')
    const { code, stderr } = await run(['recreate-db', '--data-dir', folder.path], {
      stdin: 'yes\n',
    })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "error: can't ask for confirmation: not a terminal\nhint: use --yes to skip\n",
    })
    using database = new Database(join(folder.path, 'snailpass.db'), { readonly: true })
    expect(database.query('select count(*) as users from users').get()).toEqual({ users: 1 })
  })

  test('creates a database that was lost, after asking; a server alone does not', async () => {
    using folder = temporaryFolder()
    const database = join(folder.path, 'snailpass.db')
    await createAccount({ dataDir: folder.path }, 'owner')
    rmSync(database)
    const lost = await run(['serve', '--data-dir', folder.path, '--listen', '127.0.0.1:0'])
    expect({ code: lost.code, stderr: lost.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(
        `error: there is no SnailPass database at ${database}, but its secret key ${folder.path}/secret.key exists\nhint: there is no good backup in ${folder.path}/backups: `,
      ),
    })
    const unasked = await run(['recreate-db', '--data-dir', folder.path])
    expect(unasked).toMatchObject({ code: 2, stdout: '' })
    expect(existsSync(database)).toBeFalse()
    expect(await run(['recreate-db', '--data-dir', folder.path, '--yes'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'There was no database: a new, empty one was created.\n',
    })
    await using server = await serve(folder.path, {}, ['--no-create'])
    await signUpAndLogIn(server.url, 'owner')
  })

  test('is the only way that a service gets a database after its installation', async () => {
    using folder = temporaryFolder()
    const { code, stderr } = await run(['serve', '--no-create', '--data-dir', folder.path])
    expect(code).toBe(1)
    expect(stderr).toStartWith('error: there is no SnailPass database at ')
    expect(existsSync(join(folder.path, 'snailpass.db'))).toBeFalse()
  })

  test('fails while a server uses the folder', async () => {
    using folder = temporaryFolder()
    const owner = await createAccount({ dataDir: folder.path }, 'owner')
    await using server = await serve(folder.path)
    const { code, stderr } = await run(['recreate-db', '--data-dir', folder.path, '--yes'])
    expect(code).toBe(1)
    expect(stderr).toStartWith(
      `error: ${folder.path}/snailpass.db is in use by another snailpass process\n`,
    )
    expect((await owner.at(server.url).send('GET', '/users')).status).toBe(200)
  })
})

describe('on a terminal, snailpass recreate-db asks for confirmation', () => {
  /** Runs the command on a new terminal and types these keys. Returns its exit code and its output. */
  async function runAndType(dataDir: string, keys: string) {
    let screen = ''
    const { promise: isAsked, resolve } = Promise.withResolvers<void>()
    const child = spawnOnTerminal(['recreate-db', '--data-dir', dataDir], (text) => {
      screen += text
      if (screen.includes('to continue: ')) resolve()
    })
    await isAsked
    child.terminal?.write(keys)
    return { code: await child.exited, screen }
  }

  test('and accepts only the complete word', async () => {
    using folder = temporaryFolder()
    await createAccount({ dataDir: folder.path }, 'owner')
    const users = () => {
      using database = new Database(join(folder.path, 'snailpass.db'), { readonly: true })
      return database.query('select count(*) as users from users').get()
    }
    const refused = await runAndType(folder.path, 'y\n')
    expect(refused.code).toBe(1)
    expect(refused.screen).toContain(`every vault in ${folder.path}/snailpass.db.`)
    expect(refused.screen).toContain(' cancelled: nothing was changed')
    for (const [name, key] of [
      ['Ctrl-C', '\u0003'],
      ['Ctrl-D', '\u0004'],
    ] as const) {
      const { code, screen } = await runAndType(folder.path, key)
      expect(code, name).toBe(1)
      expect(screen).toContain(' cancelled: nothing was changed')
    }
    expect(users()).toEqual({ users: 1 })

    expect((await runAndType(folder.path, 'yes\n')).code).toBe(0)
    expect(users()).toEqual({ users: 0 })
  })
})
