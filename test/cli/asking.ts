/**
 * A program for the tests of terminal.ts: asks for two secrets and prints them as JSON. Where somebody types the name of
 * a signal, it sends it to itself.
 */
import { askSecret, reportError } from '../../cli/terminal'

process.stdin.on('data', (bytes) => {
  if (String(bytes) === 'SIGTERM') process.kill(process.pid, 'SIGTERM')
})
try {
  const answers = [await askSecret('First: '), await askSecret('Second: ')]
  process.stdout.write(`${JSON.stringify(answers)}\n`)
} catch (error) {
  process.exitCode = reportError(error)
}
process.exit()
