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

test('takes nothing else for a copy', () => {
  for (const text of ['', '[', 'null', '[]', '{}', '{"items":[]}', '{"snailpass":{}}']) {
    expect(openOwnExport(text)).toBeNull()
  }
})
