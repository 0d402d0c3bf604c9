import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConfirmationOutcome, ConfirmationState } from '../../src/domain/email-confirmation'
import { DomainError } from '../../src/domain/errors'
import type { AuthorityFiles } from '../../src/http/authority-pages'
import { contentSecurityPolicy } from '../../src/web/page'
import { createTestApi } from '../support/api'

const address = '203.0.113.9'
const page = {
  'content-type': 'text/html;charset=utf-8',
  'content-security-policy': contentSecurityPolicy,
}

const authority: AuthorityFiles = {
  ...{ name: 'SnailPass CA of pi', sha256: 'AB:CD', notAfter: 0, domains: ['pi.local'] },
  ...{ pem: 'pem', der: new Uint8Array([1, 2]) },
}

describe('a confirmation link', () => {
  test.each(['GET', 'HEAD'])(
    'changes nothing by %s, and leads to a page with one button',
    async (method) => {
      const asked: unknown[] = []
      const { ask } = createTestApi({
        emailConfirmation: {
          check: (...args) => {
            asked.push(args)
            return Promise.resolve('unconfirmed')
          },
          confirm: () => Promise.reject(new Error('a link was followed, and no button pressed')),
        },
      })
      const init = { client: { address, isSecure: false } }
      const answer = await ask('/confirm/a.token-', { method }, init)
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        ...page,
        'content-security-policy': contentSecurityPolicy.replace(
          "form-action 'none'",
          "form-action 'self'",
        ),
      })
      expect(asked).toEqual([['a.token-', expect.objectContaining({ address })]])
      if (method === 'HEAD') return
      const html = await answer.text()
      expect(html.match(/<form|<button|<input|<script/g)).toEqual(['<form', '<button'])
      expect(html).toContain('<form method="post">')
    },
  )

  test.each([
    ['already', 'Your email is already confirmed'],
    ['expired', 'This link has expired'],
    ['invalid', 'This link is not valid'],
    ['no such user', 'There is no such account'],
  ] satisfies [ConfirmationState, string][])(
    'that is %s leads to a page that says so, without a button',
    async (state, title) => {
      const { ask } = createTestApi({
        emailConfirmation: {
          check: () => Promise.resolve(state),
          confirm: () => Promise.reject(new Error('not asked for')),
        },
      })
      const answer = await ask('/confirm/x')
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject(page)
      const html = await answer.text()
      expect(html).toContain(`<h1>${title}`)
      expect(html).not.toContain('<button')
    },
  )
})

describe('the button of a confirmation link', () => {
  test.each([
    ['confirmed', 'Your email is confirmed'],
    ['already', 'Your email is already confirmed'],
    ['expired', 'This link has expired'],
    ['invalid', 'This link is not valid'],
    ['no such user', 'There is no such account'],
  ] satisfies [ConfirmationOutcome, string][])(
    'of a link that is %s leads to a page that says so',
    async (outcome, title) => {
      const asked: unknown[] = []
      const { ask } = createTestApi({
        emailConfirmation: {
          check: () => Promise.reject(new Error('not asked for')),
          confirm: (...args) => {
            asked.push(args)
            return Promise.resolve(outcome)
          },
        },
      })
      const answer = await ask(
        '/confirm/a.token-',
        { method: 'POST' },
        { client: { address, isSecure: false } },
      )
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject(page)
      expect(await answer.text()).toContain(`<h1>${title}`)
      expect(asked).toEqual([['a.token-', expect.objectContaining({ address })]])
    },
  )

  test.each([
    ['rate_limited', 429, '77', 'Too many attempts'],
    ['unavailable', 503, null, 'Not possible right now'],
    ['storage_full', 503, null, 'Not possible right now'],
  ] as const)(
    'or its link, for which the rule throws %s, leads to a page with status %d',
    async (code, status, retryAfter, title) => {
      const refuse = () => Promise.reject(new DomainError(code, 'x', { retryAfter: 77 }))
      const { ask } = createTestApi({ emailConfirmation: { check: refuse, confirm: refuse } })
      for (const method of ['GET', 'POST']) {
        const answer = await ask('/confirm/x', { method })
        expect(answer.status).toBe(status)
        expect(answer.headers.get('retry-after')).toBe(retryAfter)
        expect(Object.fromEntries(answer.headers)).toMatchObject(page)
        expect(await answer.text()).toContain(`<h1>${title}`)
      }
    },
  )

  test('does not hide a bug', async () => {
    const fail = () => Promise.reject(new TypeError('a bug'))
    const { ask, lines } = createTestApi({ emailConfirmation: { check: fail, confirm: fail } })
    for (const method of ['GET', 'POST']) {
      expect((await ask('/confirm/x', { method })).status).toBe(500)
      expect(lines.splice(0)).toMatchObject([{ level: 'error', route: '/confirm/:token' }])
    }
  })
})

describe('the start page', () => {
  const pageOf = async (isSecure: boolean, httpPort: number | null) => {
    const { ask } = createTestApi({
      httpPort: () => httpPort,
      authority: () => (isSecure ? authority : null),
    })
    const answer = await ask('/?x=y', {}, { client: { address, isSecure } })
    expect(Object.fromEntries(answer.headers)).toMatchObject(page)
    return await answer.text()
  }

  test('shows the address at which it was opened, with its scheme', async () => {
    expect(await pageOf(false, 5_611)).toContain(
      '<code class="address">http://pi.local:5000/</code>',
    )
    expect(await pageOf(true, 5_611)).toContain(
      '<code class="address">https://pi.local:5000/</code>',
    )
  })

  test('shows the address for plain HTTP: its own, that of the HTTP port, or none', async () => {
    expect(await pageOf(false, null)).toContain('<code>http://pi.local:5000</code>, and build it')
    expect(await pageOf(false, 5_611)).toContain('<code>http://pi.local:5000</code>, and build it')
    expect(await pageOf(true, 5_611)).toContain('<code>http://pi.local:5611</code>, and build it')
    expect(await pageOf(true, null)).toContain('which this server does not offer')
  })

  test('names HTTPS to a client that may not sign in over plain HTTP, as far as there is any', async () => {
    const show = async (change: Parameters<typeof createTestApi>[0], isSecure = false) => {
      const { ask } = createTestApi({
        needsHttps: (client) => !client.isSecure && client.address === '2001:db8::1',
        httpPort: () => 5_000,
        ...change,
      })
      const client = { address: '2001:db8::1', isSecure }
      const texts = await (await ask('/', {}, { client })).text()
      const plain = await (
        await ask('/', {}, { client: { ...client, address: '10.0.0.1' } })
      ).text()
      expect(plain).not.toContain('From your network')
      return texts
    }
    const refusal = 'From your network, this server can be signed in to over HTTPS only'
    const noApp = 'which this server does not accept from your network'
    const found = await show({ tlsPort: () => 5_443 })
    expect(found).toContain('<code class="address">https://pi.local:5443/</code>')
    expect(found).toContain('value=&quot;https://pi.local:5443/&quot;')
    for (const text of [refusal, ': use this address.', noApp]) expect(found).toContain(text)
    expect(found).not.toContain('http://pi.local')
    const off = await show({ tlsPort: () => null })
    expect(off).toContain('<code class="address">http://pi.local:5000/</code>')
    for (const text of [refusal, 'HTTPS is off', 'SNAILPASS_LISTEN_TLS', noApp])
      expect(off).toContain(text)
    const publicUrl = new URL('https://nas.example.org/vault/')
    const behind = await show({ publicUrl, tlsPort: () => 5_443 })
    expect(behind).toContain('<code class="address">https://nas.example.org/vault/</code>')
    expect(behind).toContain(refusal)
    expect(await show({ tlsPort: () => 5_443 }, true)).not.toContain(refusal)
  })

  test('shows the public URL whatever address it was opened at, with its path in every link', async () => {
    const publicUrl = new URL('https://nas.example.org/vault/')
    const { ask } = createTestApi({
      ...{ publicUrl, httpPort: () => 5_611, authority: () => authority },
      emailConfirmation: {
        check: () => Promise.resolve('already'),
        confirm: () => Promise.reject(new Error('not asked for')),
      },
    })
    const html = await (await ask('/')).text()
    expect(html).toContain('<code class="address">https://nas.example.org/vault/</code>')
    expect(html).toContain('value=&quot;https://nas.example.org/vault/&quot;')
    // Android speaks plain HTTP only, which is at the address of the machine.
    expect(html).toContain('<code>http://pi.local:5000</code>, and build it')
    for (const path of ['/', '/ca', '/confirm/x']) {
      const links = (await (await ask(path)).text()).matchAll(/(?:href|src|action)="([^"]*)"/g)
      const own = [...links].map(([, link = '']) => link).filter((link) => !/^https?:/.test(link))
      expect(own.length).toBeGreaterThan(0)
      expect(own.filter((link) => !link.startsWith('/vault/'))).toEqual([])
    }
  })

  test('shows the path of a public URL for plain HTTP', async () => {
    const { ask } = createTestApi({ publicUrl: new URL('http://nas.lan:8080/vault/') })
    const html = await (await ask('/')).text()
    expect(html).toContain('<code>http://nas.lan:8080/vault</code>, and build it')
  })

  test('names its version, and the certificate authority if there is one', async () => {
    expect(await pageOf(false, null)).toContain('Password server, version 1.2.3')
    expect(await pageOf(false, null)).not.toContain('href="/ca"')
    expect(await pageOf(true, null)).toContain('href="/ca"')
  })

  test('has an icon, which browsers may keep for a day', async () => {
    const { ask } = createTestApi()
    const answer = await ask('/favicon.ico')
    expect([
      answer.status,
      answer.headers.get('content-type'),
      answer.headers.get('cache-control'),
    ]).toEqual([...[200, 'image/png', 'public, max-age=86400']])
    const icon = readFileSync(join(import.meta.dir, '../../src/web/favicon.png'))
    expect(Buffer.from(await answer.bytes()).equals(icon)).toBeTrue()
  })
})

describe('the page of the certificate authority', () => {
  test('leads to the HTTPS address, or to the one at which it was opened if there is none', async () => {
    const linkAt = async (port: number | null, isSecure: boolean) => {
      const { ask } = createTestApi({ authority: () => authority, tlsPort: () => port })
      const answer = await ask('/ca', {}, { client: { address, isSecure } })
      expect(Object.fromEntries(answer.headers)).toMatchObject(page)
      return /href="(https?:[^"]*)"/.exec(await answer.text())?.[1]
    }
    expect(await linkAt(5_443, false)).toBe('https://pi.local:5443/')
    expect(await linkAt(443, false)).toBe('https://pi.local/')
    expect(await linkAt(null, true)).toBe('https://pi.local:5000/')
    expect(await linkAt(null, false)).toBe('http://pi.local:5000/')
  })

  test('has the certificate in two forms', async () => {
    const { ask } = createTestApi({ authority: () => authority })
    const [der, pem] = [await ask('/ca.crt'), await ask('/ca.pem')]
    expect([der.headers.get('content-type'), await der.bytes()]).toEqual([
      'application/x-x509-ca-cert',
      new Uint8Array([1, 2]),
    ])
    expect([pem.headers.get('content-type'), await pem.text()]).toEqual([
      'application/x-pem-file',
      'pem',
    ])
  })
})

describe('an ACME challenge', () => {
  test('is answered with its key authorization, and 404 if there is none or no CA is used', async () => {
    const asked: string[] = []
    const findChallenge = (token: string) => {
      asked.push(token)
      return Promise.resolve(token === 'known' ? 'known.key' : null)
    }
    const path = '/.well-known/acme-challenge'
    const { ask } = createTestApi({ findChallenge })
    const found = await ask(`${path}/known`)
    expect([found.status, found.headers.get('content-type'), await found.text()]).toEqual([
      ...[200, 'application/octet-stream', 'known.key'],
    ])
    for (const answer of [await ask(`${path}/other`), await createTestApi().ask(`${path}/known`)]) {
      expect([answer.status, await answer.json()]).toEqual([
        404,
        { message: { error: 'Resource Not Found. Nobody waits for this token' } },
      ])
    }
    expect(asked).toEqual(['known', 'other'])
  })
})
