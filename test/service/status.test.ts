import { expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import type { Endpoint } from '../../src/config/listen-address'
import { DomainError } from '../../src/domain/errors'
import { install } from '../../src/service/install'
import { readInstallationStatus } from '../../src/service/status'
import { captureError } from '../support/capture-error'
import { createFakeInstallation, nameOf } from '../support/fake-installation'

const endpoint: Endpoint = { address: { hostname: '127.0.0.1', port: 5000 }, isTls: false }
const ready = { endpointsOf: () => [endpoint], checkReadiness: async () => null }

test('the status tells the version, the state of the service, and whether the server is ready', async () => {
  using fake = createFakeInstallation({ hasService: true })
  using _systemd = fake.withFakeSystemd()
  expect(await captureError(readInstallationStatus(fake.layout, ready))).toMatchObject({
    code: 'not_found',
    hint: expect.stringContaining('--prefix'),
  })
  await install(fake.request(1))
  const version = `snailpass ${nameOf(1)}`
  const service = {
    activeState: 'active',
    since: '',
    restarts: 0,
    isPending: false,
    message: '',
  }
  expect(await readInstallationStatus(fake.layout, ready)).toEqual({
    version,
    service,
    isReady: true,
    problems: [],
  })
  const busy = { ...ready, checkReadiness: async () => 'status 503' }
  expect(await readInstallationStatus(fake.layout, busy)).toEqual({
    version,
    service,
    isReady: false,
    problems: [new DomainError('unavailable', ['the log ends with:', 'last line of the log'])],
  })
  fake.setServiceMessage('error: one hint: do this error: two')
  expect((await readInstallationStatus(fake.layout, busy)).problems).toEqual([
    new DomainError('unavailable', 'one', { hint: 'do this' }),
    new DomainError('unavailable', 'two'),
  ])
  expect((await readInstallationStatus(fake.layout, ready)).problems).toEqual([])
  fake.setServiceMessage('migrating')
  expect((await readInstallationStatus(fake.layout, busy)).problems).toHaveLength(1)
  const silent = { ...ready, endpointsOf: () => [] }
  expect((await readInstallationStatus(fake.layout, silent)).isReady).toBeFalse()
})

test('the status of an executable that does not run has no version', async () => {
  using fake = createFakeInstallation()
  await install(fake.request(1))
  fs.writeFileSync(fake.layout.executable, '#!/bin/sh\nexit 1\n')
  fs.chmodSync(fake.layout.executable, 0o755)
  expect(await readInstallationStatus(fake.layout, ready)).toEqual({
    version: null,
    service: null,
    isReady: true,
    problems: [],
  })
})

test('the status of settings that somebody may not read asks for sudo', async () => {
  using fake = createFakeInstallation()
  await install(fake.request(1))
  const cause = Object.assign(new Error('not permitted'), { code: 'EACCES' })
  using access = spyOn(fs, 'accessSync').mockImplementation(() => {
    throw cause
  })
  const { settingsFile } = fake.layout
  expect(await captureError(readInstallationStatus(fake.layout, ready))).toMatchObject({
    code: 'forbidden',
    message: `can't read ${settingsFile}, which names the server's addresses`,
    hint: 'run this with sudo',
    cause,
  })
  expect(access.mock.calls).toEqual([[settingsFile, fs.constants.R_OK]])
})

test('an installation without its executable but with its unit has no version', async () => {
  using fake = createFakeInstallation({ hasService: true })
  using _systemd = fake.withFakeSystemd()
  await install(fake.request(1))
  fs.rmSync(fake.layout.executable)
  expect(await readInstallationStatus(fake.layout, ready)).toMatchObject({
    ...{ version: null, service: { activeState: 'active' } },
  })
})
