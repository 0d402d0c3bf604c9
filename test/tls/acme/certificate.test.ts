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

describe('an issued certificate', () => {
  test('is accepted for its names and its key only', async () => {
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
    // A chain does not become trusted because a public root is appended to it.
    const [publicRoot = ''] = rootCertificates
    expect(parseCertificateForNames({ cert: `${cert}${publicRoot}`, key }, names)).toMatchObject({
      cert,
      isPubliclyTrusted: false,
    })
  })

  test('is distinguished from a placeholder, which nobody trusts', async () => {
    const placeholder = await createPlaceholder(names, Date.now())
    expect(parseCertificateForNames(placeholder, names)?.isPubliclyTrusted).toBeFalse()
    const { key } = await createCsr(names)
    expect(parseCertificateForNames({ ...placeholder, key }, names)).toBeNull()
  })
})

describe('the time of the renewal', () => {
  const lifetime = { notBefore: 0, notAfter: 90 * hour }

  test('is when a third of the lifetime is left, or a little earlier', () => {
    expect(renewalTime(lifetime, () => new Uint8Array([0]))).toBe(60 * hour)
    expect(renewalTime(lifetime, () => new Uint8Array([128]))).toBe(58.5 * hour)
    expect(renewalTime(lifetime, () => new Uint8Array([255]))).toBe((60 - (255 / 256) * 3) * hour)
    const later = { notBefore: 10 * hour, notAfter: 40 * hour }
    expect(renewalTime(later, () => new Uint8Array([0]))).toBe(30 * hour)
  })
})

describe('the delay after a failure', () => {
  const noRandomness = () => new Uint8Array([0])
  const rejection = (retryAfter: number | null) =>
    new AcmeFault('no', { hint: '', type: 'rateLimited', retryAfter })

  test('grows up to a limit, and is longer after a rejection than after an outage', () => {
    const delays = (fault: AcmeFault | null) =>
      [0, 1, 2, 5, 6, 50].map((failures) => acmeRetryDelay(fault, failures, noRandomness) / 60_000)
    expect(delays(rejection(null))).toEqual([15, 30, 60, 480, 720, 720])
    expect(delays(null)).toEqual([1, 2, 4, 32, 60, 60])
  })

  test('is never shorter than the CA asks for', () => {
    expect(acmeRetryDelay(rejection(30 * hour), 0, noRandomness)).toBe(30 * hour)
    expect(acmeRetryDelay(rejection(1_000), 0, noRandomness)).toBe(hour / 4)
    expect(acmeRetryDelay(rejection(15 * 60_000 + 1), 0, noRandomness)).toBe(hour / 4 + 1)
    const outage = new AcmeFault('no', { hint: '', retryAfter: 90_000 })
    expect(acmeRetryDelay(outage, 0, noRandomness)).toBe(90_000)
    expect(acmeRetryDelay(outage, 1, noRandomness)).toBe(120_000)
  })

  test('is up to a quarter longer at random', () => {
    const withRandomness = (value: number) => () => new Uint8Array([value])
    expect(acmeRetryDelay(rejection(null), 0, withRandomness(128))).toBe((hour / 4) * 1.125)
    expect(acmeRetryDelay(rejection(30 * hour), 50, withRandomness(128))).toBe(30 * hour * 1.125)
    expect(acmeRetryDelay(null, 0, withRandomness(255))).toBe(60_000 * (1 + 255 / 1_024))
  })
})
