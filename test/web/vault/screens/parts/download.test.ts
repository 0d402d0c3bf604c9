import { expect, test } from 'bun:test'
import { fileDay } from '../../../../../src/web/vault/screens/parts/download'

test('names files by the day where somebody is', () => {
  expect(fileDay(new Date(2026, 0, 2, 12).getTime())).toBe('2026-01-02')
  expect(fileDay(new Date(2026, 11, 31, 23, 59).getTime())).toBe('2026-12-31')
})
