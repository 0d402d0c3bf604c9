import 'reflect-metadata'
import { spyOn } from 'bun:test'
import { id_ce_subjectAltName } from '@peculiar/asn1-x509'
import {
  BasicConstraintsExtension,
  Pkcs10CertificateRequest,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { parseJson } from '../../src/domain/untrusted'
import type { AcmeTransport } from '../../src/tls/acme/transport'

/** A response of a CA. Status 200 and an empty body by default. */
export interface CaAnswer {
  readonly status?: number
  readonly document?: unknown
  /** The body, instead of a document. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A request that a CA received. */
export interface CaRequest {
  /** Method and path, such as `POST /order/1`. */
  readonly line: string
  /** The signed content; null for a request without one (POST-as-GET). */
  readonly payload: unknown
  /** The header that is signed with the content, empty without a body. */
  readonly protected: Readonly<Record<string, unknown>>
}

const origin = 'https://ca.test'

const pending = { status: 'pending' }

/** Returns the document of an authorization with an HTTP-01 challenge, in a state. */
export const authorization = (name: string, status: string, error?: unknown) => ({
  status,
  identifier: { type: 'dns', value: name },
  challenges: [
    { type: 'dns-01', url: `${origin}/wrong`, token: 'wrong' },
    {
      type: 'http-01',
      url: `${origin}/challenge/${name}`,
      token: `token-of-${name}`,
      ...(error !== undefined && { error }),
    },
  ],
})

/** Returns the document of an order for these names, in a state. */
export const order = (
  names: readonly string[],
  status: string,
  more: Readonly<Record<string, unknown>> = {},
) => ({
  status,
  authorizations: names.map((name) => `${origin}/authorization/${name}`),
  finalize: `${origin}/finalize`,
  ...(status === 'valid' && { certificate: `${origin}/certificate` }),
  ...more,
})

/** Returns the error of a CA with one of the types of RFC 8555, section 6.7. */
export const problem = (type: string, detail: string, more: object = {}) => ({
  type: `urn:ietf:params:acme:error:${type}`,
  detail,
  ...more,
})

/**
 * A CA inside of the test, which issues whatever is in `certificate`. `answers` replaces its answers to requests, by method
 * and path: each is given once, the last one for ever.
 */
export function createFakeCa(
  names: readonly string[],
  { certificate = 'the chain' }: { certificate?: string } = {},
) {
  const requests: CaRequest[] = []
  let nonces = 0
  const answers: Partial<Record<string, (CaAnswer | (() => Promise<CaAnswer>))[]>> = {
    'GET /directory': [
      {
        document: {
          newNonce: `${origin}/nonce`,
          newAccount: `${origin}/account`,
          newOrder: `${origin}/order`,
        },
      },
    ],
    'HEAD /nonce': [{}],
    'POST /account': [{ headers: { location: `${origin}/account/1` } }],
    'POST /account/1': [{ document: { status: 'valid' } }],
    'POST /order': [
      {
        status: 201,
        document: order(names, 'pending'),
        headers: { location: `${origin}/order/1` },
      },
    ],
    'POST /order/1': [{ document: order(names, 'ready') }, { document: order(names, 'valid') }],
    'POST /finalize': [{ document: order(names, 'processing') }],
    'POST /certificate': [{ text: certificate }],
  }
  for (const name of names) {
    answers[`POST /authorization/${name}`] = [
      { document: authorization(name, 'pending') },
      { document: authorization(name, 'valid') },
    ]
    answers[`POST /challenge/${name}`] = [{ document: pending }]
  }

  const answerTo = async (line: string): Promise<CaAnswer> => {
    const [first, ...others] = answers[line] ?? []
    if (first === undefined) return { status: 404, document: problem('malformed', line) }
    if (others.length > 0) answers[line] = others
    return typeof first === 'function' ? await first() : first
  }

  const respond = async (method: string, url: string, body: string | undefined) => {
    const line = `${method} ${new URL(url).pathname}`
    requests.push({ line, ...decodeBody(body) })
    const { status = 200, document, text, headers } = await answerTo(line)
    return {
      status,
      headers: new Headers({ 'replay-nonce': `nonce-${++nonces}`, ...headers }),
      text: text ?? (document === undefined ? '' : JSON.stringify(document)),
    }
  }

  const transport: AcmeTransport = {
    async send(url, { method, body }) {
      const response = await respond(method, url, body)
      const retryAfter = response.headers.get('retry-after')
      return {
        ...response,
        retryAfter: retryAfter === null ? null : Number(retryAfter) * 1_000,
        json: () => parseJson(response.text),
      }
    },
  }

  return {
    /** Answers what this process fetches, until it is disposed of. */
    interceptFetch: () =>
      spyOn(globalThis, 'fetch').mockImplementation(
        Object.assign(
          async (url: string | URL | Request, init: RequestInit = {}) => {
            const { method = 'GET', body } = init
            const sent = typeof body === 'string' ? body : undefined
            const { text, ...rest } = await respond(method, String(url), sent)
            return new Response(text, rest)
          },
          { preconnect: () => {} },
        ),
      ),
    directory: `${origin}/directory`,
    requests,
    answers,
    transport,
    /** The method and path of every request so far. */
    lines: () => requests.map(({ line }) => line),
    /** The same without those that only get a directory or a nonce. */
    steps: () =>
      requests.map(({ line }) => line).filter((line) => !/^GET \/directory|^HEAD/.test(line)),
  }
}

export type FakeCa = ReturnType<typeof createFakeCa>

function decodeBody(body: string | undefined): Pick<CaRequest, 'payload' | 'protected'> {
  if (body === undefined) return { payload: null, protected: {} }
  const { payload, protected: header } = JSON.parse(body)
  return {
    payload: payload === '' ? null : decodePart(payload),
    protected: decodePart(header),
  }
}

/** Returns the JSON in a part of a JSON Web Signature. */
export function decodePart(text: string) {
  return JSON.parse(Buffer.from(text, 'base64url').toString())
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Creates a root that issues certificates (PEM) for signing requests: chains of one certificate. */
export async function createIssuer() {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  return {
    /** Issues what a request with this payload (`csr`, in base64url) asks for. Times are in milliseconds since 1970. */
    async issue(payload: unknown, validity: { notBefore: number; notAfter: number }) {
      const { csr } = payload as { csr: string }
      const request = new Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'))
      const names = request.getExtension(id_ce_subjectAltName)
      const certificate = await X509CertificateGenerator.create(
        {
          issuer: 'CN=Test issuer',
          subject: 'CN=Test server',
          notBefore: new Date(validity.notBefore),
          notAfter: new Date(validity.notAfter),
          publicKey: await request.publicKey.export(),
          signingKey: keys.privateKey,
          signingAlgorithm: algorithm,
          extensions: [new BasicConstraintsExtension(false), ...(names === null ? [] : [names])],
        },
        crypto,
      )
      return `${certificate.toString('pem')}\n`
    },
  }
}
