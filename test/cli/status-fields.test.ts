import { expect, test } from 'bun:test'
import { describeServer, statusFields } from '../../cli/status-fields'
import type { ServerStatus } from '../../src/app/operations/status'

const status: ServerStatus = {
  ...{ state: 'stopped', server: null, addresses: [], vaultUrl: null, database: '/srv/x.db' },
  ...{ usage: null, lastBackup: null, certificate: null, freeBytes: null },
  ...{ problems: [], warnings: [] },
}
const usage = {
  accounts: { confirmed: 2, unconfirmed: 0, disabled: 0, deleted: 0 },
  ...{ records: 1, additionalFields: 9, notes: 2, vaultBytes: 3_500, historyBytes: 1 },
}

test('a server runs, refuses requests, or does not run', () => {
  const server = { pid: 7, version: '0.1.0', startTime: 1_764_041_702_123, urls: [] }
  expect(describeServer(status)).toBe('SnailPass is not running on this data folder.')
  const since = 'process 7, since 2025-11-25 03:35 UTC'
  expect(describeServer({ ...status, state: 'running', server })).toBe(
    `SnailPass 0.1.0 is running: ${since}`,
  )
  expect(describeServer({ ...status, state: 'failing', server })).toBe(
    `SnailPass 0.1.0 runs, and refuses requests: ${since}`,
  )
})

test('what is not known is left out', () => {
  expect(statusFields(status, 'closed')).toEqual([
    ['database', '/srv/x.db'],
    ['sign-up', 'closed'],
    ['certificate', 'none'],
  ])
})

test('what is known has a line each', () => {
  const known: ServerStatus = {
    ...{ ...status, usage, addresses: ['https://pi/', 'http://10.0.0.5/'] },
    ...{ vaultUrl: 'https://pi/vault/', freeBytes: 2e9 },
    lastBackup: { path: '/backups/a', time: 1_764_041_702_123 },
    certificate: { mode: 'acme', expiryTime: 1_764_041_702_123 },
  }
  expect(statusFields(known, 'open')).toEqual([
    ['addresses', 'https://pi/'],
    ['', 'http://10.0.0.5/'],
    ['web vault', 'https://pi/vault/'],
    ['database', '/srv/x.db'],
    ['accounts', '2'],
    ['vaults', '1 record, 2 notes: 3.5 KB, and 1 byte of history'],
    ['last backup', '2025-11-25 03:35 UTC'],
    ['', '/backups/a'],
    ['sign-up', 'open'],
    ['certificate', 'acme, valid until 2025-11-25'],
    ['disk', '2.0 GB free'],
  ])
})

test('accounts are counted, and those that can not sign in once more by why, and no backup is told', () => {
  const accounts = { confirmed: 2, unconfirmed: 1, disabled: 3, deleted: 4 }
  const fields = new Map(statusFields({ ...status, usage: { ...usage, accounts } }, 'open'))
  expect(fields.get('accounts')).toBe('10, 1 unconfirmed, 3 disabled, 4 deleted by the owner')
  expect(fields.get('last backup')).toBe('none yet')
})
