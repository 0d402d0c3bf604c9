/**
 * Shows what the tests notice: makes small realistic faults at random places of `src` and `cli`, one at a time, and runs the
 * tests that could notice each. Lists the faults that no test noticed.
 *
 *   bun scripts/mutants.ts [--seed N] [--count M] [--only FOLDER]
 *
 * The same seed makes the same faults in the same code. It works in a copy of the checkout, which stays as it is. A fault that
 * no test of the folder and no test that imports the file notices costs a build and all end-to-end tests: some minutes.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Fault, faultsOf } from './faults'
import { readSourceFiles, resolveImport, type SourceFile } from './source-files'

const root = join(import.meta.dir, '..')
/** Milliseconds for one run of tests; a fault that makes them hang is noticed. */
const testTimeout = 10 * 60_000

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20' },
    only: { type: 'string' },
  },
})
const seed = parseCount('seed', values.seed)
const count = parseCount('count', values.count)
const { only } = values

const copy = mkdtempSync(join(tmpdir(), 'snailpass-mutants-'))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(130))
process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
copyCheckout()

const files = await readSourceFiles(copy, ['cli', 'src', 'test'])
const random = createRandom(seed)
const sources = [...files.keys()].filter(
  (path) => !path.startsWith('test/') && (only === undefined || path.startsWith(`${only}/`)),
)
if (sources.length === 0) fail(`there is no source file in ${only}`)

const survivors: { fault: Fault; path: string }[] = []
let noticed = 0
for (const { path, fault } of chooseFaults()) {
  const by = await runTests(path)
  const place = `${path}:${fault.line}`
  if (by === null) survivors.push({ fault, path })
  else noticed++
  print(
    `${by === null ? 'MISSED ' : 'noticed'} ${place} ${fault.kind}${by === null ? '' : `, by ${by}`}`,
  )
}
const total = noticed + survivors.length
print(
  `\n${noticed} of ${total} faults noticed (${((100 * noticed) / total).toFixed(0)} %), seed ${seed}`,
)
for (const { fault, path } of survivors) {
  print(`\n${path}:${fault.line} ${fault.kind}\n- ${fault.before.trim()}\n+ ${fault.after.trim()}`)
}

/** Yields faults that compile, each of them in place in the copy until the next one is asked for. */
function* chooseFaults(): Generator<{ path: string; fault: Fault }> {
  const seen = new Set<string>()
  let tries = 0
  for (let made = 0; made < count && tries < count * 50; tries++) {
    const path = pick(sources)
    const text = readFileSync(join(copy, path), 'utf8')
    const faults = faultsOf(text)
    if (faults.length === 0) continue
    const fault = pick(faults)
    const key = `${path}:${fault.line}:${fault.after}`
    if (seen.has(key)) continue
    seen.add(key)
    writeFileSync(join(copy, path), fault.text)
    try {
      if (!run(['bun', 'check'], 60_000)) continue
      made++
      yield { path, fault }
    } finally {
      writeFileSync(join(copy, path), text)
    }
  }
}

/** Runs the tests that could notice a fault, the quickest first. Returns which noticed it, null for none. */
async function runTests(path: string): Promise<string | null> {
  const own = join('test', dirname(path).replace(/^src\/?/, ''))
  const importers = testsThatImport(path)
  const stages = [
    {
      name: 'the tests of its folder',
      tests: importers.filter((test) => test.startsWith(`${own}/`)),
    },
    {
      name: 'tests that import it',
      tests: importers.filter((test) => !test.startsWith(`${own}/`)),
    },
  ]
  for (const { name, tests } of stages) {
    const unit = tests.filter((test) => !test.startsWith('test/e2e/'))
    if (unit.length > 0 && !runTestFiles(unit)) return name
  }
  if (
    !run(
      ['bash', '-c', '. scripts/setup.sh && . scripts/compile.sh && compile dist/snailpass'],
      120_000,
    )
  ) {
    return 'the build'
  }
  const isNoticed = !runTestFiles(['test/e2e'])
  cpSync(join(root, 'dist', 'snailpass'), join(copy, 'dist', 'snailpass'))
  return isNoticed ? 'end-to-end tests' : null
}

/** The test files that import a file, over whatever other files, those that import it by the fewest first. */
function testsThatImport(path: string): readonly string[] {
  const found: string[] = []
  const seen = new Set([path])
  for (let level = [path]; level.length > 0; ) {
    const next: string[] = []
    for (const [file, source] of files) {
      if (seen.has(file) || !imports(file, source, level)) continue
      seen.add(file)
      next.push(file)
      if (file.endsWith('.test.ts')) found.push(file)
    }
    level = next
  }
  return found
}

function imports(file: string, source: SourceFile, targets: readonly string[]): boolean {
  return source.imports.some(({ target }) => {
    const resolved = resolveImport(files, file, target)
    return resolved !== null && targets.includes(resolved)
  })
}

/** Returns whether they all pass. */
function runTestFiles(tests: readonly string[]): boolean {
  return run(['bun', 'test', '--bail', '--parallel=2', '--no-isolate', ...tests], testTimeout)
}

function run(command: readonly string[], timeout: number): boolean {
  const { success } = Bun.spawnSync([...command], {
    cwd: copy,
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    stdout: 'ignore',
    stderr: 'ignore',
    timeout,
    killSignal: 'SIGKILL',
  })
  return success
}

/** The files of the checkout as they are now, with what is installed and built there. */
function copyCheckout(): void {
  if (!existsSync(join(root, 'dist', 'snailpass')))
    fail('dist/snailpass is missing: run scripts/build.sh')
  const listed = Bun.spawnSync(['git', 'ls-files', '-co', '--exclude-standard'], { cwd: root })
  for (const path of listed.stdout.toString().trim().split('\n')) {
    if (!existsSync(join(root, path))) continue
    mkdirSync(join(copy, dirname(path)), { recursive: true })
    cpSync(join(root, path), join(copy, path))
  }
  for (const name of ['node_modules', '.bun']) {
    if (existsSync(join(root, name))) symlinkSync(join(root, name), join(copy, name))
  }
  mkdirSync(join(copy, 'dist'))
  cpSync(join(root, 'dist', 'snailpass'), join(copy, 'dist', 'snailpass'))
}

function pick<T>(list: readonly T[]): T {
  const found = list[Math.floor(random() * list.length)]
  if (found === undefined) throw new Error('nothing to choose from')
  return found
}

/** Numbers from 0 to nearly 1 that depend on the seed alone (mulberry32). */
function createRandom(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function parseCount(name: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) fail(`--${name} is not a number: ${text}`)
  return Number(text)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(message: string): never {
  process.stderr.write(
    `error: ${message}\nhint: bun scripts/mutants.ts [--seed N] [--count M] [--only FOLDER]\n`,
  )
  process.exit(2)
}
