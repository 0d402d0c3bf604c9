import { expect, test } from 'bun:test'
import { executable, serve, temporaryFolder, untilLogged } from '../support/executable'

test('a server of which nearly all files are open warns in the log and in /readyz', async () => {
  using folder = temporaryFolder()
  // The shell leaves 40 files open, and the server has about 20.
  const script =
    'for n in {10..49}; do eval "exec $n</dev/null"; done; ulimit -n 64; exec "$0" "$@"'
  const limited = ['/bin/bash', '-c', script, executable]
  await using server = await serve(folder.path, {}, [], limited)
  const answer = await fetch(new URL('/readyz', server.url))
  expect(await answer.json()).toMatchObject({
    warnings: [{ kind: 'open_files', detail: expect.stringMatching(/^\d+ of at most 64 files/) }],
  })
  await untilLogged(server, ' warn ')
  expect(server.log.filter((line) => line.includes(' warn '))).toEqual([
    expect.stringMatching(/ warn +\d+ of at most 64 files .* no client can connect hint=/),
  ])
}, 300_000)
