import { describe, expect, test } from 'bun:test'
import { rootCertificates } from 'node:tls'
import { parseIssued } from '../../src/tls/acme-certificate'
import { AcmeFault } from '../../src/tls/acme-fault'
import { pauseAfterFault, renewalTime } from '../../src/tls/acme-times'
import { makePlaceholder, requestFor } from '../../src/tls/x509'
import { anAuthority } from '../support/certificates'

const names = ['vault.example.org', 'pass.example.org']
const hour = 3600_000

async function aChain() {
  const authority = await anAuthority()
  const { certificate, key } = await authority.certify({ names })
  return { cert: certificate, key }
}

describe('a certificate that came', () => {
  test('is good for its names and its key, and for no others', async () => {
    const { cert, key } = await aChain()
    const other = await aChain()
    const issued = parseIssued({ cert, key }, names)
    expect(issued).toMatchObject({ key, isPublic: false, facts: { names } })
    expect(parseIssued({ cert, key }, ['other.example.org'])).toBeNull()
    expect(parseIssued({ cert, key: other.key }, names)).toBeNull()
    for (const wrong of ['', 'nonsense', cert.replace(/[A-Za-z0-9]{30}/, 'AAAA')]) {
      expect(parseIssued({ cert: wrong, key }, names)).toBeNull()
      expect(parseIssued({ cert, key: wrong }, names)).toBeNull()
    }
    // Whoever appends a root of everybody to a chain of their own gains nothing.
    const [everybodys = ''] = rootCertificates
    expect(parseIssued({ cert: `${cert}${everybodys}`, key }, names)).toBeNull()
  })

  test('is told from what stands in until there is one, which is of nobody', async () => {
    const placeholder = await makePlaceholder(names, Date.now())
    expect(parseIssued(placeholder, names)?.isPublic).toBeFalse()
    const { key } = await requestFor(names)
    expect(parseIssued({ ...placeholder, key }, names)).toBeNull()
  })
})

describe('the time of a renewal', () => {
  const facts = { notBefore: 0, notAfter: 90 * hour }

  test('is when a third is left, or a little sooner', () => {
    expect(renewalTime(facts, () => new Uint8Array([0]))).toBe(60 * hour)
    const soonest = renewalTime(facts, () => new Uint8Array([255]))
    expect(soonest).toBeGreaterThan(57 * hour)
    expect(soonest).toBeLessThan(57.1 * hour)
  })
})

describe('the pause after a failure', () => {
  const never = () => new Uint8Array([0])
  const refusal = (retryAfter: number | null) =>
    new AcmeFault('no', { hint: '', type: 'rateLimited', retryAfter })

  test('grows up to a bound, and is longer after a refusal than after an outage', () => {
    const pauses = (fault: AcmeFault | null) =>
      [0, 1, 2, 50].map((failures) => pauseAfterFault(fault, failures, never) / 60_000)
    expect(pauses(refusal(null))).toEqual([15, 30, 60, 720])
    expect(pauses(null)).toEqual([1, 2, 4, 60])
  })

  test('is never shorter than the authority wants it', () => {
    expect(pauseAfterFault(refusal(30 * hour), 0, never)).toBe(30 * hour)
    expect(pauseAfterFault(refusal(1_000), 0, never)).toBe(hour / 4)
    expect(pauseAfterFault(refusal(null), 0, () => new Uint8Array([255]))).toBeLessThan(0.32 * hour)
  })
})
