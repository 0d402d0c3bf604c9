/**
 * A program for terminal.test.ts: asks for two secrets and prints them as JSON. When SIGTERM is typed, it sends that
 * signal to itself.
 */
import { askSecret } from '../../cli/prompts'
import { reportError } from '../../cli/terminal'

process.stdin.on('data', (bytes) => {
  if (String(bytes) === 'SIGTERM') process.kill(process.pid, 'SIGTERM')
})
try {
  const prompt = { name: 'a secret', alternative: '--secret-file' }
  const answers = [
    await askSecret({ question: 'First: ', ...prompt }),
    await askSecret({ question: 'Second: ', ...prompt }),
  ]
  process.stdout.write(`${JSON.stringify(answers)}\n`)
} catch (error) {
  process.exitCode = reportError(error)
}
process.exit()
