import { describe, expect, test } from 'bun:test'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder } from '../support/executable'

const scripts = join(import.meta.dir, '..', '..', 'scripts')

/** Runs a check script on a checkout that has only these files. Returns its lines. */
async function runCheck(script: string, files: Readonly<Record<string, string>>) {
  using folder = temporaryFolder()
  cpSync(scripts, join(folder.path, 'scripts'), { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder.path, dirname(path)), { recursive: true })
    writeFileSync(join(folder.path, path), text)
  }
  Bun.spawnSync(['git', 'init', '-q'], { cwd: folder.path })
  const child = Bun.spawn([process.execPath, join('scripts', script), ...Object.keys(files)], {
    cwd: folder.path,
    stderr: 'pipe',
  })
  const lines = (await new Response(child.stderr).text()).trim().split('\n')
  return { code: await child.exited, lines: lines.filter((line) => line !== '') }
}

describe('the check of imports', () => {
  test('accepts what the table allows', async () => {
    expect(
      await runCheck('check-imports.ts', {
        'src/domain/a.ts': "import { isIP } from 'node:net'\nexport const a = isIP\n",
        'src/store/b.ts': "import { a } from '../domain/a'\nexport const b = a\n",
        'src/config/c.ts': "import type { B } from '../store/b'\nexport type C = B\n",
        'src/app/operations/d.ts': "import { e } from '../server/e'\nexport const d = e\n",
        'src/app/server/e.ts': 'export const e = 1\n',
      }),
    ).toEqual({ code: 0, lines: [] })
  })

  test.each([
    ['a folder above', "import { x } from '../http/x'\n", '../http/x'],
    ['a type of a folder above', "import type { X } from '../http/x'\n", 'types of ../http/x'],
    ['a package of another folder', "import { Kysely } from 'kysely'\n", 'kysely'],
    ['a module that it loads later', "export const x = () => import('../http/x')\n", '../http/x'],
    ['a name that it exports on', "export { x } from '../http/x'\n", '../http/x'],
    ['an import over several lines', "import {\n  x,\n} from '../http/x'\n", '../http/x'],
  ])('refuses %s', async (_name, text, target) => {
    expect(await runCheck('check-imports.ts', { 'src/domain/a.ts': text })).toEqual({
      code: 1,
      lines: [`src/domain/a.ts: src/domain may not import ${target}`],
    })
  })

  test('refuses the server an import of a task, and a value to settings', async () => {
    const { lines } = await runCheck('check-imports.ts', {
      'src/app/server/a.ts': "import { b } from '../operations/b'\n",
      'src/config/c.ts': "import { d } from '../store/d'\n",
      'elsewhere/e.ts': '',
      'src/elsewhere/f.ts': '',
    })
    expect(lines).toEqual([
      'src/app/server/a.ts: src/app/server may not import ../operations/b',
      'src/config/c.ts: src/config may not import ../store/d',
      'src/elsewhere/f.ts: lies in no folder of the table',
    ])
  })

  test('keeps the code for browsers apart from that of the server', async () => {
    const { lines } = await runCheck('check-imports.ts', {
      'src/app/a.ts': "import { d } from '../web/vault/model/d'\n",
      'src/http/b.ts': "import type { C } from '../web/vault/crypto/c'\n",
      'src/http/schemas.ts': 'export type Wire = string\nexport const wire = 1\n',
      'src/web/vault/crypto/c.ts': "export { d } from '../model/d'\nexport type C = 1\n",
      'src/web/vault/model/d.ts':
        "import type { Wire } from '../../../http/schemas'\nimport type { C } from '../crypto/c'\nexport const d = 1\n",
      'src/web/vault/model/e.ts': "import { wire } from '../../../http/schemas'\n",
      'src/web/vault/import/f.ts': "import { join } from 'node:path'\n",
    })
    expect(lines.filter((line) => !line.startsWith('circle'))).toEqual([
      'src/app/a.ts: src/app may not import ../web/vault/model/d',
      'src/http/b.ts: src/http may not import types of ../web/vault/crypto/c',
      'src/web/vault/crypto/c.ts: src/web/vault/crypto may not import ../model/d',
      'src/web/vault/import/f.ts: src/web/vault/import may not import node:path',
      'src/web/vault/model/e.ts: src/web/vault/model may not import ../../../http/schemas',
    ])
  })

  test('refuses circles, also of types alone, and names that two files export', async () => {
    const { code, lines } = await runCheck('check-imports.ts', {
      'src/domain/a.ts': "import type { B } from './b'\nexport type A = B\nexport const one = 1\n",
      'src/domain/b.ts': "import type { A } from './a'\nexport type B = A\n",
      'src/store/c.ts': 'export function one() {}\n',
    })
    expect({ code, lines }).toEqual({
      code: 1,
      lines: [
        'circle: src/domain/a.ts -> src/domain/b.ts -> src/domain/a.ts',
        'one is exported by src/domain/a.ts and src/store/c.ts',
      ],
    })
  })
})

describe('the check of words', () => {
  // In parts, or this file would not pass it.
  const words = ['let|ter', 'me|nded', 'archi|ves', 'who|ever', 'an|ew', 'at pre|sent', 'tr|ail']

  test.each(words.map((word) => word.replace('|', '')))('refuses "%s"', async (word) => {
    const { code, lines } = await runCheck('check-language.ts', {
      'src/a.ts': `// This is ${word}.\n`,
      'README.md': `This is ${word}.\n`,
    })
    expect(code).toBe(1)
    expect(lines).toEqual([
      expect.stringContaining(`README.md:1: "${word}": write `),
      expect.stringContaining(`src/a.ts:1: "${word}": write `),
    ])
  })

  test('refuses a word as a part of a name, and not as a part of another word', async () => {
    const part = 'Let|ter'.replace('|', '')
    const { lines } = await runCheck('check-language.ts', {
      'src/a.ts': `const sent${part}s = 1\nconst trailing = 2\nconst most${'Rows'} = 3\n`,
    })
    expect(lines).toHaveLength(2)
  })

  test('accepts a stored name that is listed', async () => {
    const column = 'let|ter_time'.replace('|', '')
    expect(await runCheck('check-language.ts', { 'src/a.ts': `// ${column}\n` })).toEqual({
      code: 0,
      lines: [],
    })
  })
})
