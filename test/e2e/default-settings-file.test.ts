import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram } from '../../cli/program'
import { listCommands } from '../support/commands'
import { temporaryFolder } from '../support/executable'
import { hasMountNamespaces, runWithOwnEtc } from '../support/mount-namespace'

const file = '/etc/snailpass/snailpass.env'
const installed = `mkdir /etc/snailpass; echo SNAILPASS_LISTEN=127.0.0.1:7 > ${file};`

/** Drops the capabilities by which root may read every file. */
const unprivileged = 'setpriv --bounding-set=-all --inh-caps=-all'

const takesSettings = listCommands(await createProgram()).filter(({ command }) =>
  command.options.some(({ long }) => long === '--config'),
)

// test/config/sources.test.ts covers the same within a process, for systems without namespaces.
describe.skipIf(!hasMountNamespaces)('/etc/snailpass/snailpass.env', () => {
  test('is read if no other file is named', async () => {
    const shown = await runWithOwnEtc(`${installed} /etc/exe config`)
    expect(shown).toMatchObject({ code: 0, stderr: `Settings file: ${file}\n` })
    expect(shown.stdout).toMatch(/^SNAILPASS_LISTEN +file +127\.0\.0\.1:7$/m)
    const none = await runWithOwnEtc(`${installed} /etc/exe config --config /dev/null`)
    expect(none.stdout).toMatch(/^SNAILPASS_LISTEN +default +0\.0\.0\.0:5000, \[::\]:5000$/m)
    const missing = await runWithOwnEtc('/etc/exe config')
    expect(missing).toMatchObject({ code: 0, stderr: 'No settings file was read.\n' })
  })

  test.each([
    ['file', `chmod 000 ${file};`],
    ['folder', 'chmod 000 /etc/snailpass;'],
  ])('stops users who may not read the %s, and says what to do', async (_name, close) => {
    const refused = await runWithOwnEtc(`${installed} ${close} ${unprivileged} /etc/exe config`)
    expect(refused).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: no permission to read the settings file ${file}
hint: run this as root or as the user of the service, or use --config /dev/null to read no settings file
`,
    })
  })

  test('stops every command that takes settings before it creates anything', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    expect(takesSettings.length).toBeGreaterThan(8)
    const calls = takesSettings.map(({ command, path }) => {
      const required = command.registeredArguments.map(() => 'sqlite:/nonexistent')
      const words = [...path, ...required].join(' ')
      return `SNAILPASS_DATA_DIR=${dataDir} ${unprivileged} /etc/exe ${words} && exit 9 || echo $?;`
    })
    const refused = await runWithOwnEtc(`${installed} chmod 000 ${file}; ${calls.join('')}`)
    expect(refused.stdout.trimEnd().split('\n')).toEqual(takesSettings.map(() => '2'))
    const errors = refused.stderr.split('\n').filter((line) => line.startsWith('error: '))
    expect(new Set(errors)).toEqual(
      new Set([`error: no permission to read the settings file ${file}`]),
    )
    expect(errors).toHaveLength(takesSettings.length)
    expect(existsSync(dataDir)).toBeFalse()
  })
})
