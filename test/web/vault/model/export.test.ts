import { expect, test } from 'bun:test'
import Papa from 'papaparse'
import { exportCsv, exportVault } from '../../../../src/web/vault/model/export'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'

const now = Date.UTC(2026, 10, 26, 12)

const record = anOpenRecord({
  ...{ id: 'r1', name: 'Почта', login: 'marta', password: '=1+1"', isFavorite: true },
  texts: [
    { name: 'URL', value: 'https://example.org' },
    { name: 'URL 2', value: 'https://example.net' },
    { name: 'TOTP', value: 'otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ' },
    { name: 'Folder', value: 'Семья' },
    { name: 'Tags', value: 'bank' },
    { name: 'Recovery codes', value: '11\n22' },
    { name: 'Notes', value: 'a\nb' },
    { name: 'PIN', value: '1496' },
  ],
})
const note = anOpenNote({ id: 'n1', isTrashed: true })
const broken = anOpenNote({ id: 'n2', content: { ciphertext: 'a:b' } })

test('exports what can be read as Bitwarden does, and names the rest', async () => {
  const time = new Date(record.created).toISOString()
  const head = {
    organizationId: null,
    collectionIds: null,
    reprompt: 0,
    creationDate: time,
    revisionDate: time,
  }
  const exported = await exportVault({
    email: 'm@example.org',
    entries: [record, note, broken],
    now,
  })
  const [folder] = exported.folders
  expect(exported).toEqual({
    encrypted: false,
    snailpass: {
      version: 1,
      email: 'm@example.org',
      exported: '2026-11-26T12:00:00.000Z',
      unreadable: ['n2'],
    },
    folders: [{ id: expect.stringMatching(/^[0-9a-f-]{36}$/), name: 'Семья' }],
    items: [
      {
        ...head,
        ...{ id: 'r1', type: 1, name: 'Почта', favorite: true, deletedDate: null },
        ...{ folderId: folder?.id, notes: 'a\nb' },
        fields: [
          { name: 'Tags', value: 'bank', type: 0, linkedId: null },
          { name: 'Recovery codes', value: '11\n22', type: 0, linkedId: null },
          { name: 'PIN', value: '1496', type: 0, linkedId: null },
        ],
        login: {
          uris: [
            { match: null, uri: 'https://example.org' },
            { match: null, uri: 'https://example.net' },
          ],
          ...{ username: 'marta', password: '=1+1"' },
          totp: 'otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ',
        },
      },
      {
        ...head,
        ...{ id: 'n1', type: 2, name: 'Door', favorite: false, deletedDate: time },
        ...{ folderId: null, notes: '4711', fields: [], secureNote: { type: 0 } },
      },
    ],
  })
})

test('exports the times of an entry and the id of its folder, the same each time', async () => {
  const [created, updated] = [Date.UTC(2025, 0, 1), Date.UTC(2026, 1, 2, 3, 4, 5)]
  const inFolder = (id: string, folder: string) =>
    anOpenRecord({ id, created, updated, texts: [{ name: 'Folder', value: folder }] })
  const trashed = { ...anOpenRecord({ id: 'r3', created, updated }), isTrashed: true }
  const entries = [inFolder('r1', 'Work'), inFolder('r2', 'Work'), trashed]
  const exported = await exportVault({ email: 'm@example.org', entries, now })
  const workId = 'af82b29c-a517-552e-a695-d39105a39e6f'
  expect(exported.folders).toEqual([{ id: workId, name: 'Work' }])
  const times = {
    creationDate: '2025-01-01T00:00:00.000Z',
    revisionDate: '2026-02-02T03:04:05.000Z',
  }
  expect(exported.items).toMatchObject([
    { ...times, id: 'r1', folderId: workId, deletedDate: null },
    { ...times, id: 'r2', folderId: workId, deletedDate: null },
    { ...times, id: 'r3', folderId: null, deletedDate: times.revisionDate },
  ])
})

test('exports a table with every value as it is, without the trash', () => {
  const live = anOpenNote({ name: 'Код', content: '"a",\nb' })
  const { data } = Papa.parse<string[]>(exportCsv([record, note, broken, live]), {
    skipEmptyLines: true,
  })
  expect(data).toEqual([
    [
      ...['folder', 'favorite', 'type', 'name', 'notes', 'fields', 'reprompt'],
      ...['login_uri', 'login_username', 'login_password', 'login_totp'],
    ],
    [
      ...[
        'Семья',
        '1',
        'login',
        'Почта',
        'a\nb',
        'Tags: bank\nRecovery codes: 11\n22\nPIN: 1496',
        '0',
      ],
      ...['https://example.org,https://example.net', 'marta', '=1+1"'],
      'otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ',
    ],
    ['', '', 'note', 'Код', '"a",\nb', '', '0', '', '', '', ''],
  ])
})
