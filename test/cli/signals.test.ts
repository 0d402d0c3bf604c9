import { expect, spyOn, test } from 'bun:test'
import { Command } from 'commander'
import { configInputOf, withConfigOptions } from '../../cli/config-options'
import { endingSignals, exitOnSignals, shutdownSignals } from '../../cli/signals'
import { onPlatform } from '../support/platform'
import { signalsFromNow } from '../support/signals'

test.each([
  ['linux', ['SIGINT', 'SIGTERM'], ['SIGHUP', 'SIGINT', 'SIGTERM']],
  ['darwin', ['SIGINT', 'SIGTERM'], ['SIGHUP', 'SIGINT', 'SIGTERM']],
  [
    'win32',
    ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGBREAK'],
    ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGBREAK'],
  ],
] as const)(
  'on %s a server shuts down on %p, and a command ends on %p',
  (platform, server, command) => {
    using _ = onPlatform(platform)
    expect<readonly string[]>(shutdownSignals()).toEqual(server)
    expect<readonly string[]>(endingSignals()).toEqual(command)
    using signals = signalsFromNow()
    exitOnSignals()
    for (const signal of command) expect(signals.added(signal)).toHaveLength(1)
  },
)

test('a command that a signal ends exits with 128 and the number of the signal', () => {
  using _ = onPlatform('win32')
  const codes: unknown[] = []
  using _exit = spyOn(process, 'exit').mockImplementation((code): never => {
    codes.push(code)
    throw new Error('exited')
  })
  using signals = signalsFromNow()
  exitOnSignals()
  for (const signal of endingSignals()) expect(() => signals.deliver(signal)).toThrow('exited')
  expect(codes).toEqual([129, 130, 143, 149])
})

test('Windows has no default settings file: every user could create one at that path', () => {
  const findDefault = (platform: NodeJS.Platform) => {
    using _ = onPlatform(platform)
    const command = withConfigOptions(new Command(), [])
    return { file: configInputOf(command).defaultFile, help: command.helpInformation() }
  }
  expect(findDefault('win32').file).toBeNull()
  expect(findDefault('win32').help).not.toContain('default:')
  for (const platform of ['linux', 'darwin'] as const) {
    expect(findDefault(platform).file).toBe('/etc/snailpass/snailpass.env')
    expect(findDefault(platform).help).toContain('default: /etc/snailpass/snailpass.env')
  }
})
