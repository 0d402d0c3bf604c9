import { describe, expect, test } from 'bun:test'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { createAcmeClient } from '../../../src/tls/acme/client'
import { AcmeFault } from '../../../src/tls/acme/fault'
import { orderCertificate } from '../../../src/tls/acme/order'
import { createCsr } from '../../../src/tls/x509'
import { captureError } from '../../support/capture-error'
import {
  authorization,
  type CaAnswer,
  createFakeCa,
  type FakeCa,
  order,
  problem,
} from '../../support/fake-ca'
import { until } from '../../support/until'

const name = 'vault.example.org'
const second = 1_000
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const { csr } = await createCsr([name])
const gaveNoReason = 'the certificate authority gave no reason'

/** Orders a certificate from a CA. Waits take no time and are recorded, as is what happens to responses to challenges. */
function startOrder(
  ca: FakeCa,
  options: {
    names?: readonly string[]
    onWait?: (milliseconds: number) => void
    put?: () => Promise<void>
    remove?: () => Promise<void>
  } = {},
) {
  const controller = new AbortController()
  const waits: number[] = []
  const events: string[] = []
  const { signal } = controller
  const client = createAcmeClient({
    transport: ca.transport,
    directory: ca.directory,
    key,
    externalAccount: null,
    signal,
  })
  const result = client.signIn(null).then(() => {
    ca.requests.length = 0
    return orderCertificate(client, {
      names: options.names ?? [name],
      csr,
      signal,
      async wait(milliseconds, waitSignal) {
        expect(waitSignal).toBe(signal)
        waits.push(milliseconds)
        options.onWait?.(milliseconds)
        waitSignal?.throwIfAborted()
      },
      challenges: {
        async put(token, keyAuthorization) {
          await options.put?.()
          events.push(`put ${token} ${keyAuthorization} after ${ca.steps().length} steps`)
        },
        async remove(token) {
          events.push(`remove ${token} after ${ca.steps().length} steps`)
          await options.remove?.()
        },
      },
    })
  })
  return { result, waits, events, controller }
}

const documents = (...list: unknown[]): CaAnswer[] => list.map((document) => ({ document }))

/** What follows the token in the response to a challenge (RFC 8555, section 8.1). */
function thumbprint(): string {
  const { crv, kty, x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

describe('an order', () => {
  test('proves each name, one after the other, and asks for the certificate then', async () => {
    const names = [name, 'pass.example.org']
    const ca = createFakeCa(names)
    const { result, waits, events } = startOrder(ca, { names })
    expect(await result).toBe('the chain')
    expect(ca.steps()).toEqual([
      'POST /order',
      'POST /authorization/vault.example.org',
      'POST /challenge/vault.example.org',
      'POST /authorization/vault.example.org',
      'POST /authorization/pass.example.org',
      'POST /challenge/pass.example.org',
      'POST /authorization/pass.example.org',
      'POST /order/1',
      'POST /finalize',
      'POST /order/1',
      'POST /certificate',
    ])
    expect(waits).toEqual([])
    const print = thumbprint()
    expect(events).toEqual([
      `put token-of-vault.example.org token-of-vault.example.org.${print} after 2 steps`,
      'remove token-of-vault.example.org after 4 steps',
      `put token-of-pass.example.org token-of-pass.example.org.${print} after 5 steps`,
      'remove token-of-pass.example.org after 7 steps',
    ])
    const payloadOf = (line: string) => ca.requests.find((one) => one.line === line)?.payload
    expect(payloadOf('POST /order')).toEqual({
      identifiers: [
        { type: 'dns', value: name },
        { type: 'dns', value: 'pass.example.org' },
      ],
    })
    expect(payloadOf('POST /challenge/vault.example.org')).toEqual({})
    const der = csr.replaceAll(/-----[^-]+-----|\s/g, '')
    expect(payloadOf('POST /finalize')).toEqual({
      csr: Buffer.from(der, 'base64').toString('base64url'),
    })
    // Everything else only reads, which is a request without content (RFC 8555, section 6.3).
    for (const path of ['authorization/vault.example.org', 'order/1', 'certificate'])
      expect(payloadOf(`POST /${path}`)).toBeNull()
    for (const { line, protected: header } of ca.requests) {
      if (line.startsWith('POST ')) expect(header['kid']).toBe('https://ca.test/account/1')
    }
  })

  test('needs no challenge for a name whose proof is still valid', async () => {
    const ca = createFakeCa([name])
    ca.answers[`POST /authorization/${name}`] = documents(authorization(name, 'valid'))
    const { result, events } = startOrder(ca)
    expect(await result).toBe('the chain')
    expect(events).toEqual([])
    expect(ca.steps()).toEqual([
      'POST /order',
      `POST /authorization/${name}`,
      'POST /order/1',
      'POST /finalize',
      'POST /order/1',
      'POST /certificate',
    ])
  })

  test('that is valid already is not submitted again', async () => {
    const ca = createFakeCa([name])
    ca.answers['POST /order/1'] = documents(order([name], 'valid'))
    const { result, waits } = startOrder(ca)
    expect(await result).toBe('the chain')
    expect(ca.steps().slice(-3)).toEqual(['POST /order/1', 'POST /order/1', 'POST /certificate'])
    expect(waits).toEqual([])
  })

  test('is asked for until it is ready, and again until it is valid, from a second on', async () => {
    const ca = createFakeCa([name])
    const states = ['pending', 'pending', 'processing', 'ready', 'ready', 'processing', 'valid']
    ca.answers['POST /order/1'] = documents(...states.map((state) => order([name], state)))
    const { result, waits } = startOrder(ca)
    expect(await result).toBe('the chain')
    expect(waits).toEqual([1, 2, 4, 1, 2].map((seconds) => seconds * second))
    expect(ca.steps().slice(-9)).toEqual([
      'POST /order/1',
      'POST /order/1',
      'POST /order/1',
      'POST /order/1',
      'POST /finalize',
      'POST /order/1',
      'POST /order/1',
      'POST /order/1',
      'POST /certificate',
    ])
  })

  test.each([
    [
      'before it is ready',
      [order([name], 'pending'), order([name], 'invalid', { error: problem('caa', 'forbidden') })],
      'the order was rejected: forbidden',
      'caa',
      0,
    ],
    [
      'after it was submitted',
      [
        order([name], 'ready'),
        order([name], 'processing'),
        order([name], 'invalid', { error: problem('badCSR', 'unusual key') }),
      ],
      'the order was rejected: unusual key',
      'badCSR',
      1,
    ],
    [
      'without a reason',
      [order([name], 'invalid')],
      `the order was rejected: ${gaveNoReason}`,
      null,
      0,
    ],
    [
      'by a state that does not exist',
      [order([name], 'deactivated')],
      `the order was rejected: ${gaveNoReason}`,
      null,
      0,
    ],
  ])('that the CA rejects %s ends with its reason', async (_, states, message, type, submitted) => {
    const ca = createFakeCa([name])
    ca.answers['POST /order/1'] = documents(...states)
    const error = await captureError(startOrder(ca).result)
    expect(error).toBeInstanceOf(AcmeFault)
    expect(error).toMatchObject({ message, type, retryAfter: null })
    expect(ca.steps().filter((line) => line === 'POST /finalize')).toHaveLength(submitted)
    expect(ca.steps()).not.toContain('POST /certificate')
  })

  test('whose request is refused ends with the reason, and is not asked for any more', async () => {
    const ca = createFakeCa([name])
    ca.answers['POST /finalize'] = [{ status: 400, document: problem('badCSR', 'unusual key') }]
    expect(await captureError(startOrder(ca).result)).toMatchObject({
      message: 'the certificate was rejected: unusual key',
      type: 'badCSR',
    })
    expect(ca.steps().slice(-2)).toEqual(['POST /order/1', 'POST /finalize'])
  })

  test('is given up after five minutes, with waits of half a minute at most', async () => {
    const ca = createFakeCa([name])
    ca.answers['POST /order/1'] = documents(order([name], 'processing'))
    const { result, waits } = startOrder(ca)
    expect(await captureError(result)).toMatchObject({
      message: 'the order was not completed within five minutes',
      hint: 'wait: the certificate authority may be slow, and the request is retried automatically',
      type: null,
      retryAfter: null,
    })
    // 271 seconds: another 30 would be more than five minutes.
    const expected = [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30]
    expect(waits).toEqual(expected.map((seconds) => seconds * second))
    expect(ca.steps()).not.toContain('POST /finalize')
  })

  test.each([
    ['100', [100, 100, 100], 100],
    ['101', [101, 101], 101],
    ['300', [300], 300],
    ['301', [], 301],
  ])('waits %s seconds as the CA asks, and five minutes at most', async (header, waited, after) => {
    const ca = createFakeCa([name])
    ca.answers['POST /order/1'] = [
      { document: order([name], 'processing'), headers: { 'retry-after': header } },
    ]
    const { result, waits } = startOrder(ca)
    expect(await captureError(result)).toMatchObject({
      message: 'the order was not completed within five minutes',
      retryAfter: after * second,
    })
    expect(waits).toEqual(waited.map((seconds) => seconds * second))
  })

  test('waits a second although the CA asks for less', async () => {
    const ca = createFakeCa([name])
    const processing = { document: order([name], 'processing'), headers: { 'retry-after': '0' } }
    ca.answers['POST /order/1'] = [
      processing,
      processing,
      processing,
      { document: order([name], 'valid') },
    ]
    const { result, waits } = startOrder(ca)
    expect(await result).toBe('the chain')
    expect(waits).toEqual([second, second, second])
  })

  test('ends with the reason of the signal, and asks no more', async () => {
    const ca = createFakeCa([name])
    ca.answers['POST /order/1'] = documents(order([name], 'processing'))
    const stopping = new Error('the server stops')
    const started = startOrder(ca, {
      onWait: (milliseconds) => {
        if (milliseconds === 4 * second) started.controller.abort(stopping)
      },
    })
    expect(await captureError(started.result)).toBe(stopping)
    expect(started.waits).toEqual([second, 2 * second, 4 * second])
    expect(ca.steps().filter((line) => line === 'POST /order/1')).toHaveLength(3)
  })
})

describe('a challenge', () => {
  test('is waited for while the authorization is pending', async () => {
    const ca = createFakeCa([name])
    ca.answers[`POST /authorization/${name}`] = [
      ...documents(authorization(name, 'pending')),
      { document: authorization(name, 'pending'), headers: { 'retry-after': '7' } },
      ...documents(authorization(name, 'pending'), authorization(name, 'valid')),
    ]
    const { result, waits, events } = startOrder(ca)
    expect(await result).toBe('the chain')
    expect(waits).toEqual([7 * second, 2 * second])
    expect(events.at(-1)).toBe(`remove token-of-${name} after 6 steps`)
  })

  test.each(['invalid', 'deactivated', 'expired', 'revoked'])(
    'of an authorization that becomes %s ends the order, and its response is removed',
    async (state) => {
      const ca = createFakeCa([name])
      ca.answers[`POST /authorization/${name}`] = documents(
        authorization(name, 'pending'),
        authorization(name, state, problem('unauthorized', 'wrong answer')),
      )
      const { result, waits, events } = startOrder(ca)
      expect(await captureError(result)).toMatchObject({
        message: `the challenge for ${name} was rejected: wrong answer`,
        type: 'unauthorized',
      })
      expect(waits).toEqual([])
      expect(events.at(-1)).toBe(`remove token-of-${name} after 4 steps`)
      expect(ca.steps()).toHaveLength(4)
    },
  )

  test('that is not checked within five minutes ends the order, and its response is removed', async () => {
    const ca = createFakeCa([name])
    ca.answers[`POST /authorization/${name}`] = documents(authorization(name, 'pending'))
    const { result, events } = startOrder(ca)
    expect(await captureError(result)).toMatchObject({
      message: `the challenge for ${name} was not completed within five minutes`,
    })
    expect(events).toHaveLength(2)
    expect(ca.steps()).not.toContain('POST /order/1')
  })

  test('is not started while its response could not be stored', async () => {
    const ca = createFakeCa([name])
    const away = new Error('the database is away')
    const { result, events } = startOrder(ca, { put: () => Promise.reject(away) })
    expect(await captureError(result)).toBe(away)
    expect(events).toEqual([])
    expect(ca.steps()).toEqual(['POST /order', `POST /authorization/${name}`])
  })

  test('whose response can not be removed does not affect the order', async () => {
    const ca = createFakeCa([name])
    const { result, events } = startOrder(ca, { remove: () => Promise.reject(new Error('away')) })
    expect(await result).toBe('the chain')
    expect(events).toHaveLength(2)
  })

  test('is over once its response has been removed', async () => {
    const ca = createFakeCa([name])
    const { promise: removed, resolve } = Promise.withResolvers<void>()
    const { result, events } = startOrder(ca, { remove: () => removed })
    await until(() => events.length === 2, 'the removal of the response', { interval: 1 })
    await Bun.sleep(0)
    expect(ca.steps().at(-1)).toBe(`POST /authorization/${name}`)
    resolve()
    expect(await result).toBe('the chain')
  })

  test('that is refused at once leaves no response behind', async () => {
    const ca = createFakeCa([name])
    ca.answers[`POST /challenge/${name}`] = [
      { status: 400, document: problem('dns', 'no such name') },
    ]
    const { result, events } = startOrder(ca)
    expect(await captureError(result)).toMatchObject({
      message: `the challenge for ${name} was rejected: no such name`,
      type: 'dns',
    })
    expect(events.at(-1)).toBe(`remove token-of-${name} after 3 steps`)
  })

  test.each([
    ['only others', [{ type: 'dns-01', url: 'https://ca.test/x', token: 'x' }]],
    ['none', []],
    ['no list', undefined],
  ])('by HTTP that the CA does not offer (%s) ends the order', async (_, challenges) => {
    const ca = createFakeCa([name])
    ca.answers[`POST /authorization/${name}`] = documents({
      ...authorization(`${name}\n\u202e`, 'pending'),
      challenges,
    })
    const { result, events } = startOrder(ca)
    expect(await captureError(result)).toMatchObject({
      message: `the certificate authority offers no HTTP-01 challenge for ${name} `,
      hint: 'names with a * need a DNS challenge, which snailpass does not support: check SNAILPASS_ACME_NAMES',
      type: null,
    })
    expect(events).toEqual([])
  })

  test('names at most 253 characters of what the CA calls the name', async () => {
    const ca = createFakeCa([name])
    ca.answers[`POST /authorization/${name}`] = documents({
      ...authorization('x'.repeat(300), 'pending'),
      challenges: [],
    })
    expect(await captureError(startOrder(ca).result)).toMatchObject({
      message: `the certificate authority offers no HTTP-01 challenge for ${'x'.repeat(253)}`,
    })
  })
})

describe('a response without what RFC 8555 requires ends the order:', () => {
  const missing = 'unexpected response of the certificate authority: a member is missing'
  const without = (document: object, member: string) => ({ ...document, [member]: undefined })
  const [wrong, http] = authorization(name, 'pending').challenges

  test.each([
    [
      'an order without a URL for the request',
      'POST /order',
      without(order([name], 'pending'), 'finalize'),
    ],
    [
      'an order with a URL that is no text',
      'POST /order',
      { ...order([name], 'pending'), authorizations: [1] },
    ],
    [
      'an authorization without a name',
      `POST /authorization/${name}`,
      without(authorization(name, 'pending'), 'identifier'),
    ],
    [
      'a challenge without a token',
      `POST /authorization/${name}`,
      { ...authorization(name, 'pending'), challenges: [wrong, without(http ?? {}, 'token')] },
    ],
    [
      'a challenge without a URL',
      `POST /authorization/${name}`,
      { ...authorization(name, 'pending'), challenges: [without(http ?? {}, 'url')] },
    ],
    ['an order without a state', 'POST /order/1', without(order([name], 'pending'), 'status')],
    ['a certificate that is no text', 'POST /certificate', { pem: 'x' }],
  ])('%s', async (_, line, document) => {
    const ca = createFakeCa([name])
    const headers = { location: 'https://ca.test/order/1' }
    ca.answers[line] = [{ status: line === 'POST /order' ? 201 : 200, document, headers }]
    expect(await captureError(startOrder(ca).result)).toMatchObject({
      message: missing,
      hint: 'check that SNAILPASS_ACME_DIRECTORY is the directory of a certificate authority (RFC 8555)',
      type: null,
      retryAfter: null,
    })
  })

  test('a valid order without a certificate', async () => {
    const ca = createFakeCa([name])
    ca.answers['POST /order/1'] = documents(order([name], 'valid', { certificate: undefined }))
    expect(await captureError(startOrder(ca).result)).toMatchObject({
      message:
        'unexpected response of the certificate authority: the certificate: Unable to download certificate, URL not found',
    })
  })
})
