import { expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { systemRuntime } from '../../../src/app/runtime'
import { collectSupportFacts } from '../../../src/app/support/support'
import { createDataFolder, modeOf } from '../../support/data-folder'

const collect = (dataDir: string, environment: Record<string, string> = {}) =>
  collectSupportFacts({ environment, flags: { dataDir }, file: null }, systemRuntime, () => {})

test('a support report changes nothing, also what `doctor --fix` would', async () => {
  using folder = createDataFolder()
  chmodSync(folder.path, 0o755)
  const { checks } = await collect(folder.path)
  if (!('value' in checks)) throw checks.failure
  const permissions = checks.value.find(({ name }) => name === 'permissions')
  expect(permissions).toMatchObject({ fixed: [], findings: [{}] })
  expect(modeOf(folder.path)).toBe('755')
})

test('a support report has what does not need valid settings', async () => {
  using folder = createDataFolder()
  const facts = await collect(folder.path, { SNAILPASS_LISTEN: 'nonsense' })
  const { settings, checks, status, engine, machine } = facts
  for (const part of [settings, checks, machine]) expect(part).toHaveProperty('value')
  const failure = { code: 'invalid', message: 'the settings have to be valid first' }
  for (const part of [status, engine]) expect(part).toMatchObject({ failure })
  expect(machine).toMatchObject({ value: { fileSystem: null, unit: null } })
  // The invalid text is one that somebody has chosen.
  expect(facts.redact('nonsense at acme.io')).toBe('<name-1> at <host-1>')
})

test('a support report tells the engine, the machine and the server of a data folder', async () => {
  using folder = createDataFolder()
  const facts = await collect(folder.path)
  expect(facts).toMatchObject({
    engine: { value: expect.stringMatching(/^SQLite \d/) },
    machine: { value: { fileSystem: expect.any(String), unit: null } },
    status: { value: { state: 'stopped', server: null } },
  })
})
