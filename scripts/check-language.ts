/**
 * Refuses words that this project has standard terms for, in code, comments, texts and documents alike: see "Language" in
 * docs/development.md. Stored names stay as they are; `language-exceptions.json` lists them, each with its reason.
 *
 *   bun scripts/check-language.ts [FILE|FOLDER]...
 */
import { join } from 'node:path'
import exceptions from './language-exceptions.json' with { type: 'json' }

interface RefusedWord {
  readonly pattern: RegExp
  readonly instead: string
}

/** The word as a whole, also as a part of a name in camel case or with underscores; `s?` where it has a plural. */
function word(text: string): RegExp {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return new RegExp(`(?<![A-Za-z])${text}(?![a-z])|${capital}(?![a-z])`, 'g')
}

const refused: readonly RefusedWord[] = [
  { pattern: word('letters?'), instead: 'email' },
  { pattern: word('mend(?:s|ed|ing)?'), instead: 'fix' },
  { pattern: word('archived?s?'), instead: 'backup' },
  { pattern: /safety[ -]?cop(?:y|ies)/gi, instead: 'backup' },
  { pattern: word('whoever'), instead: 'anyone who, the person who' },
  { pattern: word('anew'), instead: 'again' },
  { pattern: /\bat present\b/gi, instead: 'now' },
  { pattern: /\bof late\b/gi, instead: 'recently' },
  { pattern: /\bin the plain\b/gi, instead: 'unencrypted' },
  { pattern: word('verifiers?'), instead: 'password hash' },
  { pattern: word('trails?'), instead: 'audit log' },
  { pattern: /\bputs?Back\b/g, instead: 'restore, roll back, requeue' },
  { pattern: word('patience'), instead: 'timeout' },
  { pattern: /\b(?:most|least)[A-Z]\w*/g, instead: 'max…, min…' },
  {
    pattern: /\b(?:const|let|readonly) (?:most|least)\b|[{,(] ?(?:most|least)(?=[,:?)]| [}=])/g,
    instead: 'max, min',
  },
]

/** Data that is not written for people, and what is made of other files. */
const isSkipped = (path: string): boolean =>
  /^(?:test\/data\/|bun\.lock$|LICENSE$|scripts\/(?:check-language\.ts|language-exceptions\.json|runtimes\.txt)$)/.test(
    path,
  )

const root = join(import.meta.dir, '..')
const wanted = process.argv.slice(2).map((path) => path.replace(/\/$/, ''))
const listed = Bun.spawnSync(['git', 'ls-files', '-co', '--exclude-standard'], { cwd: root })
if (!listed.success) throw new Error(listed.stderr.toString())

let count = 0
const used = new Set<string>()
for (const path of listed.stdout.toString().trim().split('\n')) {
  const isWanted =
    wanted.length === 0 || wanted.some((each) => path === each || path.startsWith(`${each}/`))
  const file = Bun.file(join(root, path))
  if (!isWanted || isSkipped(path) || !(await file.exists())) continue
  const lines = (await file.text()).split('\n')
  for (const [index, line] of lines.entries()) check(`${path}:${index + 1}`, line)
}
if (wanted.length === 0) {
  for (const { text } of exceptions) {
    if (used.has(text)) continue
    count++
    process.stderr.write(`scripts/language-exceptions.json: nothing contains "${text}" any more\n`)
  }
}
process.exit(count === 0 ? 0 : 1)

function check(place: string, line: string): void {
  let rest = line
  for (const { text } of exceptions) {
    if (!rest.includes(text)) continue
    used.add(text)
    rest = rest.replaceAll(text, '')
  }
  for (const { pattern, instead } of refused) {
    for (const [found] of rest.matchAll(pattern)) {
      count++
      process.stderr.write(`${place}: "${found.trim()}": write ${instead}\n`)
    }
  }
}
