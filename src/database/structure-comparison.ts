import { type DatabaseStructure, quoteName, type TablePart } from '../engine/structure'

/** A difference between a database and what the migrations create. */
export interface StructureProblem {
  /** What it is, for people: `the trigger copy on users`. */
  readonly what: string
  /** The statements that put it right; null if there are none, because rows or a whole table are lost. */
  readonly fix: string | null
}

export interface StructureReport {
  readonly problems: readonly StructureProblem[]
  /** What is there without being able to change, refuse or hide rows, for people. */
  readonly notes: readonly string[]
}

/** A part of a table that is not as expected: null stands for a part that is not there. */
export interface PartDifference {
  readonly table: string
  readonly expected: TablePart | null
  readonly found: TablePart | null
}

/** Returns the statements that put a difference right, other than removing a part; null if there are none. */
export type Repair = (difference: PartDifference) => string | null

/** Compares the tables of a database with those that the migrations create. */
export function compareStructure(
  expected: DatabaseStructure,
  found: DatabaseStructure,
  repair: Repair,
): StructureReport {
  const lost = [...expected.tables.keys()].filter((table) => !found.tables.has(table))
  const differences = [...expected.tables].flatMap(([table, parts]) =>
    compareParts(table, parts, found.tables.get(table) ?? parts),
  )
  // An index is removed before the column that it is on.
  const ofIndexes = differences.filter((difference) => difference.found?.index != null)
  const ofOthers = differences.filter((difference) => difference.found?.index == null)
  return {
    problems: [
      ...found.acting.map(({ label, removal }) => ({ what: label, fix: removal })),
      ...lost.map((table) => ({ what: `the table ${table} is missing`, fix: null })),
      ...[...ofIndexes, ...ofOthers]
        .filter((difference) => !isHarmless(difference))
        .map((difference) => describeDifference(difference, repair)),
    ],
    notes: [
      ...differences.filter(isHarmless).map((difference) => describe(difference)),
      ...reportOthers(found).notes,
    ],
  }
}

/** Returns the report on a database whose tables are as expected, and which nothing acts on. */
export function reportOthers({ others, notes }: DatabaseStructure): StructureReport {
  const listed = others
    .filter(({ kind }) => kind.endsWith('table') || kind.endsWith('view'))
    .map(({ kind, name }) => `the ${kind} ${name}`)
  return { problems: [], notes: [...notes, ...listed] }
}

/** Without an index that is not unique, queries are slower and nothing else. */
function isHarmless({ expected, found }: PartDifference): boolean {
  return found === null ? expected?.key.startsWith('index ') === true : found.isHarmless
}

function describe({ expected, found }: PartDifference): string {
  if (expected === null) return found?.label ?? ''
  if (found === null) return `${expected.label} is missing`
  const [is, was] = [found.definition || 'nothing', expected.definition || 'nothing']
  return `${found.label} is "${is}" instead of "${was}"`
}

function describeDifference(difference: PartDifference, repair: Repair): StructureProblem {
  const { expected, found } = difference
  const removal = expected === null ? (found?.removal ?? null) : null
  return { what: describe(difference), fix: removal ?? repair(difference) }
}

/** Pairs parts of the same key: those of the same index name first, then those that are constraints. */
function compareParts(
  table: string,
  expectedParts: readonly TablePart[],
  foundParts: readonly TablePart[],
): readonly PartDifference[] {
  const rest = new Set(foundParts)
  const differences: PartDifference[] = []
  for (const expected of expectedParts) {
    const candidates = [...rest].filter(({ key }) => key === expected.key)
    const found =
      candidates.find(({ index }) => index !== null && index === expected.index) ??
      candidates.find(({ removal }) => removal?.startsWith('drop index') !== true) ??
      candidates[0] ??
      null
    if (found !== null) rest.delete(found)
    if (found?.definition !== expected.definition) differences.push({ table, expected, found })
  }
  return [...differences, ...[...rest].map((found) => ({ table, expected: null, found }))]
}

/** Returns the objects that have a name which is needed for a table or an index that is about to be created. */
export function findNameConflicts(
  needed: ReadonlySet<string>,
  { others }: DatabaseStructure,
): readonly StructureProblem[] {
  return others
    .filter(({ name }) => needed.has(name.toLowerCase()))
    .map(({ kind, name }) => ({
      what: `the ${kind} ${name}, whose name SnailPass needs`,
      fix: kind.endsWith('table')
        ? `alter table ${quoteName(name)} rename to ${quoteName(`other_${name}`)}`
        : `drop ${kind} ${quoteName(name)}`,
    }))
}
