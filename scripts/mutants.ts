/**
 * Shows what the tests notice: makes small realistic faults at random lines of `src` and `cli`, one at a time, and runs the
 * tests that reach the line. Lists the faults that no test noticed.
 *
 *   bun scripts/mutants.ts [--seed N]... [--count M] [--only FOLDER]
 *
 * The same seed makes the same faults in the same code; several seeds share the run that finds which tests reach what. A fault
 * that the types or the linter refuse is not counted. A test must fail twice to count, since other work on the machine can make
 * one fail. The nearest tests come first; a fault that these have not noticed within minutes counts as missed, so that the rates are
 * lower bounds. It works in copies of the checkout, which stays as it is. 100 faults take about an hour on two cores.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { type CheckoutCopy, copyCheckout, shareWork, withTexts } from './checkout-copy'
import { chooseFaults, type PlacedFault } from './choose-faults'
import { readSourceFiles } from './source-files'
import { findReach, type TestFile } from './test-reach'

/** A fault that no test in the process of the runner noticed. */
interface Survivor {
  readonly fault: PlacedFault
  /** The end-to-end tests that reach it, the quickest first. */
  readonly tests: readonly TestFile[]
}

const endToEndFolder = 'test/e2e/'
/** Faults in one executable. */
const maxGroup = 8
/** Fewer than in scripts/test.sh, since a test that fails for lack of time must not count. */
const workers = 2
/** Milliseconds of tests that run in one process. */
const batchDuration = 20_000
/** Milliseconds of tests in the process of the runner that are tried for one fault. */
const maxDuration = 180_000
/** Milliseconds of end-to-end tests that are tried for a group of faults. */
const maxEndToEndDuration = 450_000

/** Parts of paths that say nothing about the subject of a test. */
const commonWords = new Set(['src', 'web', 'vault', 'screens', 'test', 'e2e', 'ts', 'tsx'])

const { values } = parseArgs({
  options: {
    seed: { type: 'string', multiple: true, default: ['1'] },
    count: { type: 'string', default: '20' },
    only: { type: 'string' },
  },
})
const seeds = values.seed.map((text) => parseCount('seed', text))
const count = parseCount('count', values.count)
const { only } = values
if (!existsSync(join(import.meta.dir, '..', 'dist', 'snailpass')))
  fail('dist/snailpass is missing: run scripts/build.sh')

const copies = Array.from({ length: workers }, copyCheckout)
const [firstCopy] = copies
if (firstCopy === undefined) throw new Error('there is no copy')
const files = await readSourceFiles(firstCopy.folder, ['cli', 'src', 'test'])

const sources = [...files.keys()]
  .filter((path) => !path.startsWith('test/'))
  .filter((path) => only === undefined || path === only || path.startsWith(`${only}/`))

const faults: PlacedFault[] = []
for (const seed of seeds) {
  faults.push(...(await chooseFaults(firstCopy, sources, { seed, count })))
}
print(`${faults.length} faults; running all tests once to see which reach them`)
const testsByFault = await findReach(copies, files, faults)

/** What noticed each fault; null for nothing. */
const results = new Map<PlacedFault, string | null>()
const survivors: Survivor[] = []
await shareWork(copies, [...faults.entries()], async (copy, [index, fault]) => {
  const tests = testsByFault[index] ?? []
  const by = await tryInProcess(copy, fault, tests)
  const endToEnd = tests.filter(({ path }) => path.startsWith(endToEndFolder))
  if (by === null && endToEnd.length > 0) survivors.push({ fault, tests: endToEnd })
  else report(fault, by)
})
await shareWork(copies, groupsOf(survivors), tryEndToEnd)

for (const seed of seeds) {
  const ofSeed = [...results].filter(([fault]) => fault.seed === seed)
  const noticed = ofSeed.filter(([, by]) => by !== null).length
  const percent = ((100 * noticed) / ofSeed.length).toFixed(0)
  print(`\nseed ${seed}: ${noticed} of ${ofSeed.length} faults noticed (${percent} %)`)
  for (const [fault, by] of ofSeed) {
    if (by !== null) continue
    const { path, line, kind, before, after } = fault
    print(`\n${path}:${line} ${kind}\n- ${before.trim()}\n+ ${after.trim()}`)
  }
}

function report(fault: PlacedFault, by: string | null): void {
  results.set(fault, by)
  const place = `${fault.path}:${fault.line} ${fault.kind}`
  print(by === null ? `MISSED  ${place}` : `noticed ${place}, by ${by}`)
}

/**
 * Runs the tests in the process of the runner, those of the fault's file and folder first. Returns what noticed the fault, null
 * for nothing.
 */
async function tryInProcess(
  copy: CheckoutCopy,
  fault: PlacedFault,
  tests: readonly TestFile[],
): Promise<string | null> {
  const stem = join('test', fault.path.replace(/^src\//, '').replace(/\.tsx?$/, ''))
  const inProcess = tests.filter(({ path }) => !path.startsWith(endToEndFolder))
  const nearness = ({ path }: TestFile) =>
    path === `${stem}.test.ts` ? 0 : dirname(path) === dirname(stem) ? 1 : 2
  const byNearness = Map.groupBy(inProcess.toSorted(byAffinityTo([fault])), nearness)
  // The tests of pages get them from an executable, wherever they are.
  const isPage = fault.path.startsWith('src/web/')
  return await withTexts(copy, [fault], async () => {
    if (isPage && !(await copy.build())) return 'the build'
    let left = maxDuration
    for (const batch of ([0, 1, 2] as const).flatMap((near) =>
      batchesOf(byNearness.get(near) ?? []),
    )) {
      if (left <= 0) break
      const by = await findNoticing(copy, batch)
      if (by !== null) return by
      left -= durationOf(batch)
    }
    return null
  }).finally(() => {
    if (isPage) copy.restoreExecutable()
  })
}

/** Puts the tests first that share a word of their path with the faults, and quick ones before slow ones. */
function byAffinityTo(faults: readonly PlacedFault[]) {
  const wordsOf = ({ path }: { readonly path: string }) =>
    path.split(/\W+/).filter((word) => !commonWords.has(word))
  const words = new Set(faults.flatMap(wordsOf))
  const distance = (test: TestFile) => (wordsOf(test).some((word) => words.has(word)) ? 0 : 1)
  return (a: TestFile, b: TestFile) => distance(a) - distance(b) || a.duration - b.duration
}

/** Splits faults into groups for one executable each, without two faults in one file. */
function groupsOf(pending: readonly Survivor[]): readonly (readonly Survivor[])[] {
  const groups: Survivor[][] = []
  for (const survivor of pending) {
    const free = groups.find(
      (group) =>
        group.length < maxGroup && group.every(({ fault }) => fault.path !== survivor.fault.path),
    )
    if (free === undefined) groups.push([survivor])
    else free.push(survivor)
  }
  return groups
}

/**
 * Runs the end-to-end tests on an executable with all faults of a group: few of those that no other test noticed are noticed
 * here, and each alone would take minutes. A test that fails runs with each of the faults alone.
 */
async function tryEndToEnd(copy: CheckoutCopy, group: readonly Survivor[]): Promise<void> {
  let left = group
  const tests = [...new Set(group.flatMap((survivor) => survivor.tests))]
  const queue = firstOf(tests.toSorted(byAffinityTo(faultsIn(group))))
  while (left.length > 0) {
    const by = await withTexts(copy, faultsIn(left), async () => {
      if (!(await copy.build())) return 'the build'
      for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
        if (reachedBy(left, test).length > 0 && (await findNoticing(copy, [test])) !== null)
          return test
      }
      return null
    })
    if (by === null) break
    const before = left
    for (const survivor of by === 'the build' ? left : reachedBy(left, by)) {
      const isItself = await withTexts(copy, [survivor.fault], async () =>
        (await copy.build())
          ? by !== 'the build' && (await findNoticing(copy, [by])) !== null
          : true,
      )
      if (!isItself) continue
      report(survivor.fault, by === 'the build' ? by : by.path)
      left = left.filter((other) => other !== survivor)
    }
    // Each compiles alone: together they exclude each other, or the machine was too busy.
    if (by === 'the build' && left === before) {
      const half = Math.ceil(left.length / 2)
      for (const part of [left.slice(0, half), left.slice(half)]) await tryEndToEnd(copy, part)
      return
    }
  }
  for (const fault of faultsIn(left)) report(fault, null)
}

/** Returns the first tests, as many as are tried for a group. */
function firstOf(tests: readonly TestFile[]): TestFile[] {
  let left = maxEndToEndDuration
  return tests.filter(({ duration }) => {
    left -= duration
    return left > 0
  })
}

function durationOf(tests: readonly TestFile[]): number {
  return tests.reduce((sum, { duration }) => sum + duration, 0)
}

function faultsIn(survivors: readonly Survivor[]): readonly PlacedFault[] {
  return survivors.map(({ fault }) => fault)
}

function reachedBy(survivors: readonly Survivor[], test: TestFile): readonly Survivor[] {
  return survivors.filter(({ tests }) => tests.includes(test))
}

function batchesOf(tests: readonly TestFile[]): readonly (readonly TestFile[])[] {
  const batches: TestFile[][] = []
  let left = 0
  for (const test of tests) {
    if (left < test.duration) {
      batches.push([])
      left = batchDuration
    }
    batches.at(-1)?.push(test)
    left -= test.duration
  }
  return batches
}

/** Runs test files in one process. Returns the one that fails, also when it runs again alone; null if there is none. */
async function findNoticing(
  copy: CheckoutCopy,
  batch: readonly TestFile[],
): Promise<string | null> {
  const run = (tests: readonly TestFile[]) => {
    const paths = tests.map(({ path }) => path)
    return copy.run(['bun', 'test', '--bail', '--timeout', '45000', ...paths], {
      timeout: 60_000 + 4 * durationOf(tests),
    })
  }
  const { status, output } = await run(batch)
  if (status === 'succeeded') return null
  // The last file that the runner names is the one that failed.
  const last = [...output.matchAll(/^(?<path>test\/.+\.test\.ts):$/gm)].at(-1)?.groups?.['path']
  const suspects = batch.filter(({ path }) => last === undefined || path === last)
  const by = suspects.map(({ path }) => path).join(' or ')
  if (status === 'timed out') return by
  if ((await run(suspects)).status !== 'succeeded') return by
  // It failed by chance: the tests after it have not run yet.
  const left = batch.slice(batch.findIndex(({ path }) => path === last) + 1)
  return last === undefined || left.length === 0 ? null : await findNoticing(copy, left)
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
    `error: ${message}\nhint: bun scripts/mutants.ts [--seed N]... [--count M] [--only FOLDER]\n`,
  )
  process.exit(2)
}
