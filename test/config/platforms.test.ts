import { describe, expect, test } from 'bun:test'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { loadConfig } from '../../src/config/load'
import { onPlatform } from '../support/platform'

const load = (environment: Record<string, string>, flags: Record<string, string> = {}) =>
  loadConfig({ environment, flags, file: null }).settings

describe('on Windows', () => {
  test.each<[Record<string, string>, string]>([
    [{ LOCALAPPDATA: '/appdata' }, '/appdata/snailpass'],
    [{ LOCALAPPDATA: '' }, join(homedir(), 'AppData', 'Local', 'snailpass')],
    [{}, join(homedir(), 'AppData', 'Local', 'snailpass')],
    [{ LOCALAPPDATA: '/appdata', XDG_DATA_HOME: '/x' }, '/appdata/snailpass'],
    [{ LOCALAPPDATA: '/appdata', SNAILPASS_DATA_DIR: '/y' }, '/y'],
  ])('the default data folder with %p is %p', (environment, dataDir) => {
    using _ = onPlatform('win32')
    expect(load(environment).dataDir).toBe(dataDir)
  })

  test.each(['unix:/run/s.sock', '127.0.0.1:5000,unix:/run/s.sock'])(
    'the listener %p is refused, since nothing could restrict who uses it',
    (text) => {
      using _ = onPlatform('win32')
      expect(() => load({ SNAILPASS_LISTEN: text })).toThrow(
        'invalid SNAILPASS_LISTEN "unix:/run/s.sock": Windows can\'t restrict who uses a socket',
      )
    },
  )
})

test.each(['linux', 'darwin'] as const)('on %s a Unix socket can be a listener', (platform) => {
  using _ = onPlatform(platform)
  expect(load({ SNAILPASS_LISTEN: 'unix:/run/s.sock' }).listen).toEqual([{ path: '/run/s.sock' }])
})

test.each(['file:///srv/x', 'file://server/share', 'FILE:///C:/x', 'smb://nas/x', 's3://bucket'])(
  'the URL %p is not a folder, which it would create below the current one',
  (text) => {
    expect(() => load({}, { dataDir: text })).toThrow(`invalid --data-dir "${text}": not a folder`)
  },
)

test('a folder whose name has a colon is a folder', () => {
  for (const path of ['/srv/a:b', 'x:y', 'C:/data']) {
    expect(load({}, { dataDir: path }).dataDir).toBe(resolve(path))
  }
})
