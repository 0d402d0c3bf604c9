import { afterEach, describe, expect, test } from 'bun:test'
import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { settleDataFolder } from '../../src/service/same-folders'
import { captureError } from '../support/capture-error'
import { createFakeInstallation } from '../support/fake-installation'
import { createFakeUnit, formatExecStart } from '../support/fake-unit'

afterEach(() => {
  for (const name of Object.keys(process.env))
    if (/^SNAILPASS_(?:CONFIG|D)/.test(name)) delete process.env[name]
})

/** An installation for the user `nobody` with this settings file, whose home folder is below that of the test. */
function setUp(settings: (dataDir: string) => string) {
  const fake = createFakeInstallation({ hasService: true })
  const layout = { ...fake.layout, user: 'nobody' }
  const home = join(fake.folder, 'home')
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  write(layout.settingsFile, settings(layout.dataDir))
  mkdirSync(layout.dataDir, { recursive: true })
  chmodSync(layout.dataDir, 0o700)
  const systemUser = { uid: 65_534, gid: 65_533, home, groups: [] }
  return {
    layout,
    write,
    oldDefault: join(home, '.local', 'share', 'snailpass'),
    lines: fake.lines,
    settle: (unit = layout.unit) =>
      settleDataFolder({
        ...{ ...fake.request(1), layout: { ...layout, unit }, systemUser, unitVariables: {} },
      }),
    [Symbol.dispose]: fake[Symbol.dispose],
  }
}

const named = (dataDir: string) => `SNAILPASS_DATA_DIR=${dataDir}\n`
const isRoot = process.getuid?.() === 0

describe.skipIf(!isRoot)('the data folder of the service', () => {
  test('is the one that the settings name, and no longer belongs to root', async () => {
    using it = setUp(named)
    await it.settle()
    expect(lstatSync(it.layout.dataDir).uid).toBe(65_534)
    expect(it.lines).toEqual([`gave ${it.layout.dataDir} of root to the user nobody`])
    await it.settle()
    expect(it.lines).toHaveLength(1)
  })

  test('is that of root if the settings name none', async () => {
    using it = setUp(() => '# SNAILPASS_DATA_DIR=\n')
    await it.settle()
    expect(lstatSync(it.layout.dataDir).uid).toBe(65_534)
    expect(readFileSync(it.layout.settingsFile, 'utf8')).toBe('# SNAILPASS_DATA_DIR=\n')
  })

  test.each(['snailpass.db', 'secret.key'])(
    'is named by the settings from now on if it was below the home folder: %s',
    async (name) => {
      using it = setUp(() => 'SNAILPASS_LISTEN=127.0.0.1:1')
      it.write(join(it.oldDefault, name), '')
      await it.settle()
      expect(readFileSync(it.layout.settingsFile, 'utf8')).toBe(
        `SNAILPASS_LISTEN=127.0.0.1:1\nSNAILPASS_DATA_DIR=${it.oldDefault}\n`,
      )
      expect(it.lines[0]).toBe(
        `named the data folder ${it.oldDefault} in ${it.layout.settingsFile}`,
      )
    },
  )

  test('is named by the settings if there is no unit to name it', async () => {
    using it = setUp(() => '')
    await it.settle(null)
    const { dataDir, settingsFile } = it.layout
    expect(readFileSync(settingsFile, 'utf8')).toBe(`\nSNAILPASS_DATA_DIR=${dataDir}\n`)
    expect(it.lines[0]).toBe(`named the data folder ${dataDir} in ${settingsFile}`)
    await it.settle(null)
    expect(readFileSync(settingsFile, 'utf8').match(/DATA_DIR/g)).toHaveLength(1)
  })

  test('is not chosen if there are two', async () => {
    using it = setUp(() => '')
    it.write(join(it.oldDefault, 'snailpass.db'), '')
    it.write(join(it.layout.dataDir, 'secret.key'), '')
    expect(await captureError(it.settle())).toMatchObject({
      code: 'conflict',
      message: `both ${it.layout.dataDir} and ${it.oldDefault} contain data of snailpass`,
      hint: `name the right one with SNAILPASS_DATA_DIR in ${it.layout.settingsFile}; the service has used ${it.oldDefault}`,
    })
    expect(readFileSync(it.layout.settingsFile, 'utf8')).toBe('')
    expect(lstatSync(it.layout.dataDir).uid).toBe(0)
  })

  test.each([
    ['SNAILPASS_DATA_DIR=vaults\n', 'SNAILPASS_DATA_DIR', 'vaults'],
    ['SNAILPASS_DATABASE_URL=sqlite:db/vaults.db\n', 'SNAILPASS_DATABASE_URL', 'db/vaults.db'],
  ])('has a full path: %p', async (text, name, path) => {
    using it = setUp(() => text)
    expect(await captureError(it.settle())).toMatchObject({
      code: 'invalid',
      message: `${name} in ${it.layout.settingsFile} has the relative path ${path}`,
      hint: "use the full path: a service starts in another folder than root's commands",
    })
    expect(lstatSync(it.layout.dataDir).uid).toBe(0)
  })

  test('is not looked for with settings that the server refuses', async () => {
    using it = setUp(() => 'SNAILPASS_DATA_DIR=~/vaults\n')
    await it.settle()
    expect(lstatSync(it.layout.dataDir).uid).toBe(0)
  })
})

describe("a shell whose variables give root's commands other data is refused", () => {
  test.each([
    ['SNAILPASS_DATA_DIR', '/srv/others'],
    ['SNAILPASS_DATABASE_URL', 'postgres://a@b/c'],
    ['SNAILPASS_DATABASE_URI', 'sqlite:/srv/vaults.db'],
    ['SNAILPASS_DATABASE_URL', 'nonsense'],
    ['SNAILPASS_CONFIG', '/dev/null'],
  ])('%s=%s', async (name, value) => {
    using it = setUp(named)
    process.env[name] = value
    expect(await captureError(it.settle())).toMatchObject({
      code: 'conflict',
      message: `this shell sets ${name}, so root's commands would use other data than the service, which reads ${it.layout.settingsFile}`,
      hint: expect.stringContaining('unset it in the shell'),
    })
    expect(it.lines).toEqual([])
  })

  test('but not one that names the same', async () => {
    using it = setUp(named)
    process.env['SNAILPASS_DATA_DIR'] = `${it.layout.dataDir}/`
    process.env['SNAILPASS_CONFIG'] = it.layout.settingsFile
    process.env['SNAILPASS_DOMAIN'] = 'unrelated'
    expect(await captureError(it.settle())).toBeNull()
  })
})

describe('a unit that gives the service other data is refused', () => {
  test.each([
    ['SNAILPASS_DATA_DIR', { Environment: 'XDG_DATA_HOME=/var/lib SNAILPASS_DATA_DIR=/srv/x' }],
    ['SNAILPASS_DATA_DIR', { Environment: 'A=b "SNAILPASS_DATA_DIR=/srv/my \\"x\\""' }],
    ['SNAILPASS_DATABASE_URL', { Environment: 'SNAILPASS_DATABASE_URL=postgres://a@b/c' }],
    ['SNAILPASS_DATA_DIR', { EnvironmentFiles: 'FOLDER/extra.env (ignore_errors=no)' }],
    ['--data-dir', { ExecStart: formatExecStart('--data-dir /srv/x --config FOLDER/settings') }],
    ['--config', { ExecStart: formatExecStart('--config=FOLDER/extra.env') }],
  ])('%s in %p', async (cause, properties) => {
    using it = setUp(named)
    const folder = dirname(it.layout.settingsFile)
    it.write(join(folder, 'extra.env'), '# A comment\nSNAILPASS_DATA_DIR=/srv/x\n')
    const settingsFile = it.layout.settingsFile
    const texts = Object.entries(properties).map(([name, text = '']) => [
      name,
      text.replace('FOLDER/settings', settingsFile).replace('FOLDER', folder),
    ])
    it.write(it.layout.unit ?? '', '')
    using _systemd = createFakeUnit(Object.fromEntries(texts))
    expect(await captureError(it.settle())).toMatchObject({
      code: 'conflict',
      message: `the unit of the service sets ${cause}, so the service uses other data than root's commands, which read ${settingsFile}`,
      hint: `set it in ${settingsFile}, and remove it with \`systemctl edit snailpass\``,
    })
    expect(it.lines).toEqual([])
  })

  test('but not one that names the same, or nothing', async () => {
    using it = setUp(named)
    const { settingsFile, dataDir } = it.layout
    it.write(it.layout.unit ?? '', '')
    for (const properties of [
      {},
      {
        Environment: `SNAILPASS_DATA_DIR=${dataDir} SNAILPASS_LISTEN=127.0.0.1:1`,
        EnvironmentFiles: `${settingsFile} (ignore_errors=yes)\n${dataDir} (ignore_errors=yes)\n${dataDir}/missing (ignore_errors=yes)`,
        ExecStart: formatExecStart(`--no-create --config ${settingsFile}`),
      },
    ]) {
      using _systemd = createFakeUnit(properties)
      expect(await captureError(it.settle())).toBeNull()
    }
  })
})
