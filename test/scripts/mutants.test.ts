import { expect, test } from 'bun:test'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder } from '../support/executable'
import { until } from '../support/until'

const root = join(import.meta.dir, '..', '..')

const sources = {
  'src/domain/noticed.ts': 'export const isAdult = (age: number): boolean => age >= 18\n',
  'src/domain/missed.ts': 'export const isChild = (age: number): boolean => age < 18\n',
  'src/domain/distant.ts': 'export const isOld = (age: number): boolean => age > 80\n',
  'test/e2e/ages.test.ts': [
    "import { expect, test } from 'bun:test'",
    "import { isOld } from '../../src/domain/distant'",
    "import { isChild } from '../../src/domain/missed'",
    "test('the old', () => expect([80, 81, 82].map(isOld)).toEqual([false, true, true]))",
    "test('children', () => expect(isChild).toBeFunction())",
    '',
  ].join('\n'),
  'test/domain/ages.test.ts': [
    "import { expect, test } from 'bun:test'",
    "import { isChild } from '../../src/domain/missed'",
    "import { isAdult } from '../../src/domain/noticed'",
    "test('adults', () => expect([17, 18, 19].map(isAdult)).toEqual([false, true, true]))",
    "test('children', () => expect(isChild).toBeFunction())",
    '',
  ].join('\n'),
}

/** A checkout of its own with a few small files, and a temporary folder for the copies. */
function smallCheckout() {
  const folder = temporaryFolder()
  const checkout = join(folder.path, 'checkout')
  const copies = join(folder.path, 'copies')
  mkdirSync(copies)
  for (const name of [
    'mutants',
    'faults',
    'checkout-copy',
    'choose-faults',
    'random',
    'source-files',
    'test-reach',
  ])
    cpSync(join(root, 'scripts', `${name}.ts`), join(checkout, 'scripts', `${name}.ts`))
  for (const name of ['biome.json', 'tsconfig.json', 'package.json'])
    cpSync(join(root, name), join(checkout, name))
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  const others = {
    'dist/snailpass': '',
    'scripts/setup.sh': '',
    'scripts/compile.sh': 'compile() { :; }\n',
  }
  for (const [path, text] of Object.entries({ ...sources, ...others })) {
    mkdirSync(join(checkout, dirname(path)), { recursive: true })
    writeFileSync(join(checkout, path), text)
  }
  writeFileSync(join(checkout, '.gitignore'), 'node_modules\ndist\n')
  Bun.spawnSync(['git', 'init', '-q'], { cwd: checkout })
  const start = (...args: string[]) =>
    Bun.spawn([process.execPath, 'scripts/mutants.ts', ...args], {
      cwd: checkout,
      env: { ...process.env, TMPDIR: copies },
      stdout: 'pipe',
    })
  return {
    copies,
    start,
    read: () =>
      Object.fromEntries(
        Object.keys(sources).map((path) => [path, readFileSync(join(checkout, path), 'utf8')]),
      ),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}

test('scripts/mutants.ts lists the faults that no test notices, and leaves the checkout as it was', async () => {
  using checkout = smallCheckout()
  const child = checkout.start('--seed', '1', '--count', '3', '--only', 'src/domain')
  const output = await new Response(child.stdout).text()
  expect(output).toMatch(/^noticed src\/domain\/noticed.ts:1 .*, by test\/domain\/ages.test.ts$/m)
  expect(output).toMatch(/^noticed src\/domain\/distant.ts:1 .*, by test\/e2e\/ages.test.ts$/m)
  expect(output).toContain('MISSED  src/domain/missed.ts:1')
  expect(output).toContain('seed 1: 2 of 3 faults noticed (67 %)')
  expect(output).toContain('- export const isChild = (age: number): boolean => age < 18\n+ ')
  expect(await child.exited).toBe(0)
  expect(checkout.read()).toEqual(sources)
  expect(readdirSync(checkout.copies)).toEqual([])
}, 300_000)

test('scripts/mutants.ts removes its copies when it is interrupted', async () => {
  using checkout = smallCheckout()
  const child = checkout.start()
  await until(() => readdirSync(checkout.copies).length > 0, 'the copies')
  child.kill('SIGINT')
  expect(await child.exited).toBe(130)
  expect(checkout.read()).toEqual(sources)
  expect(readdirSync(checkout.copies)).toEqual([])
}, 300_000)
