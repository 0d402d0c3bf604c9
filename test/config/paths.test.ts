import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { installService } from '../../src/app/operations/service'
import { systemRuntime } from '../../src/app/runtime'
import { type ConfigInput, loadConfig } from '../../src/config/load'
import { readSettings } from '../../src/config/reading'
import { formatSettingValue } from '../../src/config/settings-syntax'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { createTemporaryFile } from '../support/settings-file'

function report(input: Partial<ConfigInput>) {
  return readSettings({ environment: {}, flags: {}, file: null, ...input })
}

/** The settings that are paths, with the texts that name a path. */
const settings: readonly (readonly [name: string, textFor: (path: string) => string])[] = [
  ['SNAILPASS_DATA_DIR', (path) => path],
  ['SNAILPASS_BACKUP_DIR', (path) => path],
  ['SNAILPASS_TLS_CERT', (path) => path],
  ['SNAILPASS_TLS_KEY', (path) => path],
  ['SNAILPASS_ACME_CA', (path) => path],
  ['SNAILPASS_DATABASE_URL', (path) => `sqlite:${path}`],
  ['SNAILPASS_DATABASE_URL', (path) => `sqlite:///${path}`],
  [
    'SNAILPASS_DATABASE_URI',
    (path) => `postgres://me@localhost/db?sslcert=/a&sslrootcert=${encodeURIComponent(path)}`,
  ],
  ['SNAILPASS_DATABASE_URL', (path) => `postgres://me@/db?sslkey=${encodeURIComponent(path)}`],
  ['SNAILPASS_SECRET_KEY_FILE', (path) => path],
  ['MAIL_PASSWORD_FILE', (path) => path],
]

const unusable = [
  ['"/srv/x"', 'it contains quotation marks'],
  ["'/srv/x'", 'it contains quotation marks'],
  ['/srv/"x"', 'it contains quotation marks'],
  ["/srv/it's", 'it contains quotation marks'],
  ['/srv/`id`', 'it contains quotation marks'],
  ['/srv/x\n', 'it contains control characters'],
  ['/srv/x\r', 'it contains control characters'],
  ['/srv\t/x', 'it contains control characters'],
  ['/srv/\u001b[31m', 'it contains control characters'],
  ['/srv/\u007f', 'it contains control characters'],
  ['/srv/\u0085x', 'it contains control characters'],
  ['/srv/x ', 'it begins or ends with white space'],
  [' /srv/x', 'it begins or ends with white space'],
  ['\u00a0/srv/x', 'it begins or ends with white space'],
  ['/srv/x\u200b', 'it begins or ends with white space'],
  ['\ufeff/srv/x', 'it begins or ends with white space'],
  ['~', '~ is not expanded'],
  ['~/x', '~ is not expanded'],
  ['~me/x', '~ is not expanded'],
  ['/srv/~/x', '~ is not expanded'],
] as const

function relativeWarning(from: string, path: string): string {
  return `${from} has the relative path "${path}", which depends on the folder in which snailpass is started: use ${resolve(path)}`
}

describe.each(settings)('the path of %s', (name, textFor) => {
  test.each(unusable)('is refused if it is %j', (path, reason) => {
    const text = textFor(path)
    const expected = expect.stringMatching(
      new RegExp(`^invalid ${name}.*: not a (?:folder|file|SQLite file): ${reason}(?:\n|$)`),
    )
    expect(report({ environment: { [name]: text } }).error?.message).toEqual(expected)
    if (/[^\P{Cc}\t\n]/u.test(text)) return
    using file = createTemporaryFile(`${name}=${formatSettingValue(text)}\n`)
    expect(report({ file: file.path }).error?.message).toEqual(expected)
  })

  test.each(['/srv/x', '/srv/a b#$\\c', '/srv/x~1', '/srv/ü’s', '/srv/.x/...'])(
    'may be %j',
    (path) => {
      const { error, warnings } = report({ environment: { [name]: textFor(path) } })
      expect(error?.message ?? '').not.toContain('not a ')
      expect(warnings.filter((warning) => warning.includes('relative'))).toEqual([])
    },
  )
})

// A file of a secret has to exist: it has a test of its own.
describe.each(settings.filter(([name]) => !name.endsWith('_FILE')))(
  'the path of %s',
  (name, textFor) => {
    test.each(['data/x', './x', '../x', 'C:\\x y', '$HOME/x'])(
      'is warned about if it is relative: %j',
      (path) => {
        const { warnings } = report({ environment: { [name]: textFor(path) } })
        expect(warnings).toContain(relativeWarning(name, path))
        using file = createTemporaryFile(`${name}=${formatSettingValue(textFor(path))}\n`)
        expect(report({ file: file.path }).warnings).toContain(
          relativeWarning(`${name} in ${file.path}`, path),
        )
      },
    )
  },
)

test('options are checked like the environment and the settings file', () => {
  const load = (dataDir: string) => loadConfig({ environment: {}, flags: { dataDir }, file: null })
  expect(() => load('~/x')).toThrow('invalid --data-dir "~/x": not a folder: ~ is not expanded')
  expect(() => load("it's")).toThrow('it contains quotation marks')
  expect(load('x').warnings).toEqual([
    `--data-dir has the relative path "x", which depends on the folder in which snailpass is started: use ${resolve('x')}`,
  ])
  expect(load('/x').warnings).toEqual([])
})

test.each(["unix:/run/it's.sock", 'unix:/run/~/x', 'unix:/run/\u007fx'])(
  'a Unix socket is not %j',
  (listen) => {
    expect(report({ flags: { listen } }).error?.message).toMatch(
      /^invalid --listen "unix:.*": not a Unix socket: /,
    )
  },
)

test('the folder of a socket of Postgres is checked too', () => {
  const url = 'postgres://me@%2Frun%2F~/db'
  expect(report({ environment: { SNAILPASS_DATABASE_URL: url } }).error?.message).toBe(
    'invalid SNAILPASS_DATABASE_URL: not a folder of a socket: ~ is not expanded',
  )
})

test('the path of the settings file is checked, and warned about if the environment has a relative one', () => {
  expect(() => report({ file: '~/x.env' })).toThrow(
    'invalid --config "~/x.env": not a file: ~ is not expanded',
  )
  expect(() => report({ environment: { SNAILPASS_CONFIG: '"/x.env"' } })).toThrow(
    'invalid SNAILPASS_CONFIG ""/x.env"": not a file: it contains quotation marks',
  )
  using file = createTemporaryFile('')
  const path = relative(process.cwd(), file.path)
  expect(report({ environment: { SNAILPASS_CONFIG: path } }).warnings).toEqual([
    relativeWarning('SNAILPASS_CONFIG', path),
  ])
  expect(report({ environment: { SNAILPASS_CONFIG: file.path } }).warnings).toEqual([])
  // The person who types an option is in the folder that it starts from.
  expect(report({ file: path }).warnings).toEqual([])
})

test('a relative path of a secret is warned about', () => {
  using secret = createTemporaryFile('a key of 16 characters')
  const path = relative(process.cwd(), secret.path)
  const environment = { SNAILPASS_SECRET_KEY_FILE: path }
  expect(report({ environment })).toMatchObject({
    error: null,
    warnings: [relativeWarning(`SNAILPASS_SECRET_KEY_FILE (${path})`, path)],
  })
})

test.each(["it's", '~x', 'x\n'])(
  'nothing is installed below a folder that the settings could not name: %j',
  async (name) => {
    using folder = temporaryFolder()
    const steps: string[] = []
    const location = { prefix: join(folder.path, name), hasService: false }
    const error = await captureError(
      installService(location, systemRuntime, {
        readyTimeout: 1,
        info: (line) => steps.push(line),
      }),
    )
    expect(error).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/^invalid --prefix ".*": not a folder: /),
    })
    expect(steps).toEqual([])
    expect(readdirSync(folder.path)).toEqual([])
  },
)

test.each(['file:/srv/x', 'file:///srv/x', 'smb://nas/x', 'S3://bucket'])(
  'the URL %s is no path',
  (url) => {
    for (const name of ['SNAILPASS_DATA_DIR', 'SNAILPASS_BACKUP_DIR', 'SNAILPASS_TLS_KEY']) {
      expect(report({ environment: { [name]: url } }).error?.message).toBe(
        `invalid ${name} "${url}": not a ${name.endsWith('DIR') ? 'folder' : 'file'}: it is a URL`,
      )
    }
  },
)
