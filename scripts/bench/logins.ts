import { join } from 'node:path'
import { basicAuth, type Client, signUpAndLogIn } from '../../test/support/client'
import { serve } from '../../test/support/executable'
import { onBothCores } from './machine'
import { printLine } from './report'
import { measureInTurns, median, Series } from './rounds'
import type { Bench } from './servers'

const logins = 64

/** Of small requests during many sign-ins, each of which takes a tenth of a second of a core, beside those without. */
export async function measureLatencyDuringLogins(bench: Bench): Promise<void> {
  const results: number[] = []
  const references: number[] = []
  for (const [index, executable] of bench.builds.entries()) {
    const dataDir = join(bench.folder, `logins-${index}`)
    // Hashes take the other core too.
    await using server = await serve(dataDir, {}, [], [...onBothCores, executable])
    const client = await signUpAndLogIn(server.url, 'owner')
    const idle = new Series(() => medianLatency(client, () => false))
    const busy = new Series(() => latencyDuringLogins(server.url, client))
    await measureInTurns([idle, busy], Math.min(bench.rounds, 3))
    results.push(busy.median)
    references.push(idle.median)
  }
  const what = `GET /users during ${logins} sign-ins, ms`
  printLine({ what, results, references, limit: null, digits: 1 })
}

async function latencyDuringLogins(url: URL, client: Client): Promise<number> {
  let isDone = false
  const signingIn = Promise.all(
    Array.from({ length: logins }, (_, index) =>
      fetch(new URL('/login', url), {
        headers: { authorization: basicAuth(`stranger${index}@nas.local`, 'x') },
      }),
    ),
  ).finally(() => {
    isDone = true
  })
  const latency = await medianLatency(client, () => isDone)
  await signingIn
  return latency
}

async function medianLatency(client: Client, isDone: () => boolean): Promise<number> {
  const times: number[] = []
  while (times.length < 200 && !isDone()) {
    const start = performance.now()
    await (await client.send('GET', '/users')).bytes()
    times.push(performance.now() - start)
    await Bun.sleep(5)
  }
  return median(times)
}
