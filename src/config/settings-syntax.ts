/**
 * The syntax of settings files, read and written here only; docs/settings.md describes it. A line sets one value, and a
 * value means the same characters as in the environment, or it is refused: nothing is cut off, and nothing is expanded.
 */
import { InvalidSetting } from './values'

/** A line of a settings file that can't be read. */
export interface LineFault {
  /** Counted from 1. */
  readonly line: number
  /** Null if the line does not name a setting. */
  readonly name: string | null
  readonly error: InvalidSetting
}

export interface ParsedSettings {
  /** If a name is set several times, it has its last value. */
  readonly texts: Readonly<Record<string, string>>
  /** The lines in which each name is set. */
  readonly lines: ReadonlyMap<string, readonly number[]>
  readonly faults: readonly LineFault[]
}

const assignmentPattern = /^[ \t]*(?:export[ \t]+)?(?<name>[A-Za-z_]\w*)[ \t]*=(?<value>.*)$/s

export function parseSettingsText(text: string): ParsedSettings {
  const texts = new Map<string, string>()
  const lines = new Map<string, readonly number[]>()
  const faults: LineFault[] = []
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    const { name = null, value = '' } = assignmentPattern.exec(content)?.groups ?? {}
    try {
      if (name !== null) {
        lines.set(name, [...(lines.get(name) ?? []), line])
        texts.set(name, parseValue(name, trimBlanks(value)))
      } else requireNothingSet(content)
    } catch (error) {
      if (!(error instanceof InvalidSetting)) throw error
      faults.push({ line, name, error })
    }
  }
  return { texts: Object.fromEntries(texts), lines, faults }
}

/** Throws InvalidSetting unless a line is blank or a comment. */
function requireNothingSet(line: string): void {
  if (/^\s*$/.test(line)) return
  if (!/^\s*#/.test(line)) {
    throw new InvalidSetting('is not NAME=value', {
      hint: 'write settings like SNAILPASS_LISTEN=0.0.0.0:5000, and # in front of comments; a value ends with its line',
    })
  }
  // In a file with other line ends, everything behind the first # would be a comment.
  if (!line.includes('\r')) return
  throw new InvalidSetting('has a carriage return that does not end a line', {
    hint: 'save the file with the line ends of Linux or Windows',
  })
}

/** Decodes what is behind the equals sign. Throws InvalidSetting, without any of the text, which may be a secret. */
function parseValue(name: string, text: string): string {
  if (hasControlCharacter(text)) {
    throw new InvalidSetting('it contains a control character', {
      hint: 'remove the character; a line break is written as \\n in a value in double quotes',
    })
  }
  if (text.startsWith("'")) return parseSingleQuoted(name, text)
  if (text.startsWith('"')) return parseDoubleQuoted(name, text)
  requirePlain(name, text)
  return text
}

/** Throws InvalidSetting for an unquoted value that some other program would read differently. */
function requirePlain(name: string, text: string): void {
  const hint = `quote the value, as in ${name}='…'`
  if (text.includes('#')) {
    throw new InvalidSetting('# in a value without quotes', {
      hint: `${hint}, or move the comment to a line of its own`,
    })
  }
  if (text.includes('`')) throw new InvalidSetting('backtick in a value without quotes', { hint })
  if (/["']/.test(text)) {
    throw new InvalidSetting('text in front of a quotation mark', {
      hint: `quote the whole value, as in ${name}="it's"`,
    })
  }
  if (text.endsWith('\\')) {
    throw new InvalidSetting('a backslash at the end of a line does not continue it', { hint })
  }
}

/** Between single quotes, every character stands for itself. */
function parseSingleQuoted(name: string, text: string): string {
  const end = text.indexOf("'", 1)
  if (end < 0) throw unclosedError("'")
  requireEnd(name, text.slice(end + 1))
  return text.slice(1, end)
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', n: '\n' }

function parseDoubleQuoted(name: string, text: string): string {
  let value = ''
  for (let index = 1; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '"') {
      requireEnd(name, text.slice(index + 1))
      return value
    }
    if (character !== '\\') value += character
    else {
      index++
      const meaning = escapes[text.charAt(index)]
      if (meaning === undefined) {
        throw new InvalidSetting('unknown escape: only \\\\, \\" and \\n are known', {
          hint: `write a backslash as \\\\, or use single quotes, as in ${name}='…'`,
        })
      }
      value += meaning
    }
  }
  throw unclosedError('"')
}

function unclosedError(mark: string): InvalidSetting {
  return new InvalidSetting(`the quotation mark ${mark} is not closed in the same line`, {
    hint: `close it with ${mark}; a line break is written as \\n in a value in double quotes`,
  })
}

/** Throws InvalidSetting if anything is behind the closing quotation mark. */
function requireEnd(name: string, rest: string): void {
  if (rest === '') return
  throw new InvalidSetting('text behind the closing quotation mark', {
    hint: `quote the whole value, as in ${name}="it's", or move the comment to a line of its own`,
  })
}

/** Returns whether a text has a control character other than a tab. */
function hasControlCharacter(text: string): boolean {
  return /[^\P{Cc}\t]/u.test(text)
}

/** Removes spaces and tabs at both ends. Other white space is part of a value, as in the environment. */
function trimBlanks(text: string): string {
  const isBlank = (index: number) => text[index] === ' ' || text[index] === '\t'
  let [start, end] = [0, text.length]
  while (start < end && isBlank(start)) start++
  while (end > start && isBlank(end - 1)) end--
  return text.slice(start, end)
}

/** Returns a value as a settings file has it, with quotes only where they are needed. */
export function formatSettingValue(text: string): string {
  if (/^[\w./@+:,=-]*$/.test(text)) return text
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `"${escaped}"`
}
