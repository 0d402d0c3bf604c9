import { expect, test } from 'bun:test'
import { createAccount } from '../support/accounts'
import { serve, spawnOnTerminal, temporaryFolder } from '../support/executable'
import { until } from '../support/until'

/** Starts a server on a terminal of 80 columns. */
function serveOnTerminal(dataDir: string, environment: Record<string, string> = {}) {
  let screen = ''
  const child = spawnOnTerminal(
    ['serve', '--data-dir', dataDir],
    (text) => {
      screen += text
    },
    { SNAILPASS_LISTEN: '0.0.0.0:0', SNAILPASS_LISTEN_TLS: 'off', ...environment },
  )
  return {
    /** Returns what comes after the log of the start, once it ends with a text. */
    async after(end: RegExp): Promise<string> {
      await until(() => end.test(screen), 'the last line of the start')
      return screen.slice(screen.indexOf('SnailPass is ready.')).replaceAll('\r', '')
    },
    async stop() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}

test('a start on a terminal ends with addresses, a code to scan, and the first step', async () => {
  using folder = temporaryFolder()
  const server = serveOnTerminal(folder.path, { TERM: 'xterm' })
  const text = await server.after(/so that nobody else can/)
  await server.stop()
  const [head, address, ...lines] = text.split('\n')
  expect(head).toBe('SnailPass is ready. Its addresses:')
  const url = /^ {2}(http:\/\/[\d.]+:\d+\/)$/.exec(address ?? '')?.[1]
  expect(text).toContain(`Open ${url} on your other devices, or scan this code:\n`)
  // Bright on black, so that the colours of the terminal do not invert it.
  const code = lines.filter((line) => line.startsWith('  \u001b[97;40m█'))
  expect(code.length).toBeGreaterThan(10)
  for (const line of text.split('\n')) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80)
  expect(text).toEndWith(`Data: ${folder.path}
Sign-up: open to everyone who reaches the server
Next: open the address above and create your account;
then set SNAILPASS_SIGNUPS=invited, so that nobody else can
`)
})

test('a server with accounts, and one on this computer alone, end their starts in less', async () => {
  using folder = temporaryFolder()
  await createAccount({ dataDir: folder.path, environment: {} }, 'owner')
  const server = serveOnTerminal(folder.path, { SNAILPASS_LISTEN: '127.0.0.1:0' })
  const text = await server.after(/Sign-up: .*\r\n$/)
  await server.stop()
  expect(text).toMatch(
    /^SnailPass is ready\. Its addresses:\n {2}http:\S+\nOnly this computer can reach the server\.\nThe vault in a browser: http:\S+\nData: \S+\nSign-up: open to everyone who reaches the server\n$/,
  )
})

test('a service gets the log alone', async () => {
  using folder = temporaryFolder()
  await using server = await serve(folder.path)
  expect(server.log.join('\n')).not.toContain('SnailPass is ready')
})
