import { expect, test } from 'bun:test'
import { parseDevices } from '../../../../src/web/vault/api/answers'

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
