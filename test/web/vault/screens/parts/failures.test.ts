import { expect, test } from 'bun:test'
import type { Failure } from '../../../../../src/web/vault/api/server'
import { createTranslator } from '../../../../../src/web/vault/i18n/translate'
import { explainFailure } from '../../../../../src/web/vault/screens/parts/failures'

const translator = createTranslator('en')
const { translate } = translator
const refused = (status: number, detail = '', retryAfter: number | null = null): Failure => ({
  ...{ kind: 'refused', status, retryAfter, detail },
})
const present = { state: '', records: [], notes: [] }
const detail = 'Name is too long'

test.each([
  ['signing-in', translate('problem.offline.signing-in')],
  ['saving', translate('problem.offline.saving')],
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
  ['a busy server', refused(503, detail), translate('problem.busy')],
  ['an error of the server', refused(500, detail), translate('problem.server')],
  ['another one', refused(599, detail), translate('problem.server')],
  ['a refusal without a reason', refused(400), translate('problem.server')],
  ['a refusal with a reason', refused(400, detail), translate('problem.refused', { detail })],
  ['one of the last of these', refused(499, detail), translate('problem.refused', { detail })],
] as const)('says that it was %s', (_, failure, text) => {
  for (const doing of ['signing-in', 'saving', 'reading'] as const)
    expect(explainFailure(failure, doing, translator)).toBe(text)
})
