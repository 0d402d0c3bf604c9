import { expect, test } from 'bun:test'
import type { Failure } from '../../../../../src/web/vault/api/server'
import { createTranslator } from '../../../../../src/web/vault/i18n/translate'
import { explainFailure } from '../../../../../src/web/vault/screens/parts/failures'
import { refused } from '../../../../support/page-app'

const translator = createTranslator('en')
const { translate } = translator
const present = { state: '', records: [], notes: [] }
const detail = 'Name is too long'

test.each([
  ['signing-in', translate('problem.offline.signing-in')],
  ['saving', translate('problem.offline.saving')],
  ['changing', translate('problem.offline.changing')],
  ['reading', translate('problem.offline')],
] as const)('without a network, says what becomes of %s', (doing, text) => {
  expect(explainFailure({ kind: 'offline' }, doing, translator)).toBe(text)
})

test.each([
  ['another server', { kind: 'unexpected' }, translate('problem.not-a-vault')],
  ['the end of the session', { kind: 'signed-out' }, translate('unlock.signed-out')],
  ['a lock meanwhile', { kind: 'not-sent' }, translate('problem.not-sent')],
  ['a change elsewhere', { kind: 'outdated', present }, translate('problem.changed-elsewhere')],
  ['a limit', refused(429, detail, 121), translate('problem.too-many', { count: 3 })],
  ['a limit to the minute', refused(429, '', 120), translate('problem.too-many', { count: 2 })],
  ['a limit without a time', refused(429), translate('problem.too-many', { count: 1 })],
  ['a size', refused(413, detail), translate('problem.too-large')],
  ['a full vault', refused(507, detail), translate('problem.vault-full')],
  ['a refusal with a reason', refused(400, detail), translate('problem.refused', { detail })],
  ['one of the last of these', refused(499, detail), translate('problem.refused', { detail })],
] as const)('says that it was %s', (_, failure, text) => {
  for (const doing of ['signing-in', 'saving', 'changing', 'reading'] as const)
    expect(explainFailure(failure, doing, translator)).toBe(text)
})

test.each([
  ['signing-in', 'problem.busy.typed', 'problem.server.typed'],
  ['saving', 'problem.busy.typed', 'problem.server.typed'],
  ['changing', 'problem.busy', 'problem.server'],
  ['reading', 'problem.busy', 'problem.server'],
] as const)(
  'says that what was typed stays only to somebody who has typed: %s',
  (doing, busy, fault) => {
    const explain = (failure: Failure) => explainFailure(failure, doing, translator)
    expect(explain(refused(503, detail))).toBe(translate(busy))
    for (const failure of [refused(500, detail), refused(599, detail), refused(400)])
      expect(explain(failure)).toBe(translate(fault))
  },
)
