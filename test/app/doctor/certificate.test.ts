import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { checkCertificate } from '../../../src/app/doctor/certificate'
import { findCertificate, renewCertificate } from '../../../src/app/operations/certificates'
import { systemRuntime } from '../../../src/app/runtime'
import { openTargets } from '../../../src/app/targets'
import { loadConfig } from '../../../src/config/load'
import type { Settings } from '../../../src/config/settings'
import { joinLines } from '../../../src/domain/errors'
import { createTestAuthority } from '../../support/certificates'
import { temporaryFolder } from '../../support/executable'

const day = 24 * 3_600_000
/** 1 January 2026. */
const start = Date.UTC(2026, 0, 1)

function settingsOf(dataDir: string, environment: Record<string, string>): Settings {
  const input = { SNAILPASS_LISTEN_TLS: '0.0.0.0:5443', ...environment }
  return loadConfig({ environment: input, flags: { dataDir }, file: null }).settings
}

async function findAt(settings: Settings, now: number): Promise<readonly string[]> {
  const { findings = [] } = await checkCertificate(
    openTargets(settings, { ...systemRuntime, clock: () => now }),
  )
  return findings.map(({ what }) => joinLines(what))
}

/** Settings for a certificate of files that is valid for so many days from `start`, and its path. */
async function createFiles(folder: string, days: number) {
  const authority = await createTestAuthority()
  const { certificate, key } = await authority.issue({
    names: [hostname(), 'localhost'],
    notBefore: start,
    notAfter: start + days * day,
  })
  const [cert, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  writeFileSync(cert, certificate + authority.certificate)
  writeFileSync(keyFile, key)
  return {
    cert,
    settings: settingsOf(folder, {
      SNAILPASS_TLS: 'files',
      SNAILPASS_TLS_CERT: cert,
      SNAILPASS_TLS_KEY: keyFile,
    }),
  }
}

// Tools renew a month before the end, or when a third of a shorter lifetime is left; the renewal may take a day.
test.each([
  [365, 29],
  [90, 29],
  [60, 19],
  [6, 1],
])(
  'a certificate of files for %i days expires soon when less than %i are left',
  async (days, left) => {
    using folder = temporaryFolder()
    const { cert, settings } = await createFiles(folder.path, days)
    const end = start + days * day
    const problems = async (now: number) =>
      (await findAt(settings, now)).filter((what) => !what.includes('is not for'))
    const date = new Date(end).toISOString().slice(0, 10)
    const expires = [`the certificate ${cert} expires on ${date}`]
    expect(await problems(start - 1)).toEqual([
      `the certificate ${cert} is not valid before 2026-01-01`,
    ])
    expect(await problems(start)).toEqual([])
    expect(await problems(end - left * day)).toEqual([])
    expect(await problems(end - left * day + 1)).toEqual(expires)
    expect(await problems(end - 1)).toEqual(expires)
    expect(await problems(end)).toEqual([`the certificate ${cert} has expired on ${date}`])
  },
)

test('a certificate authority is not valid before its beginning, and expires soon in its last half year', async () => {
  using folder = temporaryFolder()
  const settings = settingsOf(folder.path, {})
  await renewCertificate(openTargets(settings, systemRuntime), {
    authority: false,
    consent: () => Promise.resolve(),
  })
  const { authority } = await findCertificate(settings)
  if (authority === null) throw new Error('there is no authority')
  const { notBefore, notAfter } = authority
  const ofAuthority = async (now: number) =>
    (await findAt(settings, now)).filter((what) => what.startsWith('the certificate authority'))
  const date = (time: number) => new Date(time).toISOString().slice(0, 10)
  expect(await ofAuthority(notBefore - 1)).toEqual([
    `the certificate authority is not valid before ${date(notBefore)}`,
  ])
  expect(await ofAuthority(notBefore)).toEqual([])
  expect(await ofAuthority(notAfter - 180 * day)).toEqual([])
  expect(await ofAuthority(notAfter - 180 * day + 1)).toEqual([
    `the certificate authority expires on ${date(notAfter)}`,
  ])
})
