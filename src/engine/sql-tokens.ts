/** A word, name, literal or sign of a SQL text. */
export interface SqlToken {
  /** Words and names are in lower case and without quotes; `!=` is `<>` and `==` is `=`. */
  readonly text: string
  /** Whether it is a name in quotes or a literal, and so no keyword. */
  readonly isQuoted: boolean
  /** How many parentheses are open around it. */
  readonly depth: number
}

const pattern =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$.\u0080-\uffff]+|<>|!=|==|<=|>=|\|\||::|\S/g

/** Returns the tokens of a SQL text without white space and comments. Accepts any text. */
export function tokenizeSql(sql: string): readonly SqlToken[] {
  const tokens: SqlToken[] = []
  let depth = 0
  for (const token of sql.match(pattern) ?? []) {
    if (token.startsWith('--') || token.startsWith('/*')) continue
    if (token === ')') depth--
    const isQuoted = token.length > 1 && `'"\`[`.includes(token.charAt(0))
    tokens.push({
      text: isQuoted ? unquote(token) : (sameSign[token] ?? token.toLowerCase()),
      isQuoted,
      depth,
    })
    if (token === '(') depth++
  }
  return tokens
}

const sameSign: Readonly<Record<string, string>> = { '!=': '<>', '==': '=' }

/** Returns the name within quotes. A literal keeps its quotes. */
function unquote(token: string): string {
  const quote = token.charAt(0)
  if (quote === "'") return token
  const inner = token.slice(1, -1)
  return (quote === '[' ? inner : inner.replaceAll(quote + quote, quote)).toLowerCase()
}

/**
 * Returns an expression in a form in which SQLite and Postgres agree: without parentheses, which Postgres adds, and without
 * casts of literals to text.
 */
export function normalizeExpression(tokens: readonly SqlToken[]): string {
  return tokens
    .filter(({ text, isQuoted }, index) => {
      if (isQuoted) return true
      const isCast = text === '::' && tokens[index + 1]?.text === 'text'
      const isCastType = text === 'text' && tokens[index - 1]?.text === '::'
      return text !== '(' && text !== ')' && !isCast && !isCastType
    })
    .map(({ text }) => text)
    .join(' ')
}
