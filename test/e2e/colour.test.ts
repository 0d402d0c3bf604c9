import { expect, test } from 'bun:test'
import { run, spawnOnTerminal } from '../support/executable'

const red = '\u001b[31merror:\u001b[39m'
const cyan = '\u001b[36mhint:\u001b[39m'

/** Returns what a command prints on a terminal. */
async function screenOf(args: readonly string[], environment: Record<string, string>) {
  let screen = ''
  const child = spawnOnTerminal(
    args,
    (text) => {
      screen += text
    },
    environment,
  )
  await child.exited
  return screen
}

test('errors and hints are coloured on a terminal, also for invalid usage', async () => {
  const args = ['recreate-db', '--data-dir', '']
  const text = `invalid --data-dir "": not a folder\r\n${cyan} use the full path\r\n`
  expect(await screenOf(args, { TERM: 'xterm' })).toBe(`${red} ${text}`)
  const usage = await screenOf(['nonsense'], { TERM: 'xterm' })
  expect(usage).toBe(`${red} unknown command 'nonsense'\r\n${cyan} see snailpass --help\r\n`)
})

test('nothing is coloured in a pipe, with NO_COLOR or on a dumb terminal', async () => {
  const args = ['recreate-db', '--data-dir', '']
  const plain = 'error: invalid --data-dir "": not a folder\nhint: use the full path\n'
  expect(await screenOf(args, { NO_COLOR: '1' })).toBe(plain.replaceAll('\n', '\r\n'))
  expect(await screenOf(args, { TERM: 'dumb' })).toBe(plain.replaceAll('\n', '\r\n'))
  const piped = await run(args, { environment: { FORCE_COLOR: '1', TERM: 'xterm' } })
  expect(piped.stderr).toBe(plain)
})
