import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load'
import { editDistance } from '../../src/config/unknown-names'
import { createTemporaryFile } from '../support/settings-file'

function warningsOf(environment: Record<string, string>, file: string | null = null) {
  return loadConfig({ environment, flags: {}, file }).warnings
}

describe('a name that is not a setting', () => {
  test.each([
    ['SNAILPASS_LISTN', 'SNAILPASS_LISTEN'],
    ['SNAILPASS_DATADIR', 'SNAILPASS_DATA_DIR'],
    ['SNAILPASS_DATABSE_URL', 'SNAILPASS_DATABASE_URL'],
    ['SNAILPASS_DATABASE_URI_FIEL', 'SNAILPASS_DATABASE_URI_FILE'],
    ['SNAILPASS_SERCET_KEY', 'SNAILPASS_SECRET_KEY'],
    ['SNAILPASS_MAIL_FORM', 'SNAILPASS_MAIL_FROM'],
    ['SNAILPASS_CONFG', 'SNAILPASS_CONFIG'],
    // One wrong character of a short name, and two of six.
    ['SNAILPASS_TL', 'SNAILPASS_TLS'],
    ['SNAILPASS_LISTXX', 'SNAILPASS_LISTEN'],
    ['SNAILPASS_TOKEN_SECOND', 'SNAILPASS_TOKEN_SECONDS'],
  ])('%p is warned about with the nearest setting', (name, similar) => {
    expect(warningsOf({ [name]: 'x' })).toEqual([
      `${name} is set, but there is no such setting: did you mean ${similar}?`,
    ])
  })

  test.each([
    ...['SNAILPASS_PORT', 'SNAILPASS_', 'SNAILPASS_TLS_CERTIFICATE'],
    ...['SNAILPASS_T', 'SNAILPASS_LISXXX'],
  ])('%p is warned about without a suggestion if no setting is near', (name) => {
    expect(warningsOf({ [name]: 'x' })).toEqual([`${name} is set, but there is no such setting`])
  })

  test('is warned about once, in the settings file too', () => {
    using file = createTemporaryFile('SNAILPASS_LISTN=x\nSNAILPASS_MAX_BDOY=1\n')
    expect(warningsOf({ SNAILPASS_LISTN: 'x' }, file.path)).toEqual([
      'SNAILPASS_LISTN is set, but there is no such setting: did you mean SNAILPASS_LISTEN?',
      'SNAILPASS_MAX_BDOY is set, but there is no such setting: did you mean SNAILPASS_MAX_BODY?',
    ])
  })

  test.each([
    ['snailpass_listen', 'SNAILPASS_LISTEN'],
    ['SnailPass_Data_Dir', 'SNAILPASS_DATA_DIR'],
    ['SNAILPASS_listen', 'SNAILPASS_LISTEN'],
    ['snailpass_secret_key_file', 'SNAILPASS_SECRET_KEY_FILE'],
    ['snailpass_config', 'SNAILPASS_CONFIG'],
    ['mail_password', 'MAIL_PASSWORD'],
    ['Mail_Default_Sender', 'MAIL_DEFAULT_SENDER'],
    ['snailpass_listn', 'SNAILPASS_LISTEN'],
  ])('is %p, in the wrong case, in the environment and in the settings file', (name, right) => {
    const warning = `${name} is set, but there is no such setting: did you mean ${right}?`
    expect(warningsOf({ [name]: 'x' })).toEqual([warning])
    using file = createTemporaryFile(`${name}=x\n`)
    expect(warningsOf({}, file.path)).toEqual([warning])
    // Besides the right name, too: only one of them counts.
    expect(warningsOf({ [name]: 'x', SNAILPASS_MDNS: 'no' }, file.path)).toEqual([warning])
  })

  test('is not a name that has a meaning elsewhere', () => {
    const elsewhere = {
      SNAILPASS_CONFIGURATION: 'prod',
      SNAILPASS_RATE_LIMITS: 'off',
      snailpass_configuration: 'prod',
      CELERY_BROKER_URL: 'redis://x',
      mail: '/var/mail/me',
      listen: 'x',
    }
    expect(warningsOf(elsewhere)).toEqual([])
  })
})

describe('the edit distance of two words', () => {
  test.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', '', 3],
    ['abc', 'abxc', 1],
    ['abc', 'bac', 1],
    ['abcd', 'badc', 2],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('%p and %p: %p', (one, other, distance) => {
    expect(editDistance(one, other)).toBe(distance)
    expect(editDistance(other, one)).toBe(distance)
  })

  test('is one for a typo, the same in both directions, and at most the length of the longer word', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 })
    fc.assert(
      fc.property(
        word,
        fc.nat(8),
        fc.constantFrom('a', 'b'),
        word,
        (text, at, character, other) => {
          const typo = text.slice(0, at) + character + text.slice(at)
          expect(editDistance(text, typo)).toBe(1)
          // The triangle inequality does not hold for this distance, because no character is edited twice.
          const distance = editDistance(text, other)
          expect(editDistance(other, text)).toBe(distance)
          expect(distance).toBeGreaterThanOrEqual(Math.abs(text.length - other.length))
          expect(distance).toBeLessThanOrEqual(Math.max(text.length, other.length))
        },
      ),
    )
  })
})
