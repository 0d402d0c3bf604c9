import { createDerive, createPasswordHasher, type Derive } from '../../src/crypto/password-hash'
import { defaultMaxQueuedHashes, type PasswordHasher } from '../../src/domain/password-hash'
import type { Random } from '../../src/domain/runtime'
import { patientTiming, random as systemRandom } from './timing'

/** Returns a hasher that computes so few iterations that tests need not wait. */
export function createTestHasher({
  iterations = 1,
  random = systemRandom,
  derive = createDerive(defaultMaxQueuedHashes, patientTiming()),
}: {
  iterations?: number
  random?: Random
  derive?: Derive
} = {}): PasswordHasher {
  return createPasswordHasher({ random, derive, iterations })
}
