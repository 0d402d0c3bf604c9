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

/** A request as the routes see it: without its scheme, which is told by its client. */
const asked = (url: string) =>
  [
    new Request(url.replace('https:', 'http:')),
    { address: null, isSecure: url.startsWith('https:') },
  ] as const

test('a port is known also where it goes without saying', () => {
  const urls = ['http://pi/', 'https://pi/', 'https://pi:5443/', 'http://[::1]:1/']
  expect(urls.map((url) => portOf(new URL(url)))).toEqual([80, 443, 5443, 1])
})

describe('the address in a link', () => {
  const baseUrl = createBaseUrlResolver(server)

  test.each([
    'http://192.168.1.5:5000',
    'http://pi:5000',
    'http://PI.local:5000',
    'http://[fe80::1]:5000',
    'https://pi.local',
    'http://vault.lan',
    'http://proxy.lan:8443',
  ])('is %s where the request came by it', (origin) => {
    expect(baseUrl(...asked(`${origin}/users`))).toBe(`${origin.toLowerCase()}/`)
  })

  test.each([
    'http://evil.example',
    'http://pi.evil.example:5000',
    'http://proxy.lan',
    'http://pi:6666',
    'http://localhost',
    'http://192.168.1.5.evil.example',
  ])('is never %s, but the first of this machine', (origin) => {
    expect(baseUrl(...asked(`${origin}/login`))).toBe('http://192.168.1.5:5000/')
  })

  test('is the public URL, whatever a request says, where there is one', () => {
    const publicUrl = new URL('https://vault.example.org/sub/')
    const fixed = createBaseUrlResolver({ ...server, publicUrl })
    expect(fixed(...asked('http://pi:5000/users'))).toBe('https://vault.example.org/sub/')
    expect(fixed(...asked('http://evil.example/users'))).toBe('https://vault.example.org/sub/')
  })
})
