import { describe, expect, test } from 'bun:test'
import {
  parseDevices,
  parseHistory,
  parseRekeyed,
  parseToken,
  parseVersions,
  parseWritten,
} from '../../../../src/web/vault/api/answers'
import { otherValues, taken, withWrongMembers } from '../../../support/wrong-members'

test('a device is the one in front of its owner only if the server says so', () => {
  const device = { kind: 'firefox', network: '10.0.0.9', first_seen: null, last_seen: 1 }
  const parsed = parseDevices({
    devices: [
      { ...device, is_current: true },
      { ...device, is_current: false },
      { ...device, is_current: 'true' },
      device,
    ],
  })
  const known = { kind: 'firefox', network: '10.0.0.9', firstSeen: null, lastSeen: 1 }
  expect(parsed).toEqual([
    { ...known, isCurrent: true },
    { ...known, isCurrent: false },
    { ...known, isCurrent: false },
    { ...known, isCurrent: false },
  ])
})

describe('an answer that is not what the server says is none', () => {
  const stamp = { id: 'a', creation_time: 'then', update_time: 'now', revision: 7 }
  const device = { kind: 'firefox', network: '10.0.0.9', last_seen: 1 }
  const version = { version: 1, kept_time: 2, kind: 'note', entry: 'a' }

  test('a token', () => {
    for (const body of [...otherValues, { token: null }, { token: 1 }])
      expect([parseToken(body), parseRekeyed(body)]).toEqual([null, null])
    expect(parseRekeyed({ token: 't' })).toEqual({ token: 't' })
  })

  test('what was written', () => {
    const body = { state: 's', records: [stamp], notes: [{ ...stamp, id: 'b' }] }
    expect(parseWritten(body)).toEqual(body)
    expect(parseWritten({ state: 's', records: [], notes: [] })).not.toBeNull()
    expect(taken(parseWritten, withWrongMembers(body))).toEqual([])
    for (const list of ['records', 'notes']) {
      const bodies = withWrongMembers(stamp).map(
        ([name, wrong]) => [name, { ...body, [list]: [stamp, wrong] }] as const,
      )
      expect(taken(parseWritten, bodies), list).toEqual([])
      expect(parseWritten({ ...body, [list]: [{ ...stamp, revision: 2 ** 53 }] })).toBeNull()
      expect(parseWritten({ ...body, [list]: [null] })).toBeNull()
    }
  })

  test('the devices', () => {
    expect(taken(parseDevices, withWrongMembers({ devices: [] }))).toEqual([])
    const bodies = withWrongMembers(device).map(
      ([name, wrong]) => [name, { devices: [device, wrong] }] as const,
    )
    expect(taken(parseDevices, bodies)).toEqual([])
    expect(parseDevices({ devices: [{ ...device, first_seen: 'then' }] })).toMatchObject([
      { firstSeen: null },
    ])
    expect(parseDevices({ devices: [{ ...device, first_seen: 0 }] })).toMatchObject([
      { firstSeen: 0 },
    ])
  })

  test('the history', () => {
    const body = { is_kept: true, versions: [{ ...version, reason: 'deleted' }] }
    expect(parseHistory(body)).toEqual({
      isKept: true,
      versions: [{ version: 1, keptTime: 2, reason: 'deleted', kind: 'note', entryId: 'a' }],
    })
    expect(parseHistory({ is_kept: false, versions: [] })).toEqual({ isKept: false, versions: [] })
    expect(taken(parseHistory, withWrongMembers(body))).toEqual([])
    const bodies = withWrongMembers(version).map(
      ([name, wrong]) => [name, { ...body, versions: [version, wrong] }] as const,
    )
    expect(taken(parseHistory, bodies)).toEqual([])
    const ofKind = (kind: string) => parseHistory({ ...body, versions: [{ ...version, kind }] })
    for (const kind of ['record', 'note'])
      expect(ofKind(kind)).toMatchObject({ versions: [{ kind, reason: 'replaced' }] })
    expect(ofKind('field')).toBeNull()
  })

  test('the versions of an entry', () => {
    expect(parseVersions({ records: [], notes: [] })).toMatchObject({ records: [], notes: [] })
    expect(taken(parseVersions, withWrongMembers({ records: [], notes: [] }))).toEqual([])
    expect(parseVersions({ records: [], notes: [null] })).toBeNull()
    const note = {
      ...{ id: 'a', name: 'n:n', content: 'c:c', is_favorite: false, is_deleted: true },
      ...{ creation_time: 'then', update_time: 'now' },
    }
    expect<unknown>(parseVersions({ records: [], notes: [{ ...note, version: 7 }] })).toEqual({
      ...{ state: '', records: [], notes: [{ ...note, version: 7, revision: 7 }] },
    })
    // A revision of the entry itself is no number of a version.
    expect(parseVersions({ records: [], notes: [{ ...note, revision: 7 }] })).toBeNull()
  })
})
