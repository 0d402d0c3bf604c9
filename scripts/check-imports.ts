/**
 * Checks the structure of `src` and `cli`: each folder imports only what the table in docs/architecture.md allows, no files
 * import each other in a circle, no two files of `src` export the same name, and the start of a server evaluates only the
 * packages that it needs. Prints each violation.
 */
import { dirname, join, relative } from 'node:path'
import { type Import, readSourceFiles, resolveImport } from './source-files'

interface FolderRule {
  /** Folders and files that it may import besides itself; `src/*` is all of them. */
  readonly imports: readonly string[]
  /** The same, for `import type` alone. */
  readonly types?: readonly string[]
  readonly packages: readonly string[]
}

/** Names of the standard library's modules all begin like this. */
const node = 'node:'

const folders: Readonly<Record<string, FolderRule>> = {
  cli: {
    imports: ['src/app', 'src/config', 'src/domain', 'src/log', 'src/version'],
    packages: ['commander', 'uqr', node],
  },
  'src/app/server': { imports: ['src/*'], packages: [node] },
  'src/app/operations': { imports: ['src/*'], packages: [node] },
  'src/app/doctor': { imports: ['src/*'], packages: [node] },
  'src/app/support': { imports: ['src/*'], packages: [node] },
  'src/app': { imports: ['src/*'], packages: [node] },
  'src/background': { imports: ['src/domain', 'src/log'], packages: [] },
  'src/log': { imports: ['src/domain'], packages: [node] },
  'src/version': { imports: ['package.json'], packages: [] },
  'src/config': { imports: ['src/domain', 'src/files'], types: ['src/*'], packages: [node] },
  'src/domain': { imports: [], packages: ['@hapi/address', node] },
  'src/http': { imports: ['src/domain', 'src/log', 'src/web'], packages: ['elysia'] },
  'src/metrics': { imports: ['src/domain'], types: ['src/http'], packages: [] },
  'src/mail': {
    imports: ['src/domain', 'src/log', 'src/background'],
    packages: ['nodemailer', 'preact', 'preact-render-to-string', node],
  },
  'src/backup': {
    imports: ['src/domain', 'src/engine', 'src/store', 'src/database', 'src/files'],
    packages: ['age-encryption', 'kysely', node],
  },
  'src/store': { imports: ['src/domain', 'src/engine'], packages: ['kysely', node] },
  'src/database': {
    imports: ['src/domain', 'src/engine', 'src/store', 'src/files'],
    packages: ['kysely', node],
  },
  'src/files': { imports: ['src/domain', 'src/engine'], packages: ['bun', node] },
  'src/engine': { imports: [], packages: ['kysely', 'kysely-bun-sqlite', 'pg', 'bun', node] },
  'src/crypto': { imports: ['src/domain'], packages: ['@elysiajs/jwt', node] },
  'src/tls': {
    imports: ['src/domain', 'src/log', 'src/background', 'src/files'],
    packages: ['@peculiar', 'reflect-metadata', '@hapi/tlds', 'acme-client', node],
  },
  'src/mdns': {
    imports: ['src/domain', 'src/log', 'src/background'],
    packages: ['dns-packet', node],
  },
  'src/service': {
    imports: ['src/config', 'src/domain', 'src/files', 'src/log'],
    packages: [node],
  },
  'src/update': { imports: ['src/domain', 'src/files', 'src/service'], packages: [node] },
  'src/web/vault/crypto': { imports: [], packages: [] },
  'src/web/vault/model': {
    imports: ['src/web/vault/crypto'],
    types: ['src/http/schemas'],
    packages: ['papaparse'],
  },
  'src/web/vault/import': {
    imports: ['src/web/vault/crypto', 'src/web/vault/model'],
    packages: ['papaparse'],
  },
  'src/web/vault/i18n': { imports: [], packages: [] },
  'src/web/vault/api': { imports: ['src/web/vault/crypto', 'src/web/vault/model'], packages: [] },
  'src/web/vault/state': {
    imports: ['api', 'crypto', 'i18n', 'import', 'model'].map((part) => `src/web/vault/${part}`),
    packages: ['@preact/signals'],
  },
  'src/web/vault/screens': {
    imports: [
      'src/web/drawings',
      ...['api', 'crypto', 'i18n', 'import', 'model', 'state'].map(
        (part) => `src/web/vault/${part}`,
      ),
    ],
    packages: ['preact', '@preact/signals'],
  },
  'src/web/vault': {
    imports: ['api', 'crypto', 'screens', 'state'].map((part) => `src/web/vault/${part}`),
    packages: ['preact'],
  },
  'src/web/drawings': { imports: [], packages: ['preact'] },
  'src/web': {
    imports: ['src/web/drawings'],
    packages: ['preact', 'preact-render-to-string', node],
  },
}

/** Code that runs in the browser: no server evaluates it, whatever the table says about the folder above it. */
const browserFolder = 'src/web/vault/'

/** Parts of one folder of which the first may import the second, and never the other way round. */
const downwards: readonly (readonly [from: string, to: string])[] = [
  ['src/app/operations', 'src/app/server'],
  ['src/app/doctor', 'src/app/server'],
  ['src/app/doctor', 'src/app/operations'],
  ['src/app/support', 'src/app/server'],
  ['src/app/support', 'src/app/operations'],
  ['src/app/support', 'src/app/doctor'],
]

/** What a server evaluates before it answers: these files and all that they import, except by `import()`. */
const startFiles = ['cli/main.ts', 'cli/commands/serve.ts']

/** The packages among it. Each costs time and memory in every server; a further one is imported where it is first used. */
const startPackages = [
  ...['commander', 'elysia', 'kysely', 'kysely-bun-sqlite', '@elysiajs/jwt'],
  ...['@hapi/address', '@hapi/tlds', 'bun:ffi', 'bun:sqlite'],
  ...['node:crypto', 'node:fs', 'node:net', 'node:os', 'node:path', 'node:url', 'node:util'],
  ...['node:fs/promises', 'node:timers/promises'],
]

const root = join(import.meta.dir, '..')
const files = await readSourceFiles(root, ['cli', 'src'])
const problems = [
  ...wrongImports(),
  ...circles(),
  ...sharedNames(),
  ...earlyPackages(),
  ...latePackages(),
]
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.exit(problems.length === 0 ? 0 : 1)

function wrongImports(): readonly string[] {
  const found: string[] = []
  for (const [path, { imports }] of files) {
    const folder = folderOf(path)
    if (folder === null) {
      found.push(`${path}: lies in no folder of the table`)
      continue
    }
    for (const each of imports) {
      if (!isAllowed(path, folder, each)) {
        found.push(
          `${path}: ${folder} may not import ${each.isTypeOnly ? 'types of ' : ''}${each.target}`,
        )
      }
    }
  }
  return found
}

/** The folder of the table that a file lies in: the first that fits, so parts of a folder stand before it. */
function folderOf(path: string): string | null {
  const stem = path.replace(/\.tsx?$/, '')
  return (
    Object.keys(folders).find((folder) => stem === folder || stem.startsWith(`${folder}/`)) ?? null
  )
}

function isAllowed(path: string, folder: string, { target, isTypeOnly: isType }: Import): boolean {
  const rule = folders[folder]
  if (rule === undefined) return false
  if (!target.startsWith('.')) return rule.packages.some((name) => isOfPackage(target, name))
  const file = relative(root, join(root, dirname(path), target))
  const other = folderOf(file)
  if (other === folder) return true
  if (file.startsWith(browserFolder) && !path.startsWith(browserFolder)) return false
  if (downwards.some(([from, to]) => from === other && to === folder)) return false
  const allowed = isType ? [...rule.imports, ...(rule.types ?? [])] : rule.imports
  return allowed.some(
    (name) =>
      file === name || file.startsWith(`${name}/`) || (name === 'src/*' && file.startsWith('src/')),
  )
}

function isOfPackage(target: string, name: string): boolean {
  return (
    target === name ||
    target.startsWith(`${name}/`) ||
    (name === node && target.startsWith(node)) ||
    (name === 'bun' && target.startsWith('bun:'))
  )
}

/** One circle of files for each file where one is found; imports of types count as well. */
function circles(): readonly string[] {
  const found: string[] = []
  const done = new Set<string>()
  const way: string[] = []
  const visit = (path: string): void => {
    const begin = way.indexOf(path)
    if (begin !== -1) found.push(`circle: ${[...way.slice(begin), path].join(' -> ')}`)
    if (begin !== -1 || done.has(path)) return
    way.push(path)
    for (const { target } of files.get(path)?.imports ?? []) {
      const file = resolveImport(files, path, target)
      if (file !== null) visit(file)
    }
    way.pop()
    done.add(path)
  }
  for (const path of files.keys()) visit(path)
  return found
}

/** Packages that a start should not evaluate, each with the files through which it is imported. */
function earlyPackages(): readonly string[] {
  const found: string[] = []
  const ways = new Map(startFiles.map((path) => [path, [path]]))
  // The map grows while it is read: its order is that of a breadth-first search, so each way is the shortest.
  for (const [path, way] of ways) {
    for (const { target, isTypeOnly, isLazy } of files.get(path)?.imports ?? []) {
      if (isTypeOnly || isLazy) continue
      const file = resolveImport(files, path, target)
      if (file !== null && !ways.has(file)) ways.set(file, [...way, file])
      if (!target.startsWith('.') && !startPackages.includes(target))
        found.push(`${way.join(' -> ')}: ${target} is evaluated at the start of a server`)
    }
  }
  return found
}

/** Bun 1.4.5 breaks `import()` of a CommonJS package (its helper and the parameter get the same short name). */
function latePackages(): readonly string[] {
  return [...files].flatMap(([path, { imports }]) =>
    imports
      .filter(
        ({ target, isTypeOnly, isLazy }) => isLazy && !isTypeOnly && !/^(?:\.|node:)/.test(target),
      )
      .map(
        ({ target }) => `${path}: import() of the package ${target}: put it into a file of ours`,
      ),
  )
}

function sharedNames(): readonly string[] {
  const owners = new Map<string, string[]>()
  for (const [path, { exports }] of files) {
    if (!path.startsWith('src/') || path.startsWith('src/store/migrations/0')) continue
    for (const name of exports) owners.set(name, [...(owners.get(name) ?? []), path])
  }
  return [...owners]
    .filter(([, paths]) => paths.length > 1)
    .map(([name, paths]) => `${name} is exported by ${paths.join(' and ')}`)
}
