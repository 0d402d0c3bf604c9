import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { settingKeys, settingTable } from '../../src/config/settings'
import { executable, run, spawnOnTerminal, temporaryFolder } from '../support/executable'
import { createTemporaryFile } from '../support/settings-file'

const password = 'correct-horse'
const key = 'a key of 19 characters'

/** Returns settings from all sources at once, with secrets. */
function settingsFromAllSources() {
  const mail = createTemporaryFile(`smtps://me%40nas.lan:${password}@mail.lan\n`)
  const file = createTemporaryFile(
    `SNAILPASS_MAIL_URL_FILE=${mail.path}\nSNAILPASS_SECRET_KEY=${key}\nSNAILPASS_TOKEN_SECONDS=30\n`,
  )
  const environment = {
    SNAILPASS_DATABASE_URI: `postgres://me:${password}@db.lan/db?sslmode=verify-full`,
    SNAILPASS_TOKEN_SECONDS: '50',
  }
  const args = ['--config', file.path, '--listen', '127.0.0.1:1', '--data-dir', '/srv/snailpass']
  return {
    args,
    environment,
    file: file.path,
    mail: mail.path,
    [Symbol.dispose]() {
      file[Symbol.dispose]()
      mail[Symbol.dispose]()
    },
  }
}

interface Invalid {
  readonly settings: readonly { name: string; value: string | null; problem: string | null }[]
}

describe('snailpass config', () => {
  test('--json prints each setting with its value, source and meaning', async () => {
    using from = settingsFromAllSources()
    const { environment } = from
    const { code, stdout, stderr } = await run(['config', '--json', ...from.args], { environment })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { settings: printed }: { settings: Record<string, unknown>[] } = JSON.parse(stdout)
    expect(printed.map((entry) => entry['name'])).toEqual(
      settingKeys.map((name) => settingTable[name].name),
    )
    const entryOf = (name: string) => printed.find((entry) => entry['name'] === name)
    expect(entryOf('SNAILPASS_LISTEN')).toEqual({
      name: 'SNAILPASS_LISTEN',
      value: '127.0.0.1:1',
      source: 'flag',
      from: '--listen',
      meaning: settingTable.listen.meaning,
      is_secret: false,
      problem: null,
    })
    expect(entryOf('SNAILPASS_DATABASE_URL')).toMatchObject({
      value: 'postgres://me:•••@db.lan/db?sslmode=verify-full',
      source: 'environment',
      from: 'SNAILPASS_DATABASE_URI',
      is_secret: true,
    })
    expect(entryOf('SNAILPASS_TOKEN_SECONDS')).toMatchObject({ value: '50', source: 'environment' })
    expect(entryOf('SNAILPASS_SECRET_KEY')).toMatchObject({
      value: '•••',
      source: 'file',
      from: `SNAILPASS_SECRET_KEY in ${from.file}`,
    })
    expect(entryOf('SNAILPASS_MAIL_URL')).toMatchObject({
      value: 'smtps://me%40nas.lan:•••@mail.lan',
      source: 'file',
      from: `SNAILPASS_MAIL_URL_FILE in ${from.file} (${from.mail})`,
    })
    expect(entryOf('SNAILPASS_PUBLIC_URL')).toMatchObject({
      value: null,
      source: 'default',
      from: null,
    })
  })

  test('prints one line for each setting and one for its meaning in a pipe, without secrets', async () => {
    using from = settingsFromAllSources()
    const { environment } = from
    const { code, stdout, stderr } = await run(['config', ...from.args], { environment })
    expect({ code, stderr }).toEqual({ code: 0, stderr: `Settings file: ${from.file}\n` })
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(1 + 2 * settingKeys.length)
    expect(lines.slice(0, 7)).toEqual([
      'SETTING                       FROM         VALUE',
      'SNAILPASS_DATA_DIR            --data-dir   /srv/snailpass',
      `    ${settingTable.dataDir.meaning}`,
      'SNAILPASS_DATABASE_URL        environment  postgres://me:•••@db.lan/db?sslmode=verify-full',
      `    ${settingTable.database.meaning}; set as SNAILPASS_DATABASE_URI`,
      'SNAILPASS_LISTEN              --listen     127.0.0.1:1',
      `    ${settingTable.listen.meaning}`,
    ])
    expect(stdout).toContain(
      'SNAILPASS_PUBLIC_HOSTS        default      (none)\n    additional names of this server',
    )
    expect(stdout).not.toContain(password)
    expect(stdout).not.toContain(key)
  })

  test('fits a terminal of 80 columns, and cuts nothing off', async () => {
    using from = settingsFromAllSources()
    let screen = ''
    const child = spawnOnTerminal(['config', ...from.args], (text) => {
      screen += text
    })
    expect(await child.exited).toBe(0)
    const lines = screen.split('\r\n').filter((line) => !line.includes(from.file))
    for (const line of lines) expect(Bun.stringWidth(line), line).toBeLessThanOrEqual(80)
    for (const { meaning } of settingKeys.map((name) => settingTable[name])) {
      expect(screen.replaceAll(/\s+/g, ' ')).toContain(meaning)
    }
  })

  test('prints every invalid setting with its problem, lists the others and fails', async () => {
    using folder = temporaryFolder()
    const environment = {
      SNAILPASS_SECRET_KEY: 'secretkey',
      SNAILPASS_MAIL_URL_FILE: '/nonexistent/mail',
      SNAILPASS_MAX_BDOY: '2048',
    }
    const args = ['--listen', 'nowhere', '--data-dir', join(folder.path, 'data')]
    const shown = await run(['config', ...args], { environment })
    expect(shown.code).toBe(2)
    expect(shown.stderr).toBe(`Settings file: /dev/null
warning: SNAILPASS_MAX_BDOY is set, but there is no such setting: did you mean SNAILPASS_MAX_BODY?
error: invalid --listen "nowhere": use HOST:PORT or unix:/PATH
hint: examples of addresses are 0.0.0.0:5000, [::]:5000 or unix:/run/snailpass/http.sock; several are comma-separated; off means none
error: invalid SNAILPASS_SECRET_KEY: shorter than 16 characters
hint: remove the secret key: a strong one is created at the first start and kept in the data folder
error: invalid SNAILPASS_MAIL_URL_FILE (/nonexistent/mail): can't read the file: ENOENT: no such file or directory, open '/nonexistent/mail'
hint: name a file that contains the secret and that the user who runs snailpass may read
`)
    expect(shown.stdout).toContain('--listen     invalid: "nowhere": use HOST:PORT or unix:/PATH\n')
    expect(shown.stdout).toContain('environment  invalid: shorter than 16 characters\n')
    expect(shown.stdout).toContain('SNAILPASS_MAX_BODY            default      1048576\n')
    expect(shown.stdout).not.toContain('secretkey')

    const json = await run(['config', '--json', ...args], { environment })
    expect(json.code).toBe(2)
    const { settings: printed }: Invalid = JSON.parse(json.stdout)
    expect(printed).toHaveLength(settingKeys.length)
    const wrong = printed.filter(({ problem }) => problem !== null)
    expect(wrong.map(({ name, value }) => [name, value])).toEqual([
      ['SNAILPASS_LISTEN', null],
      ['SNAILPASS_SECRET_KEY', null],
      ['SNAILPASS_MAIL_URL', null],
    ])
    expect(existsSync(join(folder.path, 'data'))).toBeFalse()
  })

  test('prints which settings contradict each other', async () => {
    const environment = { MAIL_USERNAME: 'me@nas.lan' }
    const { code, stdout, stderr } = await run(['config'], { environment })
    expect(code).toBe(2)
    expect(stdout).toContain('MAIL_USERNAME                 environment  me@nas.lan\n')
    expect(stderr).toContain(
      'error: MAIL_PASSWORD is missing\nhint: set both MAIL_USERNAME and MAIL_PASSWORD, or neither\n',
    )
  })

  test('ends silently when the reader closes the pipe', async () => {
    using folder = temporaryFolder()
    const stderr = join(folder.path, 'stderr')
    const child = Bun.spawn(
      ['sh', '-c', '"$0" config 2>"$1" | head -n 0; cat "$1"', executable, stderr],
      { env: { HOME: '/nonexistent', SNAILPASS_CONFIG: '/dev/null' } },
    )
    const stdout = await new Response(child.stdout).text()
    expect(await child.exited).toBe(0)
    expect(stdout).not.toContain('a bug in snailpass')
  })
})

test('every command warns about unknown settings', async () => {
  using folder = temporaryFolder()
  const environment = { SNAILPASS_LISTN: 'x' }
  const { code, stderr } = await run(['mail', 'list', '--data-dir', folder.path], { environment })
  expect(code).toBe(1)
  expect(stderr).toStartWith(
    'warning: SNAILPASS_LISTN is set, but there is no such setting: did you mean SNAILPASS_LISTEN?\n',
  )
})
