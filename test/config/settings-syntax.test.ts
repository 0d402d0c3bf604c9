import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load'
import { readSettings } from '../../src/config/reading'
import { formatSettingValue, parseSettingsText } from '../../src/config/settings-syntax'
import { listErrors } from '../../src/domain/errors'
import { createTemporaryFile } from '../support/settings-file'

const name = 'SNAILPASS_BACKUP_PASSPHRASE'

/** Returns the passphrase that a settings file with these lines sets; null for none. */
function passphraseOf(content: string | Uint8Array): string | null {
  using file = createTemporaryFile(content)
  const { settings } = loadConfig({ environment: {}, flags: {}, file: file.path })
  return settings.backupPassphrase?.reveal() ?? null
}

/** Returns the errors of a settings file, with FILE for its path. */
function errorsOf(content: string | Uint8Array, environment: Record<string, string> = {}) {
  using file = createTemporaryFile(content)
  const { error } = readSettings({ environment, flags: {}, file: file.path, keys: [] })
  return (error === null ? [] : listErrors(error)).map(({ message, hint }) => ({
    message: message.replace(file.path, 'FILE'),
    hint,
  }))
}

describe('a value without quotes', () => {
  test.each([
    'correct horse',
    'a=b==c',
    '$HOME $(id)',
    '%h %%',
    'C:\\data\\x',
    'a\\nb',
    'a\tb',
    '!@$%^&*()_+-=[]{}|;:,.<>/?~',
    'pässwörd ☃',
    '\u00a0x\u00a0',
  ])('means what the same characters mean in the environment: %p', (text) => {
    expect(passphraseOf(`${name}=${text}\n`)).toBe(text)
    expect(passphraseOf(`\t${name} \t= \t${text} \t`)).toBe(text)
    const { settings } = loadConfig({ environment: { [name]: text }, flags: {}, file: null })
    expect(settings.backupPassphrase?.reveal()).toBe(text)
  })

  test('that is empty sets nothing', () => {
    for (const line of ['=', '=  \t', ' = ', "=''", '=""']) {
      expect(passphraseOf(`${name}${line}\n`), line).toBeNull()
    }
  })
})

describe('a value in quotes', () => {
  test.each([
    [`'correct#horse'`, 'correct#horse'],
    [`"correct#horse"`, 'correct#horse'],
    [`'#'`, '#'],
    [`' # '`, ' # '],
    [`"it's"`, "it's"],
    [`'say "x"'`, 'say "x"'],
    [`'a\`b\`c'`, 'a`b`c'],
    [`'a\\nb\\\\c\\'`, 'a\\nb\\\\c\\'],
    [`"a\\nb"`, 'a\nb'],
    [`"a\\\\nb"`, 'a\\nb'],
    [`"\\"it's\\" #1 \\\\ \`$x\`"`, '"it\'s" #1 \\ `$x`'],
    [`"\\\\"`, '\\'],
    [`"$HOME"`, '$HOME'],
    [`" "`, ' '],
    [`'x'  \t`, 'x'],
  ])('has every character between them: %s', (text, value) => {
    expect(passphraseOf(`${name}=${text}\n`)).toBe(value)
    expect(passphraseOf(`export ${name} =  ${text}\r\n`)).toBe(value)
  })

  test('is written such that it is read as the same text', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('#', "'", '"', '`', '\\', '\n', 'n', '$', ' ', '\t', '='),
        fc
          .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
          .filter((unit) => !/\p{Cc}/u.test(unit)),
      ),
    })
    fc.assert(
      fc.property(text, (value) => {
        const line = `NAME=${formatSettingValue(value)}`
        expect(parseSettingsText(`A=1\n${line}\nB=2\n`)).toMatchObject({
          texts: { A: '1', NAME: value, B: '2' },
          faults: [],
        })
      }),
    )
    expect(formatSettingValue('/srv/x-1_2.d')).toBe('/srv/x-1_2.d')
    expect(formatSettingValue('/srv/a b#$\\')).toBe('"/srv/a b#$\\\\"')
    expect(formatSettingValue("it's \\")).toBe('"it\'s \\\\"')
  })
})

const quoting = `quote the value, as in ${name}='…'`
const commentHint = `${quoting}, or move the comment to a line of its own`
const wholeHint = `quote the whole value, as in ${name}="it's"`
const behindHint = `${wholeHint}, or move the comment to a line of its own`
const behind = 'text behind the closing quotation mark'
const unknownEscape = 'unknown escape: only \\\\, \\" and \\n are known'
const escapeHint = `write a backslash as \\\\, or use single quotes, as in ${name}='…'`
const unclosed = (mark: string) => `the quotation mark ${mark} is not closed in the same line`
const unclosedHint = (mark: string) =>
  `close it with ${mark}; a line break is written as \\n in a value in double quotes`
const control = 'it contains a control character'
const controlHint =
  'remove the character; a line break is written as \\n in a value in double quotes'

describe('a value is refused, and none of it is told,', () => {
  test.each([
    ['correct#horse', '# in a value without quotes', commentHint],
    ['#secret', '# in a value without quotes', commentHint],
    [' # a comment', '# in a value without quotes', commentHint],
    ['secret # a comment', '# in a value without quotes', commentHint],
    ['secret\t#', '# in a value without quotes', commentHint],
    ['secret\\#x', '# in a value without quotes', commentHint],
    ["it's#1", '# in a value without quotes', commentHint],
    ['`secret`', 'backtick in a value without quotes', quoting],
    ['sec`ret', 'backtick in a value without quotes', quoting],
    ["it's secret", 'text in front of a quotation mark', wholeHint],
    ['se"cr"et', 'text in front of a quotation mark', wholeHint],
    ['secret"', 'text in front of a quotation mark', wholeHint],
    [`se'cr'et`, 'text in front of a quotation mark', wholeHint],
    ['secret\\', 'a backslash at the end of a line does not continue it', quoting],
    ['"secret" # a comment', behind, behindHint],
    ['"secret"#', behind, behindHint],
    ['"sec"ret', behind, behindHint],
    ['"sec""ret"', behind, behindHint],
    [`'secret'x`, behind, behindHint],
    [`'sec'"ret"`, behind, behindHint],
    [`'it'\\''s secret'`, behind, behindHint],
    ['""secret""', behind, behindHint],
    ['"sec\\ret"', unknownEscape, escapeHint],
    ['"sec\\tret"', unknownEscape, escapeHint],
    ['"sec\\$ret"', unknownEscape, escapeHint],
    ['"sec\\u0041ret"', unknownEscape, escapeHint],
    ['"sec\\\'ret"', unknownEscape, escapeHint],
    ['"secret\\ ', unknownEscape, escapeHint],
    ['"secret', unclosed('"'), unclosedHint('"')],
    ['"', unclosed('"'), unclosedHint('"')],
    ['"secret\\"', unclosed('"'), unclosedHint('"')],
    ["'secret", unclosed("'"), unclosedHint("'")],
    [`'secret"`, unclosed("'"), unclosedHint("'")],
    ['sec\u0000ret', control, controlHint],
    ['sec\u001bret', control, controlHint],
    ['sec\rret', control, controlHint],
    ['"sec\u0085ret"', control, controlHint],
    ["'sec\u007fret'", control, controlHint],
  ])('for %j', (text, reason, hint) => {
    const content = `# comment\r\n\n${name}=${text}\nSNAILPASS_MDNS=no\n`
    const errors = errorsOf(content)
    expect(errors).toEqual([{ message: `invalid ${name} in line 3 of FILE: ${reason}`, hint }])
    expect(JSON.stringify(errors)).not.toMatch(/sec|ret\b/)
    // Also if it would not count: the line may be meant for another server.
    expect(errorsOf(content, { [name]: 'x' })).toEqual(errors)
    expect(() => passphraseOf(content)).toThrow(`invalid ${name} in line 3 of `)
  })
})

test('every line that can not be read is told, besides every other problem', () => {
  const content = `SNAILPASS_LISTEN=nowhere
SNAILPASS_TLS=files # comment
nonsense

SNAILPASS_UNKNOWN='
set -a
SNAILPASS_MAX_BODY=2048
`
  using file = createTemporaryFile(content)
  const report = readSettings({ environment: { MAIL_PORT: 'x' }, flags: {}, file: file.path })
  const { error, origins, settings, warnings } = report
  const messages = error === null ? [] : listErrors(error).map(({ message }) => message)
  expect(messages.map((message) => message.replace(file.path, 'FILE'))).toEqual([
    'invalid SNAILPASS_TLS in line 2 of FILE: # in a value without quotes',
    'invalid settings file FILE: line 3 is not NAME=value',
    "invalid SNAILPASS_UNKNOWN in line 5 of FILE: the quotation mark ' is not closed in the same line",
    'invalid settings file FILE: line 6 is not NAME=value',
    'invalid SNAILPASS_LISTEN "nowhere" in FILE: use HOST:PORT or unix:/PATH',
    'invalid MAIL_PORT "x": use a whole number from 1 to 65535',
  ])
  expect(origins.get('tls')).toMatchObject({
    source: 'file',
    problem: '# in a value without quotes',
  })
  expect(settings.maxBody).toBe(2048)
  expect(settings.listed.find((setting) => setting.name === 'SNAILPASS_TLS')).toMatchObject({
    text: null,
    source: 'file',
  })
  expect(warnings).toEqual(['SNAILPASS_UNKNOWN is set, but there is no such setting'])
})

test('a path of a secret that can not be read is told once, with the setting', () => {
  using file = createTemporaryFile('SNAILPASS_SECRET_KEY_FILE=/etc/key#1\n')
  const report = readSettings({ environment: {}, flags: {}, file: file.path })
  expect(report.error?.message).toBe(
    `invalid SNAILPASS_SECRET_KEY_FILE in line 1 of ${file.path}: # in a value without quotes`,
  )
  expect(report.origins.get('secretKey')).toMatchObject({
    name: 'SNAILPASS_SECRET_KEY_FILE',
    problem: '# in a value without quotes',
  })
})

test('the example of the documentation is read as it says', async () => {
  const page = await Bun.file(join(import.meta.dir, '../../docs/settings.md')).text()
  const example = /```sh\n(?<text>.*?)```/s.exec(page)?.groups?.['text'] ?? ''
  expect(parseSettingsText(example)).toMatchObject({
    texts: {
      SNAILPASS_LISTEN: '0.0.0.0:5000',
      SNAILPASS_BACKUP_PASSPHRASE: 'correct#horse $5 \\battery',
      MAIL_PASSWORD: 'it\'s "#1", \\ and\na second line',
    },
    faults: [],
  })
})

describe('a settings file', () => {
  test.each([
    ['comments', `# a\n  # b = "c\n\t#d'\`\n#${name}=old\n${name}=x\n#`],
    ['line ends of Windows', `# a\r\n\r\n${name}=x\r\n`],
    ['a byte order mark', `\uFEFF${name}=x`],
    ['export in front of a name', `export\t${name}=x`],
    ['a byte order mark before a comment', `\uFEFF# a\n${name}=x`],
  ])('may have %s', (_what, content) => {
    expect(passphraseOf(content)).toBe('x')
  })

  test.each([
    ['UTF-16', Buffer.from(`\uFEFF${name}=x\n`, 'utf16le'), 'the file is not UTF-8 text'],
    ['Latin-1', Buffer.from(`${name}=pässword\n`, 'latin1'), 'the file is not UTF-8 text'],
    ['more than 1 MiB', Buffer.alloc(1024 * 1024 + 1, '#'), 'the file is larger than 1024 KiB'],
  ])('is refused with %s', (_what, content, message) => {
    expect(() => errorsOf(content)).toThrow(message)
  })

  test.each([
    'export',
    `export ${name}`,
    `${name} x`,
    `${name}:x`,
    `; x`,
    '-x',
    'a-b=c',
    '1=2',
    '=x',
    '\u00a0A=1',
  ])('has no line like %p', (line) => {
    expect(errorsOf(`A=1\n${line}\n`)).toEqual([
      {
        message: 'invalid settings file FILE: line 2 is not NAME=value',
        hint: 'write settings like SNAILPASS_LISTEN=0.0.0.0:5000, and # in front of comments; a value ends with its line',
      },
    ])
  })

  test('with other line ends is no single comment', () => {
    expect(errorsOf(`# settings\r${name}=x\r`)).toEqual([
      {
        message:
          'invalid settings file FILE: line 1 has a carriage return that does not end a line',
        hint: 'save the file with the line ends of Linux or Windows',
      },
    ])
  })

  test('that sets a name several times is warned about, and the last value counts', () => {
    using file = createTemporaryFile(`${name}=x\nA=1\n#${name}=y\n${name}='y'\n\n${name}=z\n`)
    const config = loadConfig({ environment: {}, flags: {}, file: file.path })
    expect(config.settings.backupPassphrase?.reveal()).toBe('z')
    expect(config.warnings).toEqual([
      `${name} is set in the lines 1, 4, 6 of ${file.path}: the last one counts`,
    ])
  })
})
