import type { Answer, DecodedPacket, Question } from 'dns-packet'
import { hasName, isSameRecord, type MdnsRecord, nsecRecordFor } from './records'

/** Limit for the questions, and the records of a section, that are read of one packet. Further ones are ignored. */
const maxInspected = 60

/** The reply to a query. */
export interface Reply {
  /** Whether to multicast the reply: the querier did not ask for a unicast one. */
  readonly isMulticast: boolean
  /** Whether only this host has these records, so that the reply can't collide with others. */
  readonly isUnique: boolean
  readonly answers: readonly MdnsRecord[]
  /** Records that the querier is likely to need next. */
  readonly additionals: readonly MdnsRecord[]
}

/**
 * Returns the reply to a query; null if it asks for nothing of ours, or the querier already knows the answers (RFC 6762,
 * sections 6 and 7.1).
 */
export function replyTo(
  query: DecodedPacket,
  own: { readonly unique: readonly MdnsRecord[]; readonly shared: readonly MdnsRecord[] },
): Reply | null {
  const questions = (query.questions ?? []).slice(0, maxInspected)
  const known = recordsIn(query.answers)
  const answers = new Set<MdnsRecord>()
  let isMulticast = false
  for (const question of questions) {
    const found = answersTo(question, own)
    for (const record of found) if (!isKnown(record, known)) answers.add(record)
    if (found.length > 0 && !wantsUnicast(question)) isMulticast = true
  }
  if (answers.size === 0) return null
  return {
    isMulticast,
    isUnique: [...answers].every((record) => record.flush === true),
    answers: [...answers],
    additionals: additionalsOf([...answers], own.unique),
  }
}

/** Whether the top bit of a question's class is set (RFC 6762, section 5.4). The decoder does not split it off. */
function wantsUnicast({ class: name }: Question): boolean {
  return String(name) === 'UNKNOWN_32769'
}

function answersTo(
  question: Question,
  { unique, shared }: { unique: readonly MdnsRecord[]; shared: readonly MdnsRecord[] },
): readonly MdnsRecord[] {
  const named = [...unique, ...shared].filter((record) => hasName(record, question.name))
  const found = named.filter(({ type }) => [type, 'ANY'].includes(question.type))
  if (found.length > 0) return found
  const none = nsecRecordFor(question.name, unique)
  return none === null ? [] : [none]
}

/** Whether the querier has a record with more than half of its TTL left. */
function isKnown(record: MdnsRecord, known: readonly MdnsRecord[]): boolean {
  return known.some(
    (other) => isSameRecord(record, other) && (other.ttl ?? 0) * 2 >= (record.ttl ?? 0),
  )
}

/** Returns the records that PTR and SRV answers refer to (RFC 6763, section 12). */
function additionalsOf(
  answers: readonly MdnsRecord[],
  unique: readonly MdnsRecord[],
): readonly MdnsRecord[] {
  const leadsOn = answers.some(({ type }) => type === 'PTR' || type === 'SRV')
  return leadsOn ? unique.filter((record) => !answers.includes(record)) : []
}

/** Returns the records of a section that have a name and data. */
export function recordsIn(section: readonly Answer[] | undefined): readonly MdnsRecord[] {
  return (section ?? []).slice(0, maxInspected).filter((record) => record.type !== 'OPT')
}
