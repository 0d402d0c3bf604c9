import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(import.meta.resolve('./asking.ts'))

/** Runs the program on a new terminal and types the keys of each answer once its question appears. */
async function runWithAnswers(answers: readonly { at: string; keys: string }[]) {
  let screen = ''
  const remaining = [...answers]
  const decoder = new TextDecoder()
  // The shell prints the state of the terminal after the program has ended.
  const command = `'${process.execPath}' '${program}'; echo "code $?"; stty -a`
  const child = Bun.spawn(['sh', '-c', command], {
    terminal: {
      data(terminal, bytes) {
        screen += decoder.decode(bytes, { stream: true })
        const [next] = remaining
        if (next === undefined || !screen.includes(next.at)) return
        remaining.shift()
        terminal.write(next.keys)
      },
    },
  })
  await child.exited
  return {
    screen: Bun.stripANSI(screen.slice(0, screen.indexOf('code '))).replaceAll('\r', ''),
    code: /code (\d+)/.exec(screen)?.[1],
    showsKeys: / echo\b/.test(screen) && / icanon\b/.test(screen),
  }
}

test.each([
  ['as typed', 'pass wörd 🐌\r', 'pass wörd 🐌'],
  ['with deleted characters', 'pasz\u007fs wörx\u0008d\n', 'pass wörd'],
  ['from the start after Ctrl-U', 'something else\u0015pass\r', 'pass'],
  ['without arrow keys', 'pa\u001b[D\u001bOA\u001b[3~ss\r', 'pass'],
])('reads a secret %s, and does not show it', async (_name, keys, secret) => {
  const { screen, code, showsKeys } = await runWithAnswers([
    { at: 'First: ', keys },
    { at: 'Second: ', keys: 'other\r' },
  ])
  expect({ code, showsKeys }).toEqual({ code: '0', showsKeys: true })
  expect(screen).toBe(`First: \nSecond: \n${JSON.stringify([secret, 'other'])}\n`)
})

test('uses text pasted after a line as the next answer', async () => {
  const { screen } = await runWithAnswers([{ at: 'First: ', keys: 'one\rtwo\r' }])
  expect(screen).toBe('First: \nSecond: \n["one","two"]\n')
})

test.each([
  ['Ctrl-C', 'secret\u0003'],
  ['Ctrl-D', 'secret\u0004'],
  // The program sends the signal to itself when it is typed.
  ['a signal', 'SIGTERM'],
])('is cancelled by %s, and restores the terminal', async (_name, keys) => {
  const { screen, code, showsKeys } = await runWithAnswers([{ at: 'First: ', keys }])
  expect({ code, showsKeys }).toEqual({ code: '1', showsKeys: true })
  expect(screen).toBe('First: \nerror: cancelled: nothing was changed\n')
})

test('fails without a terminal', async () => {
  const child = Bun.spawn([process.execPath, program], {
    stdin: new Blob(['secret\n']),
    stderr: 'pipe',
  })
  expect(await child.exited).toBe(2)
  expect(await new Response(child.stderr).text()).toBe(
    "error: can't prompt for a secret: not a terminal\nhint: use --secret-file\n",
  )
})
