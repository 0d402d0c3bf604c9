import { describe, expect, test } from 'bun:test'
import { rootCertificates } from 'node:tls'
import { parseCertificateForNames } from '../../../src/tls/acme/certificate'
import { AcmeFault } from '../../../src/tls/acme/fault'
import { acmeRetryDelay, renewalTime } from '../../../src/tls/acme/times'
import { createCsr, createPlaceholder } from '../../../src/tls/x509'
import { createTestAuthority } from '../../support/certificates'

const names = ['vault.example.org', 'pass.example.org']
const hour = 3600_000

async function createChain() {
  const authority = await createTestAuthority()
  const { certificate, key } = await authority.issue({ names })
  return { cert: certificate, key }
}

describe('a certificate that came', () => {
  test('is good for its names and its key, and for no others', async () => {
    const { cert, key } = await createChain()
    const other = await createChain()
    const issued = parseCertificateForNames({ cert, key }, names)
    expect(issued).toMatchObject({ key, isPubliclyTrusted: false, info: { names } })
    expect(parseCertificateForNames({ cert, key }, ['other.example.org'])).toBeNull()
    expect(parseCertificateForNames({ cert, key: other.key }, names)).toBeNull()
    for (const wrong of ['', 'nonsense', cert.replace(/[A-Za-z0-9]{30}/, 'AAAA')]) {
      expect(parseCertificateForNames({ cert: wrong, key }, names)).toBeNull()
      expect(parseCertificateForNames({ cert, key: wrong }, names)).toBeNull()
    }
    // Whoever appends a root of everybody to a chain of their own gains nothing.
    const [everybodys = ''] = rootCertificates
    expect(parseCertificateForNames({ cert: `${cert}${everybodys}`, key }, names)).toBeNull()
  })

  test('is told from what stands in until there is one, which is of nobody', async () => {
    const placeholder = await createPlaceholder(names, Date.now())
    expect(parseCertificateForNames(placeholder, names)?.isPubliclyTrusted).toBeFalse()
    const { key } = await createCsr(names)
    expect(parseCertificateForNames({ ...placeholder, key }, names)).toBeNull()
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
      [0, 1, 2, 50].map((failures) => acmeRetryDelay(fault, failures, never) / 60_000)
    expect(pauses(refusal(null))).toEqual([15, 30, 60, 720])
    expect(pauses(null)).toEqual([1, 2, 4, 60])
  })

  test('is never shorter than the authority wants it', () => {
    expect(acmeRetryDelay(refusal(30 * hour), 0, never)).toBe(30 * hour)
    expect(acmeRetryDelay(refusal(1_000), 0, never)).toBe(hour / 4)
    expect(acmeRetryDelay(refusal(null), 0, () => new Uint8Array([255]))).toBeLessThan(0.32 * hour)
  })
})
