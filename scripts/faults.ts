/**
 * The faults that scripts/mutants.ts makes: small changes of one or two lines, as people make them by mistake. Lines of
 * comments, imports and types have none, and texts within a line stay as they are.
 */

export interface Fault {
  readonly kind: string
  /** 1 for the first. */
  readonly line: number
  readonly before: string
  readonly after: string
  /** The whole file with the fault. */
  readonly text: string
}

interface Operator {
  readonly kind: string
  /** Returns the changed forms of a line, whose texts are replaced by placeholders. */
  changes(line: string): readonly string[]
}

/** Returns the line with each match of a pattern replaced in turn. */
function each(line: string, pattern: RegExp, to: (match: RegExpExecArray) => string): string[] {
  return [...line.matchAll(pattern)].map(
    (match) => line.slice(0, match.index) + to(match) + line.slice(match.index + match[0].length),
  )
}

const swapped: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  true: 'false',
  false: 'true',
}

const removedAwait = 'removed await'

const operators: readonly Operator[] = [
  {
    kind: 'negated condition',
    changes(line) {
      const condition = conditionOf(line)
      if (condition === null) return []
      const { begin, end } = condition
      return [`${line.slice(0, begin)}!(${line.slice(begin, end)})${line.slice(end)}`]
    },
  },
  {
    kind: 'other operator or edge of a bound',
    changes: (line) =>
      each(
        line,
        /(?<= )(?:<=|>=|<|>|===|!==|&&|\|\||\+|-|\*|\/)(?= )/g,
        ([found]) => swapped[found] ?? found,
      ),
  },
  {
    kind: 'wrong constant',
    // `?: true` is the type of an optional member.
    changes: (line) =>
      each(line, /(?<!\?: )\b(?:true|false)\b/g, ([found]) => swapped[found] ?? found),
  },
  {
    kind: 'wrong number or unit',
    changes: (line) =>
      each(line, /(?<![\w.])\d[\d_]*(?![\w.])/g, ([found]) => {
        const value = Number(found.replaceAll('_', ''))
        return String(value >= 1_000 ? value / 1_000 : value + 1)
      }),
  },
  { kind: removedAwait, changes: (line) => each(line, /\bawait (?!using)/g, () => '') },
  {
    kind: 'swapped arguments',
    changes: (line) =>
      each(line, /\((?<first>[\w.]+), (?<second>[\w.]+)\)/g, ({ groups }) => {
        return `(${groups?.['second'] ?? ''}, ${groups?.['first'] ?? ''})`
      }),
  },
  {
    kind: 'dropped where',
    changes: (line) =>
      /^\s*\.where\(.*\)$/.test(line) ? [''] : each(line, /\.where\([^()]*\)/g, () => ''),
  },
  {
    kind: 'missing branch',
    changes: (line) =>
      /^\s*(?:else )?if \(.*\) (?:return|throw|continue|break)\b.*$/.test(line) ? [''] : [],
  },
  {
    kind: 'missing statement',
    changes: (line) => (/^\s*(?:await )?\w[\w.]*\([^{}]*\)$/.test(line) ? [''] : []),
  },
  {
    kind: 'other default',
    changes: (line) => each(line, / \?\? (?<other>[\w.]+|'')(?=[,;)\s]|$)/g, () => ''),
  },
]

/** Returns where the condition of an `if` lies in a line, null if the line has none or only a part of one. */
function conditionOf(line: string): { begin: number; end: number } | null {
  const start = /\bif \(/.exec(line)
  if (start === null) return null
  const begin = start.index + start[0].length
  let depth = 1
  for (let end = begin; end < line.length; end++) {
    if (line[end] === '(') depth++
    if (line[end] === ')') depth--
    if (depth === 0) return { begin, end }
  }
  return null
}

/** Returns every fault that one of the kinds makes in a file. */
export function faultsOf(text: string): readonly Fault[] {
  const lines = text.split('\n')
  const isCode = markCode(lines)
  const found: Fault[] = []
  const add = (kind: string, index: number, after: readonly string[]) => {
    const before = lines.slice(index, index + after.length).join('\n')
    const changed = [...lines.slice(0, index), ...after, ...lines.slice(index + after.length)]
    found.push({ kind, line: index + 1, before, after: after.join('\n'), text: changed.join('\n') })
  }
  for (const [index, line] of lines.entries()) {
    if (isCode[index] !== true) continue
    const { masked, unmask } = maskTexts(line)
    for (const { kind, changes } of operators) {
      if (kind === removedAwait && isPlainReturn(lines, index)) continue
      for (const changed of changes(masked)) add(kind, index, [unmask(changed)])
    }
    const next = lines[index + 1]
    if (
      next !== undefined &&
      isCode[index + 1] === true &&
      isStatement(line) &&
      isStatement(next)
    ) {
      if (/^\s*/.exec(line)?.[0] === /^\s*/.exec(next)?.[0])
        add('changed order', index, [next, line])
    }
  }
  return found
}

/**
 * Whether a line returns a promise at a place where its `await` changes nothing: in no `try`, and before no resource is closed.
 */
function isPlainReturn(lines: readonly string[], index: number): boolean {
  const line = lines[index] ?? ''
  if (!/^\s*return await /.test(line)) return false
  let indent = indentOf(line)
  for (const above of lines.slice(0, index).toReversed()) {
    if (above.trim() === '' || indentOf(above) > indent) continue
    if (/^\s*(?:await )?using /.test(above)) return false
    if (indentOf(above) === indent) continue
    indent = indentOf(above)
    if (/\b(?:try|catch.*|finally) \{$/.test(above)) return false
    if (
      /(?:=>|\)(?:: .+)?) \{$/.test(above) &&
      !/^\s*(?:if|for|while|switch|\} else)\b/.test(above)
    )
      return true
  }
  return true
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

function isStatement(line: string): boolean {
  return /^\s*(?:await )?\w[\w.]*\([^{}]*\)$/.test(line)
}

/** Which lines are code that runs: no comments, imports, types or blank lines. */
function markCode(lines: readonly string[]): readonly boolean[] {
  let isComment = false
  let isSkipped = false
  return lines.map((line) => {
    const trimmed = line.trim()
    if (trimmed.startsWith('/*')) isComment = true
    const wasComment = isComment || trimmed.startsWith('//')
    if (trimmed.endsWith('*/')) isComment = false
    if (wasComment) return false
    if (/^(?:import|export type|export interface|type|interface)\b/.test(line)) isSkipped = true
    if (isSkipped) {
      // Such a declaration ends with a line that is not indented, in the form of the formatter.
      const isOver = /^[})]/.test(line) || /^import .* from '.*'$/.test(line) || trimmed === ''
      if (isOver) isSkipped = false
      return false
    }
    return trimmed !== ''
  })
}

/** Replaces the texts and the comment of a line by names, so that no fault is made in them. */
function maskTexts(line: string): { masked: string; unmask: (changed: string) => string } {
  const texts: string[] = []
  const masked = line.replace(
    /'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\/ .*$|(?<=[(,=:] ?)\/(?:[^/\\]|\\.)+\/[a-z]*/g,
    (text) => {
      texts.push(text)
      return `TEXT${'x'.repeat(texts.length)}END`
    },
  )
  return {
    masked,
    unmask: (changed) =>
      changed.replace(
        /TEXT(?<number>x+)END/g,
        (_, number: string) => texts[number.length - 1] ?? '',
      ),
  }
}
