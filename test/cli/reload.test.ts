import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { loadCommandConfig, withConfigOptions } from '../../cli/config-options'
import { reloadOnHangup } from '../../cli/reload'
import { settingKeys } from '../../src/config/settings'
import type { LogOptions } from '../../src/log'
import { onPlatform } from '../support/platform'
import { createTemporaryFile } from '../support/settings-file'
import { signalsFromNow } from '../support/signals'
import { createTestLog } from '../support/tls'

/** A server that was started with a settings file, without a server: what SIGHUP has it do. */
function serverWith(text: string) {
  const file = createTemporaryFile(text)
  const command = withConfigOptions(new Command(), settingKeys).exitOverride()
  command.parse(['--config', file.path], { from: 'user' })
  const { log, listEntries } = createTestLog()
  const done: (LogOptions | 'certificates')[] = []
  const signals = signalsFromNow()
  const listening = reloadOnHangup({
    ...{ command, log, config: loadCommandConfig(command) },
    configureLog: (options) => done.push(options),
    reloadCertificates: () => done.push('certificates'),
  })
  return {
    ...{ done, listEntries },
    hangUp(next: string) {
      writeFileSync(file.path, next)
      signals.deliver('SIGHUP')
    },
    [Symbol.dispose]() {
      listening[Symbol.dispose]()
      file[Symbol.dispose]()
    },
  }
}

describe('SIGHUP', () => {
  test('reloads the certificates and the settings of the log, and says so', () => {
    using server = serverWith('')
    server.hangUp('SNAILPASS_LOG_FORMAT=json\nSNAILPASS_LOG_LEVEL=warn\n')
    expect(server.done).toEqual(['certificates', { format: 'json', level: 'warn' }])
    expect(server.listEntries('info')).toMatchObject([
      { message: 'SIGHUP: reloading the certificates and the settings of the log' },
    ])
    expect(server.listEntries('warn')).toEqual([])
  })

  test('names each setting that needs a restart and has another text, in the order of their table', () => {
    using server = serverWith('SNAILPASS_MAX_BODY=2048\nSNAILPASS_LOG_LEVEL=info\n')
    server.hangUp('SNAILPASS_MAX_BODY=2048\n')
    expect(server.listEntries('warn')).toEqual([])
    server.hangUp(
      'SNAILPASS_BACKUP_PASSPHRASE=x\nSNAILPASS_MAX_BODY=4096\nSNAILPASS_LOG_LEVEL=warn\n',
    )
    server.hangUp('')
    const settings = server.listEntries('warn').map((entry) => entry.settings.split(' ').toSorted())
    expect(settings).toEqual([
      ['SNAILPASS_BACKUP_PASSPHRASE', 'SNAILPASS_MAX_BODY'],
      ['SNAILPASS_MAX_BODY'],
    ])
    expect(server.listEntries('warn')[0].message).toBe(
      'these settings have changed: restart the server to use them',
    )
  })

  test('reloads the certificates, and changes nothing else, if the settings are invalid', () => {
    using server = serverWith('')
    server.hangUp('SNAILPASS_LOG_LEVEL=all\n')
    expect(server.done).toEqual(['certificates'])
    // It says itself what it may be.
    server.hangUp('SNAILPASS_DATABASE_URL=postgres://u:p%@db.lan/x\n')
    expect(server.listEntries('error')).toEqual([
      {
        ...{ time: expect.any(String), level: 'error' },
        message: expect.stringMatching(
          /^the settings were not reloaded: invalid SNAILPASS_LOG_LEVEL "all" in \S+: use debug, info, warn or error$/,
        ),
      },
      {
        ...{ time: expect.any(String), level: 'error', hint: 'write % itself as %25' },
        message: expect.stringMatching(/^the settings were not reloaded: .*SNAILPASS_DATABASE_URL/),
      },
    ])
    expect(server.done).toEqual(['certificates', 'certificates'])
    server.hangUp('SNAILPASS_LOG_LEVEL=debug\n')
    expect(server.done.at(-1)).toEqual({ format: 'text', level: 'debug' })
  })

  test('is not listened for any more when the server has ended', () => {
    const server = serverWith('')
    const before = process.listenerCount('SIGHUP')
    server[Symbol.dispose]()
    expect(process.listenerCount('SIGHUP')).toBe(before - 1)
  })

  test('ends the server on Windows, where a console that is closed sends it', () => {
    using _ = onPlatform('win32')
    const before = process.listenerCount('SIGHUP')
    using _server = serverWith('')
    expect(process.listenerCount('SIGHUP')).toBe(before)
  })
})
