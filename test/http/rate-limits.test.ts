import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { basicAuth } from '../support/client'
import { startTestServer, type TestServer } from '../support/server'
import { fakeClock } from '../support/timing'

/* What is counted, and that a household is one client for every limit. More about guesses is in login-throttle.test.ts. */

/** A server that trusts the client addresses that a test sends. */
async function startLimitedServer(limits: string) {
  const [clock, monotonicClock] = [fakeClock(), fakeClock(0)]
  const server = await startTestServer({
    settings: { SNAILPASS_RATE_LIMITS: limits, SNAILPASS_TRUSTED_PROXIES: '127.0.0.1' },
    runtime: { clock, monotonicClock },
  })
  return { server, clock, monotonicClock, [Symbol.asyncDispose]: () => server.stop() }
}

const emailsOf = ({ dataDir }: TestServer) => {
  using database = new Database(join(dataDir, 'snailpass.db'), { readonly: true })
  return database.query('select email from users order by seq').values().flat()
}

const kinds: {
  what: string
  limit: string
  accepted: number
  /** Sends one that counts, the `index`th, from an address. */
  send: (url: URL, address: string, index: number) => Promise<Response>
}[] = [
  {
    what: 'sign-ups',
    limit: 'sign-ups',
    accepted: 201,
    send: (url, address, index) =>
      fetch(new URL('/users', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
        body: JSON.stringify({
          id: `u${index}`,
          email: `u${index}@nas.local`,
          master_password_hash: 'x',
        }),
      }),
  },
  {
    what: 'invalid confirmation links',
    limit: 'confirmations',
    accepted: 200,
    send: (url, address, index) =>
      fetch(new URL(`/confirm/garbage${index}`, url), { headers: { 'x-forwarded-for': address } }),
  },
  {
    what: 'guesses for one account',
    limit: 'guesses',
    accepted: 401,
    send: (url, address, index) =>
      fetch(new URL('/login', url), {
        headers: {
          authorization: basicAuth('owner@nas.local', `guess ${index}`),
          'x-forwarded-for': address,
        },
      }),
  },
  {
    what: 'guesses at many accounts',
    limit: 'guessed-accounts',
    accepted: 401,
    send: (url, address, index) =>
      fetch(new URL('/login', url), {
        headers: {
          authorization: basicAuth(`u${index}@nas.local`, 'guess'),
          'x-forwarded-for': address,
        },
      }),
  },
]

describe.each(kinds)('the limit of $what', ({ limit, accepted, send }) => {
  test('is one for all addresses of an IPv6 network of 64 bits, and lasts for exactly its time', async () => {
    await using setup = await startLimitedServer(`${limit}=2/1h`)
    const { server, clock, monotonicClock } = setup
    let index = 0
    const ask = async (address: string) => {
      const answer = await send(server.url, address, index++)
      await answer.text()
      return [answer.status, answer.headers.get('retry-after')]
    }
    expect(await ask('2001:db8:1:2::1')).toEqual([accepted, null])
    expect(await ask('2001:db8:1:2:ffff::2')).toEqual([accepted, null])
    const before = emailsOf(server)
    expect(await ask('2001:db8:1:2::3')).toEqual([429, '3600'])
    expect(emailsOf(server)).toEqual(before)
    // Neither a neighbour nor an IPv4 address shares it.
    expect(await ask('2001:db8:1:3::1')).toEqual([accepted, null])
    expect(await ask('10.0.0.1')).toEqual([accepted, null])
    expect(await ask('10.0.0.2')).toEqual([accepted, null])
    monotonicClock.advance(3_599_999)
    expect(await ask('2001:db8:1:2::1')).toEqual([429, '1'])
    // A clock that is set makes no lockout longer or shorter.
    for (const days of [-3650, 3, 7300]) {
      clock.advance(days * 86_400_000)
      expect(await ask('2001:db8:1:2::1')).toEqual([429, '1'])
    }
    monotonicClock.advance(1)
    expect(await ask('2001:db8:1:2::1')).toEqual([accepted, null])
  })
})
