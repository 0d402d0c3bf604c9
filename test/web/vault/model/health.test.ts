import { expect, test } from 'bun:test'
import { checkHealth, othersWithPassword } from '../../../../src/web/vault/model/health'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'

const day = 24 * 3600 * 1000

test('finds passwords that are reused, short or old', () => {
  const long = 'long enough for everything'
  const now = Date.UTC(2026, 10, 26)
  const [one, two, three] = ['улитка', 'улитка', 'улитка'].map((password) =>
    anOpenRecord({ password }),
  )
  const [four, five] = [
    anOpenRecord({ password: long }),
    anOpenRecord({ password: long, isTrashed: true }),
  ]
  const six = anOpenRecord({ password: `${long}!`, updated: now - 366 * day })
  const seven = anOpenRecord({ password: `${long}?`, updated: now - 364 * day })
  const rest = [
    anOpenRecord({ password: '' }),
    anOpenRecord({ password: { ciphertext: 'a:b' } }),
    anOpenNote(),
  ]
  const entries = [one, two, three, four, five, six, seven, ...rest].flatMap((each) => each ?? [])
  expect(checkHealth(entries, now)).toEqual({
    reused: [[one, two, three].flatMap((each) => each ?? [])],
    short: [one, two, three].flatMap((each) => each ?? []),
    old: [six],
  })
  expect(othersWithPassword(entries, 'улитка', one?.id ?? '')).toEqual(
    [two, three].flatMap((each) => each ?? []),
  )
  expect(othersWithPassword(entries, '', 'x')).toEqual([])
})

test('takes a password of twelve characters for long, whatever the characters', () => {
  const [eleven, twelve] = [
    anOpenRecord({ password: 'é1😀45678901' }),
    anOpenRecord({ password: 'é1😀456789012' }),
  ]
  expect(checkHealth([eleven, twelve], eleven.updated).short).toEqual([eleven])
})

test('takes a password for old that was changed more than a year ago, at a time that is known', () => {
  const now = 2 * 365 * day
  const at = (updated: number) => anOpenRecord({ updated })
  const [year, older, first, unknown] = [at(now - 365 * day), at(now - 365 * day - 1), at(1), at(0)]
  expect(checkHealth([year, older, first, unknown], now).old).toEqual([older, first])
})

test('shows the largest group of records with one password first', () => {
  const records = ['b', 'a', 'c', 'b', 'c', 'c'].map((password) => anOpenRecord({ password }))
  const idsOf = (password: string) =>
    records.filter((record) => record.password === password).map(({ id }) => id)
  const { reused } = checkHealth(records, 0)
  expect(reused.map((group) => group.map(({ id }) => id))).toEqual([idsOf('c'), idsOf('b')])
})
