import { describe, expect, test } from 'bun:test'
import { createBaseUrlResolver, portOf } from '../../src/http/base-url'

const server = {
  publicUrl: null,
  publicHosts: ['vault.lan', 'proxy.lan:8443'],
  localHosts: () => ['192.168.1.5', '[fe80::1]', 'pi', 'pi.local', 'localhost'],
  endpoints: () => [
    { protocol: 'http:', port: 5000 },
    { protocol: 'https:', port: 443 },
  ],
}

/** Returns a request as the routes get it: always with an `http:` URL; the client knows whether it used HTTPS. */
const requestTo = (url: string) =>
  [
    new Request(url.replace('https:', 'http:')),
    { address: null, isSecure: url.startsWith('https:') },
  ] as const

test('a URL without a port has the port of its scheme', () => {
  const urls = ['http://pi/', 'https://pi/', 'https://pi:5443/', 'http://[::1]:1/']
  expect(urls.map((url) => portOf(new URL(url)))).toEqual([80, 443, 5443, 1])
})

describe('a link in an email', () => {
  const baseUrl = createBaseUrlResolver(server)

  test.each([
    'http://192.168.1.5:5000',
    'http://pi:5000',
    'http://PI.local:5000',
    'http://[fe80::1]:5000',
    'https://pi.local',
    'http://vault.lan',
    'http://vault.lan:9999',
    'http://proxy.lan:8443',
  ])('leads to %s if the request was sent there', (origin) => {
    expect(baseUrl(...requestTo(`${origin}/users`))).toBe(`${origin.toLowerCase()}/`)
  })

  test.each([
    'http://evil.example',
    'http://pi.evil.example:5000',
    'http://proxy.lan',
    'http://pi:6666',
    'http://localhost',
    'http://192.168.1.5.evil.example',
  ])('never leads to %s, but to the first local address', (origin) => {
    expect(baseUrl(...requestTo(`${origin}/login`))).toBe('http://192.168.1.5:5000/')
  })

  test('leads to the public URL if there is one, wherever the request was sent', () => {
    const publicUrl = new URL('https://vault.example.org/sub/')
    const fixed = createBaseUrlResolver({ ...server, publicUrl })
    expect(fixed(...requestTo('http://pi:5000/users'))).toBe('https://vault.example.org/sub/')
    expect(fixed(...requestTo('http://evil.example/users'))).toBe('https://vault.example.org/sub/')
  })

  test('leads to the first endpoint, and to port 80 of this computer if nothing is known', () => {
    const [stranger, client] = requestTo('http://evil.example/users')
    const https = createBaseUrlResolver({
      ...server,
      endpoints: () => [{ protocol: 'https:', port: 443 }, ...server.endpoints()],
    })
    expect(https(stranger, client)).toBe('https://192.168.1.5/')
    const unknown = createBaseUrlResolver({
      ...{ publicUrl: null, publicHosts: [], localHosts: () => [], endpoints: () => [] },
    })
    expect(unknown(stranger, client)).toBe('http://localhost/')
  })
})
