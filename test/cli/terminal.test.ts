import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(import.meta.resolve('./asking.ts'))

/** Runs the program on a terminal of its own and types these keys, each of them once its question is there. */
async function runWithAnswers(answers: readonly { at: string; keys: string }[]) {
  let screen = ''
  const left = [...answers]
  const decoder = new TextDecoder()
  // A shell, so that what becomes of the terminal can be seen after the program has ended.
  const command = `'${process.execPath}' '${program}'; echo "code $?"; stty -a`
  const child = Bun.spawn(['sh', '-c', command], {
    terminal: {
      data(terminal, bytes) {
        screen += decoder.decode(bytes, { stream: true })
        const [next] = left
        if (next === undefined || !screen.includes(next.at)) return
        left.shift()
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
  ['as it is typed', 'pass wörd 🐌\r', 'pass wörd 🐌'],
  ['with what was taken back', 'pasz\u007fs wörx\u0008d\n', 'pass wörd'],
  ['anew after Ctrl-U', 'something else\u0015pass\r', 'pass'],
  ['without what arrows send', 'pa\u001b[D\u001bOA\u001b[3~ss\r', 'pass'],
])('takes a secret %s, and shows nothing of it', async (_name, keys, secret) => {
  const { screen, code, showsKeys } = await runWithAnswers([
    { at: 'First: ', keys },
    { at: 'Second: ', keys: 'other\r' },
  ])
  expect({ code, showsKeys }).toEqual({ code: '0', showsKeys: true })
  expect(screen).toBe(`First: \nSecond: \n${JSON.stringify([secret, 'other'])}\n`)
})

test('takes what was pasted behind a line for the next answer', async () => {
  const { screen } = await runWithAnswers([{ at: 'First: ', keys: 'one\rtwo\r' }])
  expect(screen).toBe('First: \nSecond: \n["one","two"]\n')
})

test.each([
  ['Ctrl-C', 'secret\u0003'],
  ['Ctrl-D', 'secret\u0004'],
  // This is how the program is asked for one.
  ['a signal', 'SIGTERM'],
])('is left by %s, with the terminal as it was', async (_name, keys) => {
  const { screen, code, showsKeys } = await runWithAnswers([{ at: 'First: ', keys }])
  expect({ code, showsKeys }).toEqual({ code: '1', showsKeys: true })
  expect(screen).toBe('First: \nerror: not done: nothing was changed\n')
})

test('refuses where there is no terminal to type on', async () => {
  const child = Bun.spawn([process.execPath, program], {
    stdin: new Blob(['secret\n']),
    stderr: 'pipe',
  })
  expect(await child.exited).toBe(2)
  expect(await new Response(child.stderr).text()).toStartWith(
    'error: there is no terminal to type a secret on\nhint: ',
  )
})
