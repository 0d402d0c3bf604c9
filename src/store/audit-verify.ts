import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { TrailSeal } from '../domain/audit'
import { type ChainRow, findMarks, isSealed, type Mark, macOf, rowsAfter } from './audit-chain'
import type { Schema } from './schema'

/** What became of the proof of a trail. */
export interface TrailReport {
  readonly rows: number
  /** Of those, the ones behind the newest that wait for the database's first key; none unless they were let. */
  readonly waiting: number
  /** The number of the last row that was pruned, 0 for none. */
  readonly pruned: number
  /** The newest row, as its mark says. */
  readonly newest: Mark | null
  /** Whether this key has signed any of the marks. */
  readonly isOurs: boolean
  /** What is wrong, the first ones in words; none for a trail that is as it was written. */
  readonly problems: readonly string[]
  /** What rows say was wrong with the trail at their time, and no operator has accepted. */
  readonly broken: readonly string[]
  /** What was signed without a proof that it is as it was written, in words: no fault by itself, and always told. */
  readonly unproven: readonly string[]
}

export const unknownBegin = 'the mark of where the trail begins is not the one that was written'
const unknownHead = 'the mark of the newest row is not the one that was written'

/** Further ones say no more. */
const mostProblems = 10

/**
 * Proves the trail of a database whose state stands still, from one mark to the other, page by page. `waiting`: rows
 * behind the newest one may be unsigned, in a database that had no server yet.
 */
export async function verifyTrail(
  db: Kysely<Schema>,
  seal: TrailSeal,
  options: { readonly waiting: boolean } = { waiting: false },
): Promise<TrailReport> {
  const { begin, head } = await findMarks(db)
  const problems: string[] = []
  let broken: string[] = []
  const unproven: string[] = []
  const add = (problem: string) => {
    if (problems.length < mostProblems) problems.push(problem)
  }
  const isWhole = { begin: isMark(seal, 'begin', begin), head: isMark(seal, 'head', head) }
  const chain = startChain(seal, begin ?? { number: 0, mac: '' })
  let waiting = 0
  let rows = 0
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const page = await rowsAfter(db, after)
    if (page.length === 0) break
    for (const row of page) {
      const isBehind = row.seq > (head?.number ?? 0)
      if (options.waiting && isBehind && row.mac === '') waiting++
      else chain.add(row, add)
      if (row.kind === 'trail-accepted') broken = []
      else if (row.kind === 'trail-broken') broken.push(wordsOf(row))
      else if (row.kind === 'trail-carried') {
        unproven.push(`${takenOver(row)} taken over without proof`)
      }
      // The last ones are ours for sure: the others may be among what was taken over.
      for (const told of [broken, unproven]) if (told.length > mostProblems) told.shift()
    }
    rows += page.length
    after = page.at(-1)?.seq ?? after
    // SQLite answers at once, and so a server that is at this would answer nobody else.
    await setImmediate()
  }

  const isEmpty = rows === waiting && begin === null && head === null
  if (isEmpty && !options.waiting) add('the whole trail is missing')
  if (!isEmpty && !isWhole.begin) add(unknownBegin)
  if (!isEmpty && !isWhole.head) add(unknownHead)
  if (!isEmpty && head !== null && isWhole.head) {
    const { number, mac } = chain.end()
    if (number < head.number) add(`${rowsFrom(number + 1, head.number)} missing at the end`)
    else if (number > head.number) {
      add(`${rowsFrom(head.number + 1, number)} not from snailpass: the trail ends before`)
    } else if (mac !== head.mac) add(`row ${number} is not the newest one that was written`)
  }
  return {
    ...{ rows, waiting, problems, broken, unproven },
    pruned: begin?.number ?? 0,
    newest: head,
    isOurs: isWhole.begin || isWhole.head,
  }
}

/** Follows a chain row by row from a place in it, and tells where it does not hold. */
export function startChain(seal: TrailSeal, from: Omit<Mark, 'seal'>) {
  let { number, mac } = from
  return {
    add(row: ChainRow, tell: (problem: string) => void): void {
      if (row.mac !== macOf(seal, mac, row)) {
        tell(
          row.seq > number + 1
            ? `${rowsFrom(number + 1, row.seq - 1)} missing${number === from.number ? ' at the beginning, and not by pruning' : ''}`
            : `row ${row.seq} is not what was written there: it was changed, put in or moved`,
        )
      }
      // As it stands: what follows on it may be whole, and what is wrong is told once.
      number = row.seq
      mac = row.mac
    },
    end: () => ({ number, mac }),
  }
}

function isMark(seal: TrailSeal, name: 'begin' | 'head', mark: Mark | null): boolean {
  return mark !== null && isSealed(seal, name, mark)
}

/** What a row says that was written because the trail was broken. */
export function wordsOf({ seq, detail }: Pick<ChainRow, 'seq' | 'detail'>): string {
  return `row ${seq} says that it was broken: ${detail ?? 'it does not say how'}`
}

function takenOver({ seq, count }: ChainRow): string {
  return `${count === 1 ? '1 row before number' : `${count} rows before number`} ${seq} ${count === 1 ? 'was' : 'were'}`
}

function rowsFrom(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}
