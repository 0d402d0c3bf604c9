/**
 * Finds the test files that reach a line of the code: probes are inserted into a copy of the checkout, each test file runs
 * once, and the probes write down that they were reached, also in the compiled executable that end-to-end tests run. Probes in
 * a page can't write, so that each test with a browser counts as one that reaches all code of pages. It reads the code by its
 * text, which the formatter keeps in one form.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckoutCopy, shareWork } from './checkout-copy'
import { resolveImport, type SourceFile } from './source-files'

export interface Place {
  readonly path: string
  /** 1 for the first. */
  readonly line: number
}

export interface TestFile {
  readonly path: string
  /** Milliseconds that it took. */
  readonly duration: number
}

/** The code that runs in pages. */
const pageFolder = 'src/web/vault/'
/** What tests open a browser with. */
const browserModule = 'test/support/browsers.ts'
/** The file in a copy that the probes write to. */
const logName = 'reached'
/** Milliseconds for a test file that hangs. */
const timeout = 10 * 60_000

/** Runs all test files once, in several copies side by side. Returns those that reach each place, in the order of the places. */
export async function findReach(
  copies: readonly CheckoutCopy[],
  files: ReadonlyMap<string, SourceFile>,
  places: readonly Place[],
): Promise<readonly (readonly TestFile[])[]> {
  const byPlace = places.map((): TestFile[] => [])
  const logOf = (copy: CheckoutCopy) => join(copy.folder, logName)
  const originals = new Map<CheckoutCopy, ReadonlyMap<string, string>>()
  for (const copy of copies) {
    originals.set(copy, addProbes(copy, files, { places, log: logOf(copy) }))
    if (!(await copy.build())) throw new Error('the code with probes does not compile')
  }
  const inPages = placesInPages(places)
  const tests = [...files.keys()].filter((path) => path.endsWith('.test.ts'))
  await shareWork(copies, tests, async (copy, path) => {
    // A program that runs as another user writes it as well.
    writeFileSync(logOf(copy), '', { mode: 0o666 })
    const start = performance.now()
    await copy.run(['bun', 'test', '--timeout', '60000', path], { timeout })
    const test = { path, duration: performance.now() - start }
    const logged = copy.read(logName).trim().split('\n').filter(Boolean).map(Number)
    const reached = opensBrowser(files, path) ? [...logged, ...inPages] : logged
    for (const place of new Set(reached)) byPlace[place]?.push(test)
  })
  for (const [copy, texts] of originals) {
    for (const [path, text] of texts) copy.write(path, text)
    copy.restoreExecutable()
  }
  return byPlace
}

/** Returns whether a test file opens a browser. */
export function opensBrowser(files: ReadonlyMap<string, SourceFile>, path: string): boolean {
  return isImporter(files, path, browserModule)
}

/** Returns the numbers of the places that are code of pages. */
function placesInPages(places: readonly Place[]): readonly number[] {
  return [...places.entries()].flatMap(([index, { path }]) =>
    path.startsWith(pageFolder) ? [index] : [],
  )
}

/** Inserts the probes. Returns the files as they were. */
function addProbes(
  copy: CheckoutCopy,
  files: ReadonlyMap<string, SourceFile>,
  { places, log }: { places: readonly Place[]; log: string },
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const path of files.keys()) texts.set(path, copy.read(path))
  const probes = new Map<string, { line: number; place: number }[]>()
  for (const [index, place] of places.entries()) {
    for (const { path, line } of findProbes(texts, files, place)) {
      probes.set(path, [...(probes.get(path) ?? []), { line, place: index }])
    }
  }
  const originals = new Map<string, string>()
  for (const [path, inFile] of probes) {
    const text = texts.get(path) ?? ''
    originals.set(path, text)
    const lines = text.split('\n')
    for (const { line, place } of inFile.toSorted((a, b) => b.line - a.line)) {
      lines.splice(line, 0, `;__reach(${place});`)
    }
    copy.write(path, `${probeFunction(log)}\n${lines.join('\n')}`)
  }
  return originals
}

function probeFunction(log: string): string {
  return `var __reached; function __reach(place) {
  if ((__reached ??= new Set()).has(place)) return
  __reached.add(place)
  try { process.getBuiltinModule('node:fs').appendFileSync(${JSON.stringify(log)}, place + '\\n') } catch {}
}`
}

/**
 * Returns the lines after which a probe tells that a place is reached: the head of the block around it. A place outside of
 * blocks belongs to a declaration, and is reached where its name is used, in its file and in those that import it, tests
 * included.
 */
export function findProbes(
  texts: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, SourceFile>,
  place: Place,
): readonly Place[] {
  const found = new Map<string, Place>()
  const seen = new Set<string>()
  const add = ({ path, line }: Place) => {
    const lines = (texts.get(path) ?? '').split('\n')
    const head = findBlock(lines, line)
    const declaration = findDeclaration(lines, line)
    if (head !== null || declaration === null) {
      const at = head ?? lines.length
      found.set(`${path}:${at}`, { path, line: at })
      return
    }
    const key = `${path}:${declaration.name}`
    if (seen.has(key)) return
    seen.add(key)
    const users = declaration.isExported ? importersOf(files, path) : []
    for (const user of [path, ...users]) {
      for (const use of findUses((texts.get(user) ?? '').split('\n'), declaration.name)) {
        if (user !== path || use !== declaration.line) add({ path: user, line: use })
      }
    }
  }
  add(place)
  return [...found.values()]
}

/** Returns the line of the head of the innermost block around a line, null outside of blocks. */
function findBlock(lines: readonly string[], line: number): number | null {
  let indent = indentOf(lines[line - 1] ?? '')
  for (let number = line - 1; number > 0; number--) {
    const text = lines[number - 1] ?? ''
    if (text.trim() === '' || indentOf(text) >= indent) continue
    indent = indentOf(text)
    if (isBlockHead(text.trim())) return number
  }
  return null
}

function isBlockHead(text: string): boolean {
  if (/^(?:switch|class|export class|interface|export interface)\b/.test(text)) return false
  return /(?:\)(?:: .+)?|=>|\belse|\btry|\bcatch|\bfinally|\bdo|^case .*:|^default:) \{$/.test(text)
}

/** Returns the declaration at the outermost level that a line belongs to, null for a statement without a name. */
function findDeclaration(
  lines: readonly string[],
  line: number,
): { name: string; line: number; isExported: boolean } | null {
  const pattern =
    /^(?<exported>export )?(?:async |abstract )*(?:function\*?|class|const|let) (?<name>\w+)/
  for (let number = line; number > 0; number--) {
    const text = lines[number - 1] ?? ''
    if (text.trim() === '' || indentOf(text) > 0 || /^[})\]]/.test(text)) continue
    const groups = pattern.exec(text)?.groups
    const name = groups?.['name']
    if (name === undefined) return null
    return { name, line: number, isExported: groups?.['exported'] !== undefined }
  }
  return null
}

function findUses(lines: readonly string[], name: string): readonly number[] {
  // Not a member of the same name, but `...name` is a use.
  const pattern = new RegExp(`(?<!\\w|(?<!\\.\\.)\\.)${name}(?!\\w)`)
  return lines.flatMap((text, index) => {
    const isOther = /^(?:\s*(?:\*|\/\/|\/\*)|import\b)/.test(text)
    return !isOther && pattern.test(text) ? [index + 1] : []
  })
}

function importersOf(files: ReadonlyMap<string, SourceFile>, path: string): readonly string[] {
  return [...files.keys()].filter((file) => isImporter(files, file, path))
}

function isImporter(files: ReadonlyMap<string, SourceFile>, file: string, path: string): boolean {
  const { imports = [] } = files.get(file) ?? {}
  return imports.some(({ target }) => resolveImport(files, file, target) === path)
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length
}
