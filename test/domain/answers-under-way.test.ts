import { expect, test } from 'bun:test'
import { lookAtRate } from '../../src/domain/answers-under-way'

const [seconds, kibibytes] = [5, 1_250]

test.each([
  ['at 256 bytes a millisecond for five seconds', 0, seconds * 1_000, false],
  ['at a byte less', 1, seconds * 1_000, true],
  ['not at all, for a millisecond less', kibibytes * 1_024, seconds * 1_000 - 1, false],
])('an answer that leaves %s is slow or not', (_, bytesLeft, now, isSlow) => {
  const bytes = kibibytes * 1_024
  const answer = {
    ...{ account: 'a', bytes, giveWay: () => {} },
    ...{ startTime: 0, bytesLeft, lookTime: 0, bytesLeftThen: bytes, isSlow: false },
  }
  lookAtRate(answer, now)
  expect(answer.isSlow).toBe(isSlow)
})
