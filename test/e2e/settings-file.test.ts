import { describe, expect, test } from 'bun:test'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createProgram } from '../../cli/program'
import { createAccount } from '../support/accounts'
import { recordPriorities, runCommand } from '../support/cli'
import { listCommands } from '../support/commands'
import { executable, run, temporaryFolder } from '../support/executable'
import { runServiceInstall } from '../support/installed-service'
import { createTemporaryFile } from '../support/settings-file'
import { makePassphrasesCheap } from '../support/test-database'

const takesSettings = listCommands(await createProgram()).filter(({ command }) =>
  command.options.some(({ long }) => long === '--config'),
)

test('a line that is unclear stops every command before it creates anything', async () => {
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  using file = createTemporaryFile(
    `SNAILPASS_DATA_DIR=${dataDir}\nSNAILPASS_BACKUP_PASSPHRASE=#hunter2\nMAIL_PASSWORD="hunter"3\n`,
  )
  expect(takesSettings.length).toBeGreaterThan(8)
  for (const { command, path } of takesSettings) {
    const words = [...path, ...command.registeredArguments.map(() => 'sqlite:/nonexistent')]
    const { code, stdout, stderr } = await run([...words, '--config', file.path])
    const isDoctor = path[0] === 'doctor'
    expect({ command: path.join(' '), code }).toEqual({
      command: path.join(' '),
      code: isDoctor ? 1 : 2,
    })
    const [told = [], hinted = []] = [
      /^(?:error| {5}what): (.*)$/gm,
      /^(?:hint| {5}do: {2}): (.*)$/gm,
    ].map((pattern) =>
      Array.from((isDoctor ? stdout : stderr).matchAll(pattern), ([, text]) => text),
    )
    expect(told).toEqual([
      `invalid SNAILPASS_BACKUP_PASSPHRASE in line 2 of ${file.path}: # in a value without quotes`,
      `invalid MAIL_PASSWORD in line 3 of ${file.path}: text behind the closing quotation mark`,
    ])
    if (!isDoctor) expect(hinted).toHaveLength(2)
    expect(stdout + stderr).not.toContain('hunter')
  }
  expect(existsSync(dataDir)).toBeFalse()
}, 300_000)

test('a passphrase in quotes encrypts backups with all of its characters', async () => {
  using _passphrases = makePassphrasesCheap()
  using _priorities = recordPriorities()
  using folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  await createAccount({ dataDir, environment: {} }, 'owner', () => Promise.resolve())
  const passphrase = 'correct#horse\'s "battery" \\ `staple`'
  using file = createTemporaryFile(
    `SNAILPASS_BACKUP_PASSPHRASE="correct#horse's \\"battery\\" \\\\ \`staple\`" \r\n`,
  )
  const made = await runCommand(['backup', '--data-dir', dataDir, '--config', file.path])
  expect(made).toMatchObject({ code: 0 })
  const [name = ''] = readdirSync(join(dataDir, 'backups'))
  expect(name).toEndWith('.age')
  using secret = createTemporaryFile(`${passphrase}\n`)
  const verify = ['backup', 'verify', join(dataDir, 'backups', name), '--data-dir', dataDir]
  const verified = await runCommand([...verify, '--passphrase-file', secret.path])
  expect(verified).toMatchObject({ code: 0 })
})

describe('the installer', () => {
  test('writes a settings file that names the data folder, whatever characters that has', async () => {
    using folder = temporaryFolder()
    const prefix = join(folder.path, 'a #1 $HOME \\n')
    const installed = await runServiceInstall(executable, prefix)
    expect(installed).toMatchObject({ code: 0 })
    const file = join(prefix, 'etc', 'snailpass', 'snailpass.env')
    const shown = await run(['config', '--json', '--config', file])
    expect(JSON.parse(shown.stdout).settings[0]).toMatchObject({
      name: 'SNAILPASS_DATA_DIR',
      value: join(prefix, 'var', 'lib', 'snailpass'),
      source: 'file',
    })
    expect(shown.stderr).toBe('')
  }, 300_000)

  test('refuses a folder that the settings could not name, and creates nothing', async () => {
    using folder = temporaryFolder()
    const refused = await runServiceInstall(executable, join(folder.path, "it's"))
    expect(refused).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: invalid --prefix "${folder.path}/it's": not a folder: it contains quotation marks
hint: use a path without quotation marks; in environment variables and files of container tools, quotes are part of the value
`,
    })
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('refuses an upgrade for settings that the new version does not read, and changes nothing', async () => {
    using folder = temporaryFolder()
    const program = join(folder.path, 'bin', 'snailpass')
    const settingsFile = join(folder.path, 'etc', 'snailpass', 'snailpass.env')
    expect(await runServiceInstall(executable, folder.path)).toMatchObject({ code: 0 })
    // Stands in for the old version, which must not be called.
    const oldProgram = '#!/bin/sh\nexit 9\n'
    writeFileSync(program, oldProgram)
    appendFileSync(settingsFile, 'SNAILPASS_TLS=local # ours\nSNAILPASS_BACKUP_DIR=`pwd`\n')
    const before = readFileSync(settingsFile, 'utf8')
    const lines = before.split('\n').length
    expect(await runServiceInstall(executable, folder.path)).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: invalid SNAILPASS_TLS in line ${lines - 2} of ${settingsFile}: # in a value without quotes
hint: quote the value, as in SNAILPASS_TLS='…', or move the comment to a line of its own
error: invalid SNAILPASS_BACKUP_DIR in line ${lines - 1} of ${settingsFile}: backtick in a value without quotes
hint: quote the value, as in SNAILPASS_BACKUP_DIR='…'
`,
    })
    expect(readFileSync(program, 'utf8')).toBe(oldProgram)
    expect(readFileSync(settingsFile, 'utf8')).toBe(before)
    expect(existsSync(join(folder.path, 'lib', 'snailpass'))).toBeFalse()
  }, 300_000)
})

test('a data folder in quotes or with ~ is not created, and a relative one is warned about', async () => {
  using folder = temporaryFolder()
  const home = join(folder.path, 'home')
  mkdirSync(home)
  const serve = (dataDir: string) =>
    run(['serve', '--listen', '127.0.0.1:0'], {
      environment: { SNAILPASS_DATA_DIR: dataDir, HOME: home },
    })
  for (const dataDir of [`"${folder.path}/x"`, `${folder.path}/x\n`, '~/x', ` ${folder.path}/x`]) {
    const { code, stderr } = await serve(dataDir)
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /^error: invalid SNAILPASS_DATA_DIR ".*": not a folder: .*\nhint: .*\n$/,
      ),
    })
  }
  expect(readdirSync(folder.path)).toEqual(['home'])
  expect(readdirSync(home)).toEqual([])
  const { stderr } = await run(['user', 'list', '--data-dir', 'nowhere'])
  expect(stderr).toStartWith(
    'warning: --data-dir has the relative path "nowhere", which depends on',
  )
})
