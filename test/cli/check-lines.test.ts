import { expect, test } from 'bun:test'
import { statusOfChecks } from '../../cli/check-lines'

const check = { name: 'clock', fact: 'right', findings: [], fixed: [], failure: null }
const finding = {
  ...check,
  findings: [{ what: 'it is wrong', why: 'tokens last longer', fix: 'set it' }],
}
const failure = { ...check, fact: null, failure: 'no access' }

test.each([
  ['ok', []],
  ['ok', [check, check]],
  ['problems', [check, finding]],
  ['incomplete', [failure, check]],
  ['problems', [failure, finding]],
] as const)('all checks together are %s', (status, results) => {
  expect(statusOfChecks(results)).toBe(status)
})
