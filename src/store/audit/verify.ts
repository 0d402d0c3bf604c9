import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { AuditSigner } from '../../domain/audit'
import { formatCount } from '../../domain/text'
import type { Schema } from '../schema'
import {
  type ChainPosition,
  type ChainRow,
  type Checkpoint,
  computeRowMac,
  isCheckpointValid,
  listAuditRowsAfter,
  readCheckpoints,
} from './chain'

/** The outcome of verifying the audit log. */
export interface AuditChainReport {
  readonly rows: number
  /** Unsigned rows after the newest signed one, which wait for the database's first key. 0 unless they are allowed. */
  readonly unsigned: number
  /** The number of the last row that was pruned, 0 if none was. */
  readonly prunedUpTo: number
  /** The newest row, according to the checkpoint `head`. */
  readonly newest: Checkpoint | null
  /** Whether the key signed any of the checkpoints. */
  readonly isSignedByKey: boolean
  /** The first problems, as sentences. None if the log is intact. */
  readonly problems: readonly string[]
  /** Breaks that rows of the log record and no operator has accepted, as sentences. */
  readonly recordedBreaks: readonly string[]
  /** Rows that were signed without being verified first, as sentences. Not a problem, but always reported. */
  readonly unverified: readonly string[]
}

// Problems are stored in details of audit events when an operator accepts them, so their wording must not change.
export const invalidBeginProblem =
  'the mark of where the trail begins is not the one that was written'
const invalidHeadProblem = 'the mark of the newest row is not the one that was written'

/** How many problems are reported: further ones say nothing new. */
const maxProblems = 10

/**
 * Verifies the audit log from one checkpoint to the other, in a transaction that sees one state of the database. With
 * `allowUnsigned`, rows after the newest signed one may be unsigned, as in a database before its first server.
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
  const checker = createChainChecker(signer, begin ?? { number: 0, mac: '' })
  let unsigned = 0
  let rows = 0
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const page = await listAuditRowsAfter(db, after)
    if (page.length === 0) break
    for (const row of page) {
      const isAfterHead = row.seq > (head?.number ?? 0)
      if (options.allowUnsigned && isAfterHead && row.mac === '') unsigned++
      else checker.add(row, add)
      if (row.kind === 'trail-accepted') recordedBreaks = []
      else if (row.kind === 'trail-broken') recordedBreaks.push(describeBreak(row))
      else if (row.kind === 'trail-carried') {
        unverified.push(describeUnverified(row))
      }
      // The newest ones are kept: older ones may themselves be among the rows that were not verified.
      for (const messages of [recordedBreaks, unverified]) {
        if (messages.length > maxProblems) messages.shift()
      }
    }
    rows += page.length
    after = page.at(-1)?.seq ?? after
    // SQLite answers synchronously: without this, a server would answer no request until the end of the log.
    await setImmediate()
  }

  const isEmpty = rows === unsigned && begin === null && head === null
  if (isEmpty && !options.allowUnsigned) add('the whole trail is missing')
  if (!isEmpty && !isValid.begin) add(invalidBeginProblem)
  if (!isEmpty && !isValid.head) add(invalidHeadProblem)
  const endProblem = head === null || !isValid.head ? null : findEndProblem(head, checker.end())
  if (endProblem !== null) add(endProblem)
  return {
    ...{ rows, unsigned, problems, recordedBreaks, unverified },
    prunedUpTo: begin?.number ?? 0,
    newest: head,
    isSignedByKey: isValid.begin || isValid.head,
  }
}

/** Compares the last row of the chain with the checkpoint `head`. Returns null if they agree. */
function findEndProblem(head: Checkpoint, { number, mac }: ChainPosition): string | null {
  if (number < head.number) return `${formatRowRange(number + 1, head.number)} missing at the end`
  if (number > head.number) {
    return `${formatRowRange(head.number + 1, number)} not from snailpass: the trail ends before`
  }
  return mac === head.mac ? null : `row ${number} is not the newest one that was written`
}

/** Returns a check of the chain, row by row after a position in it. */
export function createChainChecker(signer: AuditSigner, start: ChainPosition) {
  let { number, mac } = start
  return {
    /** Checks the next row. Calls `report` if it does not follow the row before. */
    add(row: ChainRow, report: (problem: string) => void): void {
      if (row.mac !== computeRowMac(signer, mac, row)) {
        report(
          row.seq > number + 1
            ? `${formatRowRange(number + 1, row.seq - 1)} missing${number === start.number ? ' at the beginning, and not by pruning' : ''}`
            : `row ${row.seq} is not what was written there: it was changed, put in or moved`,
        )
      }
      // Continues with the stored MAC: the rows after this one may be intact, and each problem is reported once.
      number = row.seq
      mac = row.mac
    },
    /** Returns the position of the last row that was added. */
    end: (): ChainPosition => ({ number, mac }),
  }
}

function isPresentAndValid(
  signer: AuditSigner,
  name: 'begin' | 'head',
  checkpoint: Checkpoint | null,
): boolean {
  return checkpoint !== null && isCheckpointValid(signer, name, checkpoint)
}

/** Returns the break that a row records. It is stored in details of audit events, so its wording must not change. */
export function describeBreak({ seq, detail }: Pick<ChainRow, 'seq' | 'detail'>): string {
  return `row ${seq} says that it was broken: ${detail ?? 'it does not say how'}`
}

function describeUnverified({ seq, count }: ChainRow): string {
  return `${formatCount(count, 'row')} before row ${seq} ${count === 1 ? 'was' : 'were'} signed without verification`
}

function formatRowRange(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}
