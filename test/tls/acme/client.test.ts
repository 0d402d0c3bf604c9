import { describe, expect, test } from 'bun:test'
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { Client } from 'acme-client'
import { createAcmeClient, type ExternalAccount } from '../../../src/tls/acme/client'
import { AcmeFault } from '../../../src/tls/acme/fault'
import { captureError } from '../../support/capture-error'
import { createFakeCa, decodePart, type FakeCa, order, problem } from '../../support/fake-ca'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const secret = Buffer.from('the key of the external account').toString('base64url')
const externalAccount: ExternalAccount = { kid: 'kid-1', key: { reveal: () => secret } }

function createTestClient(
  ca: FakeCa,
  options: { externalAccount?: ExternalAccount | null; signal?: AbortSignal } = {},
) {
  return createAcmeClient({
    transport: ca.transport,
    directory: ca.directory,
    key,
    externalAccount: options.externalAccount ?? null,
    signal: options.signal ?? new AbortController().signal,
  })
}

/** Returns a CA that has no account of ours, and says so by an error of this type. */
function createCaWithoutAccount(type = 'accountDoesNotExist') {
  const ca = createFakeCa([])
  ca.answers['POST /account'] = [
    { status: 400, document: problem(type, 'no account') },
    { status: 201, headers: { location: 'https://ca.test/account/7' } },
  ]
  return ca
}

const accountPayloads = ({ requests }: FakeCa) =>
  requests.filter(({ line }) => line === 'POST /account').map(({ payload }) => payload)

describe('the account at a CA', () => {
  test('is looked up and not created again, and later requests name it', async () => {
    const ca = createFakeCa([])
    const client = createTestClient(ca)
    await client.signIn('you@example.org')
    expect(ca.lines()).toEqual([
      'GET /directory',
      'HEAD /nonce',
      'POST /account',
      'HEAD /nonce',
      'POST /account/1',
    ])
    expect(accountPayloads(ca)).toEqual([{ onlyReturnExisting: true }])
    const [, , lookUp, , update] = ca.requests
    expect(lookUp?.protected).toEqual({
      alg: 'ES256',
      url: 'https://ca.test/account',
      nonce: 'nonce-2',
      jwk: expect.objectContaining({ kty: 'EC', crv: 'P-256' }),
    })
    expect(update?.protected).toMatchObject({ kid: 'https://ca.test/account/1', nonce: 'nonce-4' })
  })

  test.each([
    ['with', 'you@example.org', { contact: ['mailto:you@example.org'] }],
    ['without', null, {}],
  ])('is created if there is none, %s an email address', async (_, email, contact) => {
    const ca = createCaWithoutAccount()
    await createTestClient(ca).signIn(email)
    expect(accountPayloads(ca)).toEqual([
      { onlyReturnExisting: true },
      { termsOfServiceAgreed: true, ...contact },
    ])
  })

  test.each(['accountDoesNotExist', 'externalAccountRequired'])(
    'is bound to the external account of the operator when it is created after the error %s',
    async (type) => {
      const ca = createCaWithoutAccount(type)
      await createTestClient(ca, { externalAccount }).signIn(null)
      const [lookUp, created] = accountPayloads(ca) as [object, { externalAccountBinding: never }]
      expect(lookUp).toEqual({ onlyReturnExisting: true })
      const { externalAccountBinding, ...rest } = created
      expect(rest).toEqual({ termsOfServiceAgreed: true })
      const { protected: header, payload, signature } = externalAccountBinding
      expect(decodePart(header)).toEqual({
        alg: 'HS256',
        kid: 'kid-1',
        url: 'https://ca.test/account',
      })
      const own = ca.requests[2]?.protected ?? {}
      expect(decodePart(payload)).toEqual(own['jwk'])
      const mac = createHmac('sha256', Buffer.from(secret, 'base64url'))
      expect(mac.update(`${header}.${payload}`).digest('base64url')).toBe(signature)
    },
  )

  test('is not created if the CA requires an external account and there is none', async () => {
    const ca = createCaWithoutAccount('externalAccountRequired')
    const error = await captureError(createTestClient(ca).signIn(null))
    expect(error).toMatchObject({
      message: 'the account was rejected: no account',
      type: 'externalAccountRequired',
      hint: 'this certificate authority requires an external account: set SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY to the values from it',
    })
    expect(accountPayloads(ca)).toHaveLength(1)
  })

  const closedHint =
    'the account may be closed: move its file (tls/acme-…-account.key in the data folder) away to create a new one'
  const credentialsHint =
    'check that SNAILPASS_ACME_EAB_KID and SNAILPASS_ACME_EAB_KEY are the values from the certificate authority'
  const statusHint =
    'check the status page of the certificate authority, and wait: the request is retried automatically'

  test.each([
    ['unauthorized', null, closedHint],
    ['unauthorized', externalAccount, credentialsHint],
    ['malformed', externalAccount, credentialsHint],
    ['malformed', null, statusHint],
    ['serverInternal', externalAccount, statusHint],
  ])('that is rejected as %s has the hint for it', async (type, account, hint) => {
    const refusal = {
      status: 403,
      document: problem(type, 'no'),
      headers: { 'retry-after': '90' },
    }
    const expected = { message: 'the account was rejected: no', type, hint, retryAfter: 90_000 }
    const looked = createFakeCa([])
    looked.answers['POST /account'] = [refusal]
    const lookUpFault = await captureError(
      createTestClient(looked, { externalAccount: account }).signIn(null),
    )
    expect(lookUpFault).toBeInstanceOf(AcmeFault)
    expect(lookUpFault).toMatchObject(expected)
    expect(accountPayloads(looked)).toHaveLength(1)

    const created = createCaWithoutAccount()
    created.answers['POST /account']?.splice(1, 1, refusal)
    expect(
      await captureError(createTestClient(created, { externalAccount: account }).signIn(null)),
    ).toMatchObject(expected)
    expect(accountPayloads(created)).toHaveLength(2)
  })

  test('that the CA knows and gives no URL for ends a loop after 64 requests', async () => {
    const ca = createFakeCa([])
    ca.answers['POST /account'] = [{}]
    expect(await captureError(createTestClient(ca).signIn(null))).toMatchObject({
      message:
        'unexpected response of the certificate authority: the account needs too many requests',
    })
    expect(ca.requests).toHaveLength(64)
  })
})

describe('a request to a CA', () => {
  /** A request that the library does not understand, for what happens to the answer. */
  const send = async (
    ca: FakeCa,
    signal?: AbortSignal,
  ): Promise<{ document: unknown; retryAfter: number | null }> => {
    const client = createTestClient(ca, signal === undefined ? {} : { signal })
    await client.signIn(null)
    ca.requests.length = 0
    const identifiers = [{ type: 'dns', value: 'vault.example.org' }]
    return await client.request('the order', (acme) => acme.createOrder({ identifiers }))
  }

  test('returns the document, and how long the CA asks to wait', async () => {
    const ca = createFakeCa(['vault.example.org'])
    expect(await send(ca)).toEqual({
      document: { ...order(['vault.example.org'], 'pending'), url: 'https://ca.test/order/1' },
      retryAfter: null,
    })
    const headers = { location: 'https://ca.test/order/1', 'retry-after': '12' }
    ca.answers['POST /order'] = [{ status: 201, document: { a: 1 }, headers }]
    expect(await send(ca)).toEqual({
      document: { a: 1, url: 'https://ca.test/order/1' },
      retryAfter: 12_000,
    })
  })

  test('is repeated with the nonce of the answer that rejects the first one', async () => {
    const ca = createFakeCa([])
    const [accepted = {}] = ca.answers['POST /order'] ?? []
    ca.answers['POST /order'] = [
      {
        status: 400,
        document: problem('badNonce', 'stale'),
        headers: { 'replay-nonce': 'fresh', 'retry-after': '99' },
      },
      accepted,
    ]
    expect((await send(ca)).retryAfter).toBeNull()
    expect(ca.lines()).toEqual(['HEAD /nonce', 'POST /order', 'POST /order'])
    expect(ca.requests[2]?.protected['nonce']).toBe('fresh')
    expect(ca.requests[1]?.payload).toEqual(ca.requests[2]?.payload)
  })

  test('is given up with the whole reason when every nonce is rejected', async () => {
    const ca = createFakeCa([])
    const subproblems = [problem('badNonce', 'first'), problem('badNonce', 'second')]
    ca.answers['POST /order'] = [
      {
        status: 400,
        document: problem('badNonce', 'stale', { subproblems }),
        headers: { 'retry-after': '5' },
      },
    ]
    expect(await captureError(send(ca))).toMatchObject({
      message: 'the order was rejected: stale; first; second',
      type: 'badNonce',
      retryAfter: 5_000,
    })
    expect(ca.steps()).toEqual(Array(6).fill('POST /order'))
  })

  test('is not repeated after another refusal, whatever its status', async () => {
    for (const status of [400, 401, 403, 404, 409, 429, 500, 503]) {
      const ca = createFakeCa([])
      ca.answers['POST /order'] = [
        {
          status,
          document: problem('rateLimited', 'too many'),
          headers: { 'retry-after': '3600' },
        },
      ]
      expect(await captureError(send(ca)), String(status)).toMatchObject({
        message: 'the order was rejected: too many',
        type: 'rateLimited',
        retryAfter: 3_600_000,
        hint: 'wait: the certificate authority issues no more for a while; for experiments, set SNAILPASS_ACME_STAGING',
      })
      expect(ca.steps(), String(status)).toEqual(['POST /order'])
    }
  })

  test('reports a refusal without a document, and a response that breaks the protocol', async () => {
    const refusing = createFakeCa([])
    refusing.answers['POST /order'] = [{ status: 502, text: '<html>Bad gateway' }]
    expect(await captureError(send(refusing))).toMatchObject({
      message: 'the order was rejected: the certificate authority gave no reason',
      type: null,
      retryAfter: null,
    })
    const strange = createFakeCa([])
    strange.answers['POST /order'] = [{ status: 201, document: {} }]
    const error = await captureError(send(strange))
    expect(error).toBeInstanceOf(AcmeFault)
    expect(error).toMatchObject({
      message:
        'unexpected response of the certificate authority: the order: Creating a new order did not return an order link',
      cause: expect.objectContaining({
        message: 'Creating a new order did not return an order link',
      }),
    })
    // A rejected nonce before it is not the reason.
    const repeated = createFakeCa([])
    repeated.answers['POST /order'] = [
      { status: 400, document: problem('badNonce', 'stale') },
      { status: 201, document: {} },
    ]
    expect(String(await captureError(send(repeated)))).toBe(String(error))
  })

  test('ends with the reason of the signal once that is aborted', async () => {
    const ca = createFakeCa([])
    ca.answers['POST /account'] = [{ status: 500, document: problem('serverInternal', 'x') }]
    const stopping = new Error('the server stops')
    const client = createTestClient(ca, { signal: AbortSignal.abort(stopping) })
    expect(await captureError(client.signIn(null))).toBe(stopping)
    expect(accountPayloads(ca)).toHaveLength(1)
  })

  test('that the library sends outside of a call is refused', async () => {
    const { directory } = createFakeCa([])
    const library = new Client({ directoryUrl: directory, accountKey: key })
    expect(await captureError(library.createAccount())).toMatchObject({
      message: 'the ACME library sent a request of its own',
    })
  })
})

describe('the directory of a CA', () => {
  const hint =
    'check SNAILPASS_ACME_DIRECTORY; if it is right, the certificate authority may have an outage'

  test.each([
    ['status 404', { status: 404, document: {} }],
    ['status 503', { status: 503, document: {} }],
    ['status 201', { status: 201, document: {} }],
    ['the response is not a JSON object', { text: '<html>' }],
    ['the response is not a JSON object', { text: 'null' }],
    ['the response is not a JSON object', { text: '"text"' }],
  ])('is refused: %s', async (reason, answer) => {
    const ca = createFakeCa([])
    ca.answers['GET /directory'] = [{ ...answer, headers: { 'retry-after': '60' } }]
    const error = await captureError(createTestClient(ca).signIn(null))
    expect(error).toBeInstanceOf(AcmeFault)
    expect(error).toMatchObject({
      message: `https://ca.test/directory is not an ACME directory: ${reason}`,
      hint,
      type: null,
      retryAfter: 60_000,
    })
    expect(ca.lines()).toEqual(['GET /directory'])
  })

  test('that lacks a URL is reported', async () => {
    const ca = createFakeCa([])
    ca.answers['GET /directory'] = [{ document: { newNonce: 'https://ca.test/nonce' } }]
    expect(await captureError(createTestClient(ca).signIn(null))).toMatchObject({
      message:
        'unexpected response of the certificate authority: the account: Unable to locate API resource URL in ACME directory: "newAccount"',
    })
  })
})
