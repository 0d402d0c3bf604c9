import { expect, test } from 'bun:test'
import { openOwnExport } from '../../../../src/web/vault/import/own-export'
import { exportVault } from '../../../../src/web/vault/model/export'
import { detailsOf } from '../../../../src/web/vault/model/fields'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'

const now = Date.UTC(2026, 10, 26, 12)
const texts = [
  { name: 'URL', value: 'https://mail.example' },
  { name: 'URL 2', value: 'https://webmail.example' },
  { name: 'TOTP', value: 'otpauth://totp/Mail?secret=JBSWY3DPEHPK3PXP' },
  { name: 'Folder', value: 'Work/Servers' },
  { name: 'Tags', value: 'a, b' },
  { name: 'Recovery codes', value: '1\n2' },
  { name: 'Notes', value: 'one\ntwo' },
  { name: 'PIN', value: '4711' },
]

test('shows in a copy all that was exported, the trash and any number of fields', async () => {
  const entries = [
    anOpenRecord({ texts, isFavorite: true }),
    anOpenRecord({ isTrashed: true, name: 'Почта 🐌' }),
    anOpenNote({ content: ' a\n\nb ' }),
  ]
  const text = JSON.stringify(await exportVault({ email: 'marta@example.org', entries, now }))
  const copy = openOwnExport(text)
  expect(copy).toMatchObject({ email: 'marta@example.org', exported: now })
  const contentOf = (entry: (typeof entries)[number]) => ({
    ...{ ...entry, id: '', revision: 0, fields: [] },
    details: entry.kind === 'record' ? detailsOf(entry) : null,
  })
  expect(copy?.entries.map(contentOf)).toEqual(entries.map(contentOf))
})

test('gives the entries of a copy ids of its own, and no time where the file has none', () => {
  const items = [
    { type: 2, name: 'Door', notes: '4711', creationDate: '2026-11-26T12:00:00.000Z' },
    { type: 9, name: 'of a later version' },
    { type: 1, name: 'Mail', revisionDate: '2026-11-26T12:00:00.000Z', login: {} },
  ]
  const copy = openOwnExport(JSON.stringify({ snailpass: { exported: 'yesterday' }, items }))
  const flags = { revision: 0, isFavorite: false, isTrashed: false }
  expect(copy).toEqual({
    ...{ state: '', email: '', hint: null, exported: 0 },
    entries: [
      {
        ...{ kind: 'note', id: '1', name: 'Door', content: '4711', ...flags },
        ...{ created: now, updated: 0 },
      },
      {
        ...{ kind: 'record', id: '3', name: 'Mail', login: '', password: '', fields: [], ...flags },
        ...{ created: 0, updated: now },
      },
    ],
  })
})

test('takes nothing else for a copy', () => {
  for (const text of ['', '[', 'null', '[]', '{}', '{"items":[]}', '{"snailpass":{}}']) {
    expect(openOwnExport(text)).toBeNull()
  }
})
