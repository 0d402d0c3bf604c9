import { describe, expect, spyOn, test } from 'bun:test'
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import * as fs from 'node:fs'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ensureAccountKey } from '../../../src/tls/acme/account'
import { AcmeFault } from '../../../src/tls/acme/fault'
import {
  acmePaths,
  findSavedCertificate,
  requireCertificateSpace,
  saveCertificate,
  stripPreamble,
} from '../../../src/tls/acme/files'
import { temporaryFolder } from '../../support/executable'

const directory = 'https://ca.example.org/dir'
const pair = {
  cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  key: '-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n',
}

function captureThrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return null
}

describe('the files of a CA', () => {
  test.each([
    ['https://ca.example.org/dir', 'acme-ca.example.org-f81e3cb7'],
    ['https://ca.example.org/other', 'acme-ca.example.org-b2364ccf'],
    ['https://[::1]:14000/dir', 'acme-___1_-95429408'],
  ])('are named for its directory: %s', (url, stem) => {
    expect(acmePaths('/data/tls', url)).toEqual({
      account: `/data/tls/${stem}-account.key`,
      cert: `/data/tls/${stem}.crt`,
      key: `/data/tls/${stem}.key`,
    })
  })

  test('keep a certificate with its key, for the owner only, and say which CA it is from', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'new', 'tls')
    expect(findSavedCertificate(path, directory)).toBeNull()
    saveCertificate(path, directory, pair)
    expect(findSavedCertificate(path, directory)).toEqual(pair)
    const { cert, key } = acmePaths(path, directory)
    expect(readFileSync(cert, 'utf8')).toBe(`ACME directory: ${directory}\n${pair.cert}`)
    expect(readFileSync(key, 'utf8')).toBe(`ACME directory: ${directory}\n${pair.key}`)
    for (const file of [cert, key]) expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(findSavedCertificate(path, 'https://ca.example.org/other')).toBeNull()
  })

  test.each(['cert', 'key'] as const)('keep nothing without the %s', (missing) => {
    using folder = temporaryFolder()
    saveCertificate(folder.path, directory, pair)
    fs.rmSync(acmePaths(folder.path, directory)[missing])
    expect(findSavedCertificate(folder.path, directory)).toBeNull()
  })

  test('that can not be read are reported', () => {
    using folder = temporaryFolder()
    saveCertificate(folder.path, directory, pair)
    const { key } = acmePaths(folder.path, directory)
    fs.rmSync(key)
    mkdirSync(key)
    expect(captureThrown(() => findSavedCertificate(folder.path, directory))).toMatchObject({
      code: 'unavailable',
    })
  })

  test.each([
    ['a\nb\n-----BEGIN X-----\nc', '-----BEGIN X-----\nc'],
    ['-----BEGIN X-----\n-----BEGIN Y-----', '-----BEGIN X-----\n-----BEGIN Y-----'],
    ['none', 'none'],
    ['', ''],
  ])('have lines before the PEM that are skipped: %p', (text, rest) => {
    expect(stripPreamble(text)).toBe(rest)
  })
})

test('the space for a certificate is 64 KiB, which are written to the disk and removed', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'tls')
  const draft = join(path, `acme.${process.pid}.room`)
  using writing = spyOn(fs, 'writeFileSync')
  requireCertificateSpace(path)
  expect(writing.mock.calls).toEqual([
    [draft, new Uint8Array(65_536), { mode: 0o600, flush: true, flag: 'wx' }],
  ])
  expect(readdirSync(path)).toEqual([])
  // A process with the same number may have left one.
  writeFileSync(draft, 'stale')
  requireCertificateSpace(path)
  expect(readdirSync(path)).toEqual([])
})

test('a full disk is reported, and what was written of the draft is removed', () => {
  using folder = temporaryFolder()
  const { writeFileSync: write } = fs
  using _ = spyOn(fs, 'writeFileSync').mockImplementation((path, _content, options) => {
    write(path, 'a part', options)
    throw Object.assign(new Error('ENOSPC: no space left on device'), {
      code: 'ENOSPC',
      errno: -28,
      syscall: 'write',
    })
  })
  expect(captureThrown(() => requireCertificateSpace(folder.path))).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('ENOSPC'),
  })
  expect(readdirSync(folder.path)).toEqual([])
})

describe('the key of an account', () => {
  const pathIn = (folder: string) => acmePaths(folder, directory).account

  test('is created once, on P-256, for the owner only', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'tls')
    const key = ensureAccountKey(path, directory)
    expect(createPrivateKey(key)).toMatchObject({
      asymmetricKeyType: 'ec',
      asymmetricKeyDetails: { namedCurve: 'prime256v1' },
    })
    expect(key).toStartWith('-----BEGIN PRIVATE KEY-----\n')
    expect(readdirSync(path)).toEqual([basename(pathIn(path))])
    expect(readFileSync(pathIn(path), 'utf8')).toBe(`ACME directory: ${directory}\n${key}`)
    expect(statSync(pathIn(path)).mode & 0o777).toBe(0o600)
    expect(ensureAccountKey(path, directory)).toBe(key)
    // Another CA gets a key of its own.
    expect(ensureAccountKey(path, `${directory}/2`)).not.toBe(key)
    expect(ensureAccountKey(path, directory)).toBe(key)
  })

  const pemOf = (key: KeyObject, type: 'pkcs8' | 'sec1' = 'pkcs8') =>
    key.export({ type, format: 'pem' }).toString()
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })

  test.each([
    ['on P-256', pemOf(p256.privateKey)],
    ['on P-384', pemOf(p384.privateKey)],
    ['in another format', pemOf(p256.privateKey, 'sec1')],
  ])('that another tool has written is used as it is: %s', (_, pem) => {
    using folder = temporaryFolder()
    writeFileSync(pathIn(folder.path), `whatever\n${pem}`)
    expect(ensureAccountKey(folder.path, directory)).toBe(pem)
  })

  test.each([
    [
      'RSA',
      pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
      'not a key on an elliptic curve',
    ],
    ['Ed25519', pemOf(generateKeyPairSync('ed25519').privateKey), 'not a key on an elliptic curve'],
    ['a certificate', pair.cert, null],
    ['nothing', '', null],
  ])(
    'is refused if the file contains another one (%s), which is not replaced',
    (_, text, cause) => {
      using folder = temporaryFolder()
      const path = pathIn(folder.path)
      writeFileSync(path, text)
      const error = captureThrown(() => ensureAccountKey(folder.path, directory))
      expect(error).toBeInstanceOf(AcmeFault)
      expect(error).toMatchObject({
        message: `${path} contains no account key`,
        hint: 'restore the file from a backup, or remove it to create a new account',
        type: null,
        cause: cause === null ? expect.any(Error) : expect.objectContaining({ message: cause }),
      })
      expect(readFileSync(path, 'utf8')).toBe(text)
      expect(existsSync(acmePaths(folder.path, directory).cert)).toBeFalse()
    },
  )
})
