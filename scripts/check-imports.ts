/**
 * Holds the imports of every source file against the table of rooms, and prints each one that the table
 * does not allow. Layers are only as good as the arrows between them.
 */
import { dirname, join, relative } from 'node:path'
import { Glob } from 'bun'

interface FolderRule {
  /** Rooms, or single files of `src`, that it may import besides itself. */
  readonly imports: readonly string[]
  /** Packages that its job needs and no other room's. */
  readonly packages: readonly string[]
}

const folders: Readonly<Record<string, FolderRule>> = {
  cli: {
    imports: ['src/app', 'src/config', 'src/domain', 'src/log', 'src/version'],
    packages: ['commander', 'node:'],
  },
  'src/app': { imports: ['src/*'], packages: ['node:'] },
  'src/log': { imports: ['src/domain'], packages: ['node:'] },
  'src/version': { imports: ['package.json'], packages: [] },
  'src/config': { imports: ['src/domain/errors', 'src/domain/rate-limits'], packages: ['node:'] },
  'src/domain': { imports: [], packages: ['@hapi/address'] },
  'src/http': { imports: ['src/domain', 'src/web', 'src/log'], packages: ['elysia'] },
  'src/mail': {
    imports: ['src/domain', 'src/log'],
    packages: ['nodemailer', 'preact', 'preact-render-to-string'],
  },
  'src/backup': {
    imports: ['src/domain', 'src/store', 'src/database', 'src/files', 'src/engine'],
    packages: ['age-encryption', 'kysely', 'node:'],
  },
  'src/store': { imports: ['src/domain', 'src/engine'], packages: ['kysely', 'node:'] },
  'src/database': {
    imports: ['src/domain', 'src/engine', 'src/store', 'src/files'],
    packages: ['kysely', 'node:'],
  },
  'src/files': { imports: ['src/domain', 'src/engine'], packages: ['bun', 'node:'] },
  'src/service': { imports: ['src/config', 'src/domain'], packages: ['node:'] },
  'src/tls': {
    imports: ['src/domain', 'src/config', 'src/log', 'src/files'],
    packages: ['@peculiar', 'reflect-metadata', '@hapi/tlds', 'acme-client', 'node:'],
  },
  'src/engine': { imports: [], packages: ['kysely', 'kysely-bun-sqlite', 'pg', 'bun', 'node:'] },
  'src/crypto': { imports: ['src/domain'], packages: ['@elysiajs/jwt', 'node:'] },
  'src/mdns': { imports: ['src/domain', 'src/log'], packages: ['dns-packet', 'node:'] },
  'src/web': { imports: [], packages: ['preact', 'preact-render-to-string', 'node:'] },
}

const importPattern = /\b(?:from\s+|import\s+|import\s*\(\s*)'(?<target>[^'\n]+)'/g

const root = join(import.meta.dir, '..')
const problems: string[] = []
for (const file of new Glob('{cli,src}/**/*.{ts,tsx}').scanSync(root)) {
  const folder = folderOf(file)
  if (folder === null) {
    problems.push(`${file}: lies in no room of the table`)
    continue
  }
  const text = await Bun.file(join(root, file)).text()
  for (const match of text.matchAll(importPattern)) {
    const target = match.groups?.['target'] ?? ''
    if (!isAllowed(file, folder, target))
      problems.push(`${file}: ${folder} may not import ${target}`)
  }
}
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.exit(problems.length === 0 ? 0 : 1)

/** The room that a file lies in, null when there is none. */
function folderOf(file: string): string | null {
  const path = file.replace(/\.tsx?$/, '')
  return (
    Object.keys(folders).find((folder) => path === folder || path.startsWith(`${folder}/`)) ?? null
  )
}

function isAllowed(file: string, folder: string, target: string): boolean {
  const { imports: allowed, packages } = folders[folder] ?? { imports: [], packages: [] }
  if (!target.startsWith('.')) {
    return packages.some(
      (name) =>
        target === name ||
        target.startsWith(`${name}/`) ||
        (name.endsWith(':') && target.startsWith(name)) ||
        (name === 'bun' && target.startsWith('bun:')),
    )
  }
  const path = relative(root, join(root, dirname(file), target))
  return (
    folderOf(path) === folder ||
    allowed.some(
      (name) =>
        path === name ||
        path.startsWith(`${name}/`) ||
        (name === 'src/*' && path.startsWith('src/')),
    )
  )
}
