import { expect, test } from 'bun:test'
import { generatePassphrase, generatePassword } from '../../../../src/web/vault/crypto/generator'
import { fillFromBrowser } from '../../../../src/web/vault/crypto/random'
import { estimateStrength } from '../../../../src/web/vault/crypto/strength'

const levelOf = (password: string, known?: string[]) => estimateStrength(password, known).level

test('finds passwords weak that lists, keys, repeats, years and the owner give away', () => {
  const weak = [
    ...[
      '',
      'a',
      'password',
      'P@ssw0rd',
      'Password2024',
      'qwertyuiop',
      'йцукенгшщз',
      '123456789012',
    ],
    ...[
      'aaaaaaaaaaaaaaaa',
      'abcabcabcabcabc',
      'пароль123',
      'ghbdtn123',
      'Zvezda1999',
      '12345qwert',
    ],
    ...['Marta.Lindqvist1980', 'snailpass2026', 'qwerty!qwerty!qwerty!'],
  ]
  const known = ['marta.lindqvist@example.org']
  expect(weak.filter((password) => levelOf(password, known) !== 'weak')).toEqual([])
})

test('finds random passwords and passphrases strong', () => {
  const classes = ['lower', 'upper', 'digits', 'signs'] as const
  for (let round = 0; round < 20; round++) {
    const password = generatePassword({ length: 20, classes, isUnambiguous: true }, fillFromBrowser)
    expect(levelOf(password.text)).toBe('very-strong')
    const passphrase = generatePassphrase(
      { words: 7, separator: '-', hasCapitalsAndDigit: false },
      fillFromBrowser,
    )
    expect(['strong', 'very-strong']).toContain(levelOf(passphrase.text))
  }
})

test('never takes a passphrase for stronger than the choice of its words, but for its separators', () => {
  for (let round = 0; round < 50; round++) {
    const { text, bits } = generatePassphrase(
      { words: 6, separator: ' ', hasCapitalsAndDigit: false },
      fillFromBrowser,
    )
    expect(estimateStrength(text).bits).toBeLessThan(bits + 14)
  }
})

test('more of the same kind is never weaker', () => {
  for (const text of ['correct horse battery staple', 'Tr0ub4dor&3x9', 'улитка ползёт по склону']) {
    const bits = [...text].map((_, at) => estimateStrength(text.slice(0, at + 1)).bits)
    expect(estimateStrength(text.repeat(40)).bits).toBeGreaterThanOrEqual(bits.at(-1) ?? 0)
  }
})
