/** Reads the imports and exports of source files by their text, which the formatter keeps in one form. */
import { dirname, join, relative } from 'node:path'
import { Glob } from 'bun'

export interface Import {
  /** As it stands in the file: a package, or a path relative to the file. */
  readonly target: string
  readonly isTypeOnly: boolean
  /** Whether it is evaluated when the code around it runs, not before the file. */
  readonly isLazy: boolean
}

export interface SourceFile {
  readonly imports: readonly Import[]
  readonly exports: readonly string[]
}

const importPatterns = [
  /^(?:import|export) (?<type>type )?[^;'"]*? from '(?<target>[^']+)'/gm,
  /^import '(?<target>[^']+)'/gm,
  /(?<type>typeof )?(?<lazy>\bimport\()'(?<target>[^']+)'\)/g,
]

const exportPattern =
  /^export (?:async |abstract )*(?:function|class|const|let|interface|type|enum) (?<name>\w+)/gm

/** Returns the source files of these folders of a checkout, by their paths in it, in alphabetical order. */
export async function readSourceFiles(
  root: string,
  folders: readonly string[],
): Promise<ReadonlyMap<string, SourceFile>> {
  const glob = new Glob(`{${folders.join(',')}}/**/*.{ts,tsx}`)
  const paths = [...glob.scanSync(root)].filter((path) => !path.endsWith('.d.ts'))
  const files = new Map<string, SourceFile>()
  for (const path of paths.toSorted((a, b) => a.localeCompare(b))) {
    files.set(path, parseSource(await Bun.file(join(root, path)).text()))
  }
  return files
}

export function parseSource(text: string): SourceFile {
  const imports: Import[] = []
  for (const pattern of importPatterns) {
    for (const { groups } of text.matchAll(pattern)) {
      imports.push({
        target: groups?.['target'] ?? '',
        isTypeOnly: groups?.['type'] !== undefined,
        isLazy: groups?.['lazy'] !== undefined,
      })
    }
  }
  const exports = [...text.matchAll(exportPattern)].map(({ groups }) => groups?.['name'] ?? '')
  return { imports, exports: [...new Set(exports)] }
}

/** Returns the file that an import of `path` names, null for a package and for anything that is not in `files`. */
export function resolveImport(
  files: ReadonlyMap<string, SourceFile>,
  path: string,
  target: string,
): string | null {
  if (!target.startsWith('.')) return null
  const stem = relative('/', join('/', dirname(path), target))
  return [`${stem}.ts`, `${stem}.tsx`, `${stem}/index.ts`].find((file) => files.has(file)) ?? null
}
