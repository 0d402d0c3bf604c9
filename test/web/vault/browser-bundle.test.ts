import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Glob } from 'bun'
import { temporaryFolder } from '../../support/executable'

const root = join(import.meta.dir, '..', '..', '..')
const folder = join('src', 'web', 'vault')

/** What a browser does not have, what the page's policy refuses, and random numbers that anyone can predict. */
const absent = [
  ...[/\bnode:/, /\bbun:/, /\bBun\b/, /\bBuffer\b/, /(?<![.\w])process\.\w/, /\brequire\(/],
  ...[/\bMath\.random\b/, /\beval\(/, /\bnew Function\b/],
]

test('runs in a browser: its bundle has nothing of Bun or Node', () => {
  using output = temporaryFolder()
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  const entries = files.filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
  const build = Bun.spawnSync(
    [
      ...[process.execPath, 'build', '--target=browser', '--production', '--minify'],
      ...['--outdir', output.path, ...entries.map((path) => join(folder, path))],
    ],
    { cwd: root },
  )
  expect({ code: build.exitCode, errors: build.stderr.toString() }).toEqual({ code: 0, errors: '' })

  const built = readdirSync(output.path, { recursive: true, encoding: 'utf8' })
  const scripts = built.filter((path) => path.endsWith('.js'))
  expect(scripts.length).toBe(entries.length)
  for (const path of scripts) {
    // The text of a file in one build has the code of all files that it imports.
    const text = readFileSync(join(output.path, path), 'utf8')
    const found = absent.filter((pattern) => pattern.test(text)).map((pattern) => pattern.source)
    expect({ path, found }).toEqual({ path, found: [] })
  }
})

test('makes nothing of texts but texts', async () => {
  const glob = new Glob(join(folder, '**', '*.{ts,tsx}'))
  const markup =
    /\b(?:dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|srcdoc|document\.write)\b/
  const files = [...glob.scanSync(root)]
  expect(files.length).toBeGreaterThan(30)
  for (const path of files) {
    const found = markup.exec(await Bun.file(join(root, path)).text())
    expect({ path, found }).toEqual({ path, found: null })
  }
})
