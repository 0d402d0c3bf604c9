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
