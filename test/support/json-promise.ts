import { expect } from 'bun:test'
import {
  EmptyList,
  type Example,
  jsonOutput,
  jsonReport,
  OneOf,
  OrNull,
} from '../../scripts/json-output'

/** Expects that a command has printed JSON with exactly the promised members, each with its type. Returns the parsed JSON. */
export function expectPromised(command: string, text: string): unknown {
  const example = jsonOutput[command]
  if (example === undefined) throw new Error(`nothing is promised for ${command}`)
  return expectLike(example, text)
}

/** The same for what a command with --json has printed to stderr. */
export function expectPromisedReport(text: string): unknown {
  return expectLike(jsonReport, text)
}

function expectLike(example: Example, text: string): unknown {
  const value: unknown = JSON.parse(text)
  expect(findDifferences(example, value)).toEqual([])
  // One style.
  expect(text).toBe(`${JSON.stringify(value, null, 2)}\n`)
  return value
}

/** Returns each member of an example that none of the values has with a value other than null. */
export function findUnseen(command: string, texts: readonly string[]): readonly string[] {
  const example = jsonOutput[command] ?? {}
  const seen = new Set<string>()
  for (const text of texts) findDifferences(example, JSON.parse(text), { path: command, seen })
  const all = new Set<string>()
  listPaths(example, command, all)
  return [...all.difference(seen)]
}

interface Place {
  readonly path: string
  /** Receives the path of each value that is not null. */
  readonly seen: Set<string>
}

/** Returns how the structure of a value differs from that of an example. */
export function findDifferences(
  example: Example,
  value: unknown,
  place: Place = { path: '', seen: new Set() },
): readonly string[] {
  const { path, seen } = place
  if (example instanceof OrNull) {
    return value === null ? [] : findDifferences(example.value, value, place)
  }
  seen.add(path)
  const other = (type: string) => [`${path} is not ${type}: ${JSON.stringify(value)}`]
  if (example instanceof OneOf) {
    return example.texts.some((text) => text === value) ? [] : other(example.texts.join(' or '))
  }
  const items = example instanceof EmptyList ? [example.item] : example
  if (Array.isArray(items)) {
    if (!Array.isArray(value)) return other('a list')
    const [item] = items
    return value.flatMap((each) => findDifferences(item, each, { path: `${path}[]`, seen }))
  }
  if (typeof items === 'object') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return other('an object')
    }
    const [expected, members] = [new Map(Object.entries(items)), new Map(Object.entries(value))]
    return [
      ...[...members.keys()].flatMap((name) =>
        expected.has(name) ? [] : [`${path}.${name} is not promised`],
      ),
      ...[...expected].flatMap(([name, inner]) =>
        members.has(name)
          ? findDifferences(inner, members.get(name), { path: `${path}.${name}`, seen })
          : [`${path}.${name} is missing`],
      ),
    ]
  }
  if (typeof value !== typeof items) return other(`a ${typeof items}`)
  return isTime(items) && !isTime(value) ? other('a time') : []
}

const isTime = (value: unknown) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value))

function listPaths(example: Example, path: string, paths: Set<string>): void {
  const known = example instanceof OrNull ? example.value : example
  paths.add(path)
  const items = known instanceof EmptyList ? [known.item] : known
  if (items instanceof OneOf || items instanceof OrNull) return
  if (Array.isArray(items))
    for (const item of items.slice(0, 1)) listPaths(item, `${path}[]`, paths)
  else if (typeof items === 'object') {
    for (const [name, inner] of Object.entries(items)) listPaths(inner, `${path}.${name}`, paths)
  }
}
