import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { signUpAndLogIn } from '../support/client'
import { executable, type RunningServer, serve, temporaryFolder } from '../support/executable'
import { until } from '../support/until'

/** Returns how much of the executable's code a server has mapped, in KiB. */
function mappedCode({ pid }: RunningServer): number {
  const entries = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const code = entries.find((entry) => /^\S+ r-xp /.test(entry) && entry.includes(executable))
  return Number(/^Rss: +(\d+) kB/m.exec(code ?? '')?.[1])
}

test.skipIf(process.platform !== 'linux')(
  'a server gives the code back that only its start needed, and goes on',
  async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path)
    const before = mappedCode(server)
    await until(() => mappedCode(server) < before * 0.8, 'the code to be given back')
    const owner = await signUpAndLogIn(server.url, 'owner')
    expect((await owner.send('GET', '/users')).status).toBe(200)
    expect(await server.end('SIGTERM')).toBe(0)
  },
)
