import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Runtime, systemRuntime } from '../../../src/app/runtime'
import { startServer } from '../../../src/app/server/server'
import { loadConfig } from '../../../src/config/load'
import type { CertificateSource, KeyPair } from '../../../src/domain/certificates'
import { DomainError } from '../../../src/domain/errors'
import { isHttpsDefault } from '../../../src/files/https-by-default'
import { createLog } from '../../../src/log'
import { captureError } from '../../support/capture-error'
import { createTestAuthority } from '../../support/certificates'
import { temporaryFolder } from '../../support/executable'
import { freePort } from '../../support/free-port'
import { startTestServer } from '../../support/server'
import { manualTiming } from '../../support/timing'

const folder = temporaryFolder()
afterAll(folder[Symbol.dispose])

async function createCertificateSource(isPublic = false) {
  const authority = await createTestAuthority()
  const issue = async (): Promise<KeyPair> => {
    const { certificate, key } = await authority.issue({ names: ['localhost', '127.0.0.1'] })
    return { cert: certificate, key }
  }
  let subscriber: ((next: KeyPair) => void) | null = null
  const first = await issue()
  const certificates: CertificateSource = {
    current: () => first,
    isPubliclyTrusted: () => isPublic,
    subscribe(onChange) {
      subscriber = onChange
      return () => {
        subscriber = null
      }
    },
  }
  return {
    authority,
    certificates,
    renew: async () => subscriber?.(await issue()),
    isWatched: () => subscriber !== null,
  }
}

describe('a server', () => {
  test('answers at several addresses, by HTTP, by HTTPS and on a Unix socket, until it stops', async () => {
    const { authority, certificates, isWatched } = await createCertificateSource()
    const path = join(folder.path, 'http.sock')
    const server = await startTestServer({
      listen: `127.0.0.1:0,[::1]:0,unix:${path}`,
      settings: { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' },
      certificates,
    })
    expect(server.urls.map(({ protocol }) => protocol)).toEqual([
      'http:',
      'http:',
      'unix:',
      'https:',
    ])
    for (const url of server.urls) {
      const answer =
        url.protocol === 'unix:'
          ? await fetch('http://localhost/readyz', { unix: path })
          : await fetch(new URL('/readyz', url), { tls: { ca: authority.certificate } })
      expect(await answer.json()).toEqual({ status: 'ready' })
      // The certificate is not publicly trusted: a browser must not insist on HTTPS.
      expect(answer.headers.has('strict-transport-security')).toBeFalse()
    }
    expect(statSync(path).mode & 0o007).toBe(0)
    await server.stop()
    expect(existsSync(path)).toBeFalse()
    expect(isWatched()).toBeFalse()
  })

  test('switches to a new certificate without a failed request', async () => {
    const { authority, certificates, renew } = await createCertificateSource(true)
    const timing = manualTiming()
    await using server = await startTestServer({
      listen: 'off',
      settings: { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' },
      runtime: timing,
      certificates,
    })
    const serials: string[] = []
    const ask = async () => {
      const answer = await fetch(new URL('/healthz', server.url), {
        tls: {
          ca: authority.certificate,
          checkServerIdentity: (_: string, { serialNumber }: { serialNumber: string }) =>
            void serials.push(serialNumber),
        },
        // A new handshake for each request.
        keepalive: false,
      })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('strict-transport-security')).toBe('max-age=15552000')
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      for (let time = 0; time < 30; time++) {
        await Promise.all([ask(), ask(), ask(), ask()])
        if (time === 10) await renew()
      }
      // The change waits for a moment without requests, in which no client is cut off.
      expect(new Set(serials).size).toBe(attempt + 1)
      await timing.advance(2_000)
      await ask()
      expect(new Set(serials).size).toBe(attempt + 2)
    }
  }, 300_000)

  test('names the address that is in use, and listens at none of the others then', async () => {
    const occupied = createServer()
    await new Promise<void>((resolve) => occupied.listen(0, '127.0.0.1', resolve))
    const address = occupied.address()
    const port = typeof address === 'object' ? address?.port : null
    const path = join(folder.path, 'first.sock')
    const started = startTestServer({ listen: `unix:${path},127.0.0.1:${port}` })
    expect(await started.catch((error: unknown) => error)).toMatchObject({
      code: 'unavailable',
      message: `can't listen on 127.0.0.1:${port}: port ${port} is already in use`,
      hint: expect.stringContaining('--listen'),
    })
    expect(existsSync(path)).toBeFalse()
    await new Promise((resolve) => occupied.close(resolve))
  })

  test('answers at the same port of all IPv4 and all IPv6 addresses, in any order and by both protocols', async () => {
    const { authority, certificates } = await createCertificateSource()
    const [plain, tls] = [freePort(), freePort()]
    await using server = await startTestServer({
      listen: `[::]:${plain},127.0.0.1:${plain}`,
      settings: { SNAILPASS_LISTEN_TLS: `${tls}` },
      certificates,
    })
    expect(server.urls.map(({ host }) => host)).toEqual([
      `[::]:${plain}`,
      `127.0.0.1:${plain}`,
      `0.0.0.0:${tls}`,
      `[::]:${tls}`,
    ])
    for (const base of [`http://127.0.0.1:${plain}`, `http://[::1]:${plain}`]) {
      expect((await fetch(`${base}/healthz`)).status, base).toBe(200)
    }
    const ask = (host: string) =>
      fetch(`https://${host}:${tls}/healthz`, {
        tls: { ca: authority.certificate, checkServerIdentity: () => undefined },
      })
    for (const host of ['127.0.0.1', '[::1]']) expect((await ask(host)).status, host).toBe(200)
    // The listener of IPv6 has none of IPv4 beside another one.
    const elsewhere = fetch(`http://127.0.0.2:${plain}/healthz`)
    expect(await captureError(elsewhere)).toBeInstanceOf(Error)
  })

  test('says that one of its own listeners has the port, or that a name has no address', async () => {
    const port = freePort()
    expect(
      await captureError(startTestServer({ listen: `127.0.0.1:${port},0.0.0.0:${port}` })),
    ).toMatchObject({
      message: `can't listen on 0.0.0.0:${port}: port ${port} is already in use`,
      hint: `another listener of this server has it, and 0.0.0.0 has that of every IPv4 address: use another port with --listen`,
    })
    const named = startTestServer({
      settings: { SNAILPASS_LISTEN_TLS: `nowhere.invalid:${port}` },
      certificates: (await createCertificateSource()).certificates,
    })
    expect(await captureError(named)).toMatchObject({
      message: `can't listen on nowhere.invalid:${port}: nowhere.invalid has no address`,
      hint: expect.stringContaining('--listen-tls'),
    })
  })

  test('replaces the Unix socket of a killed server, and nothing else', async () => {
    const path = join(folder.path, 'dead.sock')
    const child = Bun.spawn(
      [
        process.execPath,
        '-e',
        `Bun.serve({ unix: '${path}', fetch: () => new Response() }); console.log(1)`,
      ],
      { stdout: 'pipe' },
    )
    await child.stdout.getReader().read()
    const second = startTestServer({ listen: `unix:${path}` })
    expect(await second.catch((error: unknown) => error)).toBeInstanceOf(DomainError)
    child.kill('SIGKILL')
    await child.exited
    expect(existsSync(path)).toBeTrue()
    {
      await using _ = await startTestServer({ listen: `unix:${path}` })
      expect((await fetch('http://localhost/healthz', { unix: path })).status).toBe(200)
    }
    const file = join(folder.path, 'file')
    writeFileSync(file, 'mine')
    const third = startTestServer({ listen: `unix:${file}` })
    expect(await third.catch((error: unknown) => error)).toMatchObject({ code: 'conflict' })
    expect(await Bun.file(file).text()).toBe('mine')
  })
})

describe('HTTPS that nobody asked for', () => {
  /** Starts a server of a new data folder on ports of its own, instead of those of the defaults. */
  async function startByDefault(tlsPort: number, runtime: Partial<Runtime> = {}) {
    const dataDir = join(folder.path, crypto.randomUUID())
    const { settings } = loadConfig({ environment: {}, flags: { dataDir }, file: null })
    expect(settings).toMatchObject({ isListenDefault: true, isTlsDefault: true })
    const lines: string[] = []
    const log = createLog('json', systemRuntime.clock, (line) => lines.push(line))
    const listen = [{ hostname: '127.0.0.1', port: 0 }]
    // The second one is free: half of HTTPS would be confusing.
    const listenTls = [
      { hostname: '127.0.0.1', port: tlsPort },
      { hostname: '::1', port: tlsPort },
    ]
    const server = await startServer(
      {
        settings: { ...settings, listen, listenTls },
        runtime: { ...systemRuntime, ...runtime },
        log,
      },
      { iterations: 1 },
    )
    const [url = new URL('http://nowhere.invalid')] = server.urls
    return {
      url,
      protocols: server.urls.map(({ protocol }) => protocol),
      warnings: () =>
        lines
          .map((line): Record<string, string> => JSON.parse(line))
          .filter(({ level }) => level === 'warn' || level === 'error')
          .map(({ message, hint }) => ({ message, hint })),
      dataDir,
      [Symbol.asyncDispose]: () => server.stop(500),
    }
  }

  test('is served with a certificate of its own CA, and restricts no sign-in', async () => {
    await using server = await startByDefault(freePort())
    expect(server.protocols).toEqual(['http:', 'https:', 'https:'])
    expect(server.warnings()).toEqual([])
    expect((await fetch(new URL('/ca', server.url))).status).toBe(200)
  })

  test('is left out if its port is taken, and the log says by whom', async () => {
    using taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const { port } = taken
    await using server = await startByDefault(port)
    expect(server.protocols).toEqual(['http:'])
    expect(server.warnings()).toEqual([
      {
        message: `HTTPS is off: can't listen on 127.0.0.1:${port}: port ${port} is already in use`,
        hint: expect.stringContaining('use another port with --listen-tls'),
      },
    ])
    // Nothing leads to what is not there.
    expect((await fetch(new URL('/ca', server.url))).status).toBe(404)
    expect(await (await fetch(server.url)).text()).not.toContain('HTTPS')
  })

  test('is left out if the clock makes no certificate authority possible, and stays the default', async () => {
    await using server = await startByDefault(freePort(), { clock: () => 0 })
    expect(server.protocols).toEqual(['http:'])
    expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
    expect(server.warnings()).toContainEqual({
      message:
        'HTTPS is off: the clock of this machine is wrong: it shows 1970-01-01T00:00:00.000Z',
      hint: expect.stringMatching(/^set the clock, .*; then restart the server$/),
    })
    expect(isHttpsDefault(server.dataDir)).toBeTrue()
  })

  test('is no wish once it was asked for', async () => {
    const started = startTestServer({
      settings: { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' },
      runtime: { clock: () => 0 },
    })
    expect(await captureError(started)).toMatchObject({
      message: expect.stringContaining('the clock of this machine is wrong'),
    })
  })
})

describe('with HTTPS on, an unencrypted login', () => {
  const credentials = `Basic ${btoa('a@b.cc:hash')}`
  const from = (address: string, more: Record<string, string> = {}) => ({
    headers: { authorization: credentials, 'x-forwarded-for': address, ...more },
  })

  async function startHttpsServer(settings: Record<string, string> = {}) {
    const { certificates } = await createCertificateSource()
    return await startTestServer({
      settings: {
        SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
        SNAILPASS_TRUSTED_PROXIES: '127.0.0.1',
        ...settings,
      },
      certificates,
    })
  }

  test('is refused from the internet, and so is a sign-up, before its body is read', async () => {
    await using server = await startHttpsServer()
    const login = new URL('/login', server.url)
    const refused = await fetch(login, from('8.8.8.8'))
    expect({ status: refused.status, body: await refused.json() }).toEqual({
      status: 403,
      body: {
        message: { error: 'Access Denied. Sign in over HTTPS: this connection can be overheard' },
      },
    })
    const signUp = await fetch(new URL('/users', server.url), {
      method: 'POST',
      body: 'not even JSON',
      ...from('2a00::1'),
    })
    expect(signUp.status).toBe(403)
    for (const safe of [
      from('192.168.1.7'),
      from('fd00::7'),
      from('8.8.8.8', { 'x-forwarded-proto': 'https' }),
    ]) {
      expect((await fetch(login, safe)).status).toBe(401)
    }
  })

  test('from an unknown address is refused with HTTPS on, and accepted without HTTPS', async () => {
    const path = join(folder.path, 'proxy.sock')
    const ask = () =>
      fetch('http://localhost/login', { unix: path, headers: { authorization: credentials } })
    {
      const { certificates } = await createCertificateSource()
      await using _ = await startTestServer({
        listen: `unix:${path}`,
        settings: { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' },
        certificates,
      })
      expect((await ask()).status).toBe(403)
    }
    await using _ = await startTestServer({ listen: `unix:${path}` })
    expect((await ask()).status).toBe(401)
  })

  test('is accepted from everywhere if the settings allow it, or if there is no HTTPS', async () => {
    {
      await using server = await startHttpsServer({ SNAILPASS_PLAIN_LOGINS: 'all' })
      expect((await fetch(new URL('/login', server.url), from('8.8.8.8'))).status).toBe(401)
    }
    await using server = await startTestServer({
      settings: { SNAILPASS_TRUSTED_PROXIES: '127.0.0.1' },
    })
    expect((await fetch(new URL('/login', server.url), from('8.8.8.8'))).status).toBe(401)
  })
})
