import { expect, test } from 'bun:test'
import { watchProxies } from '../../../src/app/server/proxy-watch'
import { isPrivate } from '../../../src/domain/networks'
import { createLog } from '../../../src/log'

test('a proxy on a private network that no setting names is told once, and stays in the warnings', () => {
  const lines: string[] = []
  const watch = watchProxies(
    createLog(
      'json',
      () => 0,
      (line) => lines.push(line),
    ),
    isPrivate,
  )
  // Anyone on the internet can send the header.
  for (const stranger of ['203.0.113.9', '2001:db8::1']) watch.note(stranger)
  expect({ lines, problem: watch.problem() }).toEqual({ lines: [], problem: null })
  for (const peer of ['172.17.0.1', '172.17.0.1', '10.0.0.2']) watch.note(peer)
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      ...{ time: '1970-01-01T00:00:00.000Z', level: 'warn' },
      message:
        '172.17.0.1 forwards requests and is not in SNAILPASS_TRUSTED_PROXIES: all clients behind it count as one',
      hint: 'if it is your proxy, set SNAILPASS_TRUSTED_PROXIES=172.17.0.1',
    },
  ])
  expect(watch.problem()).toContain('172.17.0.1')
})
