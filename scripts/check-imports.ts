/**
 * Holds the imports of every source file against the table of rooms, and prints each one that the table
 * does not allow. Layers are only as good as the arrows between them.
 */
import { dirname, join, relative } from 'node:path'
import { Glob } from 'bun'

interface Room {
  /** Rooms, or single files of `src`, that it may import besides itself. */
  readonly rooms: readonly string[]
  /** Packages that its job needs and no other room's. */
  readonly packages: readonly string[]
}

const rooms: Readonly<Record<string, Room>> = {
  cli: {
    rooms: ['src/app', 'src/config', 'src/domain', 'src/log', 'src/version'],
    packages: ['commander', 'node:'],
  },
  'src/app': { rooms: ['src/*'], packages: ['node:'] },
  'src/log': { rooms: ['src/domain'], packages: ['node:'] },
  'src/version': { rooms: ['package.json'], packages: [] },
  'src/config': { rooms: ['src/domain/errors', 'src/domain/rate-limits'], packages: ['node:'] },
  'src/domain': { rooms: [], packages: ['@hapi/address'] },
  'src/http': { rooms: ['src/domain', 'src/web', 'src/log'], packages: ['elysia'] },
  'src/mail': {
    rooms: ['src/domain', 'src/log'],
    packages: ['nodemailer', 'preact', 'preact-render-to-string'],
  },
  'src/backup': {
    rooms: ['src/domain', 'src/store', 'src/engine'],
    packages: ['age-encryption', 'kysely', 'node:'],
  },
  'src/store': { rooms: ['src/domain', 'src/engine'], packages: ['kysely', 'node:'] },
  'src/service': { rooms: ['src/config', 'src/domain'], packages: ['node:'] },
  'src/tls': {
    rooms: ['src/domain', 'src/config', 'src/log', 'src/store/data-folder', 'src/store/whole-file'],
    packages: ['@peculiar', 'reflect-metadata', '@hapi/tlds', 'acme-client', 'node:'],
  },
  'src/engine': { rooms: [], packages: ['kysely', 'kysely-bun-sqlite', 'pg', 'bun', 'node:'] },
  'src/crypto': { rooms: ['src/domain'], packages: ['@elysiajs/jwt', 'node:'] },
  'src/mdns': { rooms: ['src/domain', 'src/log'], packages: ['dns-packet', 'node:'] },
  'src/web': { rooms: [], packages: ['preact', 'preact-render-to-string', 'node:'] },
}

const importForm = /\b(?:from\s+|import\s+|import\s*\(\s*)'(?<target>[^'\n]+)'/g

const root = join(import.meta.dir, '..')
const problems: string[] = []
for (const file of new Glob('{cli,src}/**/*.{ts,tsx}').scanSync(root)) {
  const room = roomOf(file)
  if (room === null) {
    problems.push(`${file}: lies in no room of the table`)
    continue
  }
  const text = await Bun.file(join(root, file)).text()
  for (const match of text.matchAll(importForm)) {
    const target = match.groups?.['target'] ?? ''
    if (!isAllowed(file, room, target)) problems.push(`${file}: ${room} may not import ${target}`)
  }
}
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.exit(problems.length === 0 ? 0 : 1)

/** The room that a file lies in, null when there is none. */
function roomOf(file: string): string | null {
  const path = file.replace(/\.tsx?$/, '')
  return Object.keys(rooms).find((room) => path === room || path.startsWith(`${room}/`)) ?? null
}

function isAllowed(file: string, room: string, target: string): boolean {
  const { rooms: allowed, packages } = rooms[room] ?? { rooms: [], packages: [] }
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
    roomOf(path) === room ||
    allowed.some(
      (name) =>
        path === name ||
        path.startsWith(`${name}/`) ||
        (name === 'src/*' && path.startsWith('src/')),
    )
  )
}
