import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { install } from '../../src/service/install'
import {
  listOverridesOfUnit,
  readUnitSettings,
  variablesOfUnit,
} from '../../src/service/unit-settings'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { createFakeInstallation } from '../support/fake-installation'
import { createFakeUnit, formatExecStart } from '../support/fake-unit'
import { freePort } from '../support/free-port'
import { createTemporaryFile } from '../support/settings-file'

/** Returns the variables of a unit for which systemd prints these properties. */
async function variablesOf(properties: Readonly<Record<string, string>>) {
  using _systemd = createFakeUnit(properties)
  return variablesOfUnit(await readUnitSettings({ unit: import.meta.path }))
}

describe('the settings of a unit', () => {
  test('are its variables and options; the options count', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'more.env')
    writeFileSync(file, "# A comment\nSNAILPASS_SIGNUPS='invited'\n")
    expect(
      await variablesOf({
        Environment:
          'XDG_DATA_HOME=/var/lib SNAILPASS_LISTEN=127.0.0.1:1 "MAIL_PASSWORD=a \\"b\\" c" SNAILPASS_SIGNUPS=open',
        EnvironmentFiles: `${file} (ignore_errors=no)`,
        ExecStart: formatExecStart('--config /etc/x --listen 127.0.0.1:2 --listen-tls=127.0.0.1:3'),
      }),
    ).toEqual({
      SNAILPASS_LISTEN: '127.0.0.1:2',
      SNAILPASS_LISTEN_TLS: '127.0.0.1:3',
      SNAILPASS_SIGNUPS: 'invited',
      MAIL_PASSWORD: 'a "b" c',
    })
  })

  test('are none without a unit, and of a unit that sets none', async () => {
    const none = { environment: {}, flags: {}, file: null }
    expect(await readUnitSettings({ unit: null })).toEqual(none)
    expect(await readUnitSettings({ unit: '/nonexistent/unit' })).toEqual(none)
    expect(await variablesOf({ Environment: 'XDG_DATA_HOME=/var/lib TZ=UTC' })).toEqual({})
  })

  test('have no files of credentials, which only the service can read', async () => {
    const Environment =
      'SNAILPASS_SECRET_KEY_FILE=/etc/key SNAILPASS_BACKUP_PASSPHRASE_FILE=/run/credentials/snailpass.service/pass'
    expect(await variablesOf({ Environment })).toEqual({ SNAILPASS_SECRET_KEY_FILE: '/etc/key' })
  })

  test('override the settings file where they are others', () => {
    using file = createTemporaryFile('SNAILPASS_SIGNUPS=open\nSNAILPASS_LOG_LEVEL=info\n')
    const variables = {
      SNAILPASS_SIGNUPS: 'open',
      SNAILPASS_LOG_LEVEL: 'debug',
      SNAILPASS_MDNS: 'no',
    }
    expect(listOverridesOfUnit(variables, file.path)).toEqual([
      'SNAILPASS_LOG_LEVEL',
      'SNAILPASS_MDNS',
    ])
    expect(listOverridesOfUnit({ SNAILPASS_MDNS: 'no' }, '/nonexistent/file')).toEqual([
      'SNAILPASS_MDNS',
    ])
  })
})

describe('a drop-in that has the service listen elsewhere', () => {
  const setUp = () => {
    const fake = createFakeInstallation({ hasService: true })
    const systemd = fake.withFakeSystemd()
    return {
      ...fake,
      [Symbol.dispose]() {
        systemd[Symbol.dispose]()
        fake[Symbol.dispose]()
      },
    }
  }
  const warning = (settingsFile: string) =>
    `warning: the unit of the service sets SNAILPASS_LISTEN: the server uses that in place of ${settingsFile}, and commands such as \`snailpass backup\` do not know of it`

  test('is where an installation and an upgrade wait for the server, and is told', async () => {
    using fake = setUp()
    await install(fake.request(1))
    fake.write('migration 1')
    const port = freePort()
    fake.setUnitEnvironment(`SNAILPASS_LISTEN=127.0.0.1:${port}`)
    for (const version of [1, 2]) {
      fake.asked.length = 0
      fake.lines.length = 0
      await install(fake.request(version))
      expect(new Set(fake.asked)).toEqual(new Set([port]))
      expect(fake.lines).toContain(warning(fake.layout.settingsFile))
    }
    expect(fake.installedVersion()).toBe('2')
  })

  test('counts for a first installation too', async () => {
    using fake = setUp()
    const port = freePort()
    fake.setUnitEnvironment(`SNAILPASS_LISTEN=127.0.0.1:${port}`)
    await install(fake.request(1))
    expect(new Set(fake.asked)).toEqual(new Set([port]))
    expect(fake.lines).toContain(warning(fake.layout.settingsFile))
  })

  test('no longer counts once the upgrade has replaced the unit that said so', async () => {
    using fake = setUp()
    await install(fake.request(1))
    fake.write('migration 1')
    fake.setUnitEnvironment(`SNAILPASS_LISTEN=127.0.0.1:${freePort()}`)
    fake.asked.length = 0
    fake.lines.length = 0
    const info = (line: string) => {
      fake.lines.push(line)
      if (line === 'the new version passed its test') fake.setUnitEnvironment('')
    }
    expect(await captureError(install(fake.request(2, { info })))).toBeNull()
    expect(new Set(fake.asked)).toEqual(new Set([fake.port]))
    expect(fake.lines.join('\n')).not.toContain('warning')
  })
})
