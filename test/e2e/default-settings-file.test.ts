import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram } from '../../cli/program'
import { listCommands } from '../support/commands'
import { temporaryFolder } from '../support/executable'
import { hasMountNamespaces, runWithOwnEtc } from '../support/mount-namespace'

const file = '/etc/snailpass/snailpass.env'
const installed = `mkdir /etc/snailpass; echo SNAILPASS_LISTEN=127.0.0.1:7 > ${file};`

/** Even root needs it to read what its mode forbids. */
const powerless = 'setpriv --bounding-set=-all --inh-caps=-all'

const takesSettings = listCommands(createProgram()).filter(({ command }) =>
  command.options.some(({ long }) => long === '--config'),
)

// In a process, test/config/sources.test.ts covers the same where a system has no namespaces.
describe.skipIf(!hasMountNamespaces)('/etc/snailpass/snailpass.env', () => {
  test('is read where no other file is named', async () => {
    const shown = await runWithOwnEtc(`${installed} /etc/exe config`)
    expect(shown).toMatchObject({ code: 0, stderr: `Settings file: ${file}\n` })
    expect(shown.stdout).toMatch(/^SNAILPASS_LISTEN +file +127\.0\.0\.1:7$/m)
    const none = await runWithOwnEtc(`${installed} /etc/exe config --config /dev/null`)
    expect(none.stdout).toMatch(/^SNAILPASS_LISTEN +default +0\.0\.0\.0:5000$/m)
    const missing = await runWithOwnEtc('/etc/exe config')
    expect(missing).toMatchObject({ code: 0, stderr: 'No settings file was read.\n' })
  })

  test.each([
    ['file', `chmod 000 ${file};`],
    ['folder', 'chmod 000 /etc/snailpass;'],
  ])('stops whoever may not read the %s, and says what to do', async (_name, close) => {
    const refused = await runWithOwnEtc(`${installed} ${close} ${powerless} /etc/exe config`)
    expect(refused).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: this user may not read the settings file ${file}
hint: run this as root or as the user of the service; with --config /dev/null, no settings file is read
`,
    })
  })

  test('stops every command that takes settings, before it makes anything', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    expect(takesSettings.length).toBeGreaterThan(8)
    const calls = takesSettings.map(({ command, path }) => {
      const required = command.registeredArguments.map(() => 'sqlite:/nonexistent')
      const words = [...path, ...required].join(' ')
      return `SNAILPASS_DATA_DIR=${dataDir} ${powerless} /etc/exe ${words} && exit 9 || echo $?;`
    })
    const refused = await runWithOwnEtc(`${installed} chmod 000 ${file}; ${calls.join('')}`)
    expect(refused.stdout.trimEnd().split('\n')).toEqual(takesSettings.map(() => '2'))
    const errors = refused.stderr.split('\n').filter((line) => line.startsWith('error: '))
    expect(new Set(errors)).toEqual(
      new Set([`error: this user may not read the settings file ${file}`]),
    )
    expect(errors).toHaveLength(takesSettings.length)
    expect(existsSync(dataDir)).toBeFalse()
  })
})
