import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { AuditSigner } from '../../domain/audit'
import type { Schema } from '../schema'
import {
  type ChainRow,
  type Checkpoint,
  computeRowMac,
  isCheckpointValid,
  listAuditRowsAfter,
  readCheckpoints,
} from './chain'

/** What became of the proof of a trail. */
export interface AuditChainReport {
  readonly rows: number
  /** Of those, the ones behind the newest that wait for the database's first key; none unless they were let. */
  readonly unsigned: number
  /** The number of the last row that was pruned, 0 for none. */
  readonly prunedUpTo: number
  /** The newest row, as its mark says. */
  readonly newest: Checkpoint | null
  /** Whether this key has signed any of the marks. */
  readonly isSignedByKey: boolean
  /** What is wrong, the first ones in words; none for a trail that is as it was written. */
  readonly problems: readonly string[]
  /** What rows say was wrong with the trail at their time, and no operator has accepted. */
  readonly recordedBreaks: readonly string[]
  /** What was signed without a proof that it is as it was written, in words: no fault by itself, and always told. */
  readonly unverified: readonly string[]
}

export const invalidBeginProblem =
  'the mark of where the trail begins is not the one that was written'
const invalidHeadProblem = 'the mark of the newest row is not the one that was written'

/** Further ones say no more. */
const maxProblems = 10

/**
 * Proves the trail of a database whose state stands still, from one mark to the other, page by page. `waiting`: rows
 * behind the newest one may be unsigned, in a database that had no server yet.
 */
export async function verifyAuditChain(
  db: Kysely<Schema>,
  signer: AuditSigner,
  options: { readonly allowUnsigned: boolean } = { allowUnsigned: false },
): Promise<AuditChainReport> {
  const { begin, head } = await readCheckpoints(db)
  const problems: string[] = []
  let recordedBreaks: string[] = []
  const unverified: string[] = []
  const add = (problem: string) => {
    if (problems.length < maxProblems) problems.push(problem)
  }
  const isValid = {
    begin: isPresentAndValid(signer, 'begin', begin),
    head: isPresentAndValid(signer, 'head', head),
  }
  const chain = createChainVerifier(signer, begin ?? { number: 0, mac: '' })
  let unsigned = 0
  let rows = 0
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const page = await listAuditRowsAfter(db, after)
    if (page.length === 0) break
    for (const row of page) {
      const isBehind = row.seq > (head?.number ?? 0)
      if (options.allowUnsigned && isBehind && row.mac === '') unsigned++
      else chain.add(row, add)
      if (row.kind === 'trail-accepted') recordedBreaks = []
      else if (row.kind === 'trail-broken') recordedBreaks.push(describeBreak(row))
      else if (row.kind === 'trail-carried') {
        unverified.push(`${describeResigned(row)} taken over without proof`)
      }
      // The last ones are ours for sure: the others may be among what was taken over.
      for (const messages of [recordedBreaks, unverified])
        if (messages.length > maxProblems) messages.shift()
    }
    rows += page.length
    after = page.at(-1)?.seq ?? after
    // SQLite answers at once, and so a server that is at this would answer nobody else.
    await setImmediate()
  }

  const isEmpty = rows === unsigned && begin === null && head === null
  if (isEmpty && !options.allowUnsigned) add('the whole trail is missing')
  if (!isEmpty && !isValid.begin) add(invalidBeginProblem)
  if (!isEmpty && !isValid.head) add(invalidHeadProblem)
  if (!isEmpty && head !== null && isValid.head) {
    const { number, mac } = chain.end()
    if (number < head.number) add(`${formatRowRange(number + 1, head.number)} missing at the end`)
    else if (number > head.number) {
      add(`${formatRowRange(head.number + 1, number)} not from snailpass: the trail ends before`)
    } else if (mac !== head.mac) add(`row ${number} is not the newest one that was written`)
  }
  return {
    ...{ rows, unsigned, problems, recordedBreaks, unverified },
    prunedUpTo: begin?.number ?? 0,
    newest: head,
    isSignedByKey: isValid.begin || isValid.head,
  }
}

/** Follows a chain row by row from a place in it, and tells where it does not hold. */
export function createChainVerifier(signer: AuditSigner, from: Omit<Checkpoint, 'seal'>) {
  let { number, mac } = from
  return {
    add(row: ChainRow, report: (problem: string) => void): void {
      if (row.mac !== computeRowMac(signer, mac, row)) {
        report(
          row.seq > number + 1
            ? `${formatRowRange(number + 1, row.seq - 1)} missing${number === from.number ? ' at the beginning, and not by pruning' : ''}`
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

function isPresentAndValid(
  signer: AuditSigner,
  name: 'begin' | 'head',
  checkpoint: Checkpoint | null,
): boolean {
  return checkpoint !== null && isCheckpointValid(signer, name, checkpoint)
}

/** What a row says that was written because the trail was broken. */
export function describeBreak({ seq, detail }: Pick<ChainRow, 'seq' | 'detail'>): string {
  return `row ${seq} says that it was broken: ${detail ?? 'it does not say how'}`
}

function describeResigned({ seq, count }: ChainRow): string {
  return `${count === 1 ? '1 row before number' : `${count} rows before number`} ${seq} ${count === 1 ? 'was' : 'were'}`
}

function formatRowRange(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}
