import type { Answer, DecodedPacket, Question } from 'dns-packet'
import { hasName, isSameRecord, type MdnsRecord, nsecRecordFor } from './records'

/** Questions and records of one packet that are looked at; those beyond say nothing to us. */
const maxInspected = 60

/** What is to be said to a query. */
export interface Reply {
  /** To everybody, where the asker does not want it alone. */
  readonly isMulticast: boolean
  /** Only what nobody else on the link can answer: there is no reason to wait for others. */
  readonly isUnique: boolean
  readonly answers: readonly MdnsRecord[]
  /** What is likely asked next. */
  readonly additionals: readonly MdnsRecord[]
}

/** The reply to a query, null where it is none of ours or the asker knows it already (RFC 6762, sections 6 and 7.1). */
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

/** The top bit of a question's class, which the decoder takes for a part of it (RFC 6762, section 5.4). */
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

/** Whether the asker has a record, and for longer than half of its life. */
function isKnown(record: MdnsRecord, known: readonly MdnsRecord[]): boolean {
  return known.some(
    (other) => isSameRecord(record, other) && (other.ttl ?? 0) * 2 >= (record.ttl ?? 0),
  )
}

/** What PTR and SRV lead to (RFC 6763, section 12). */
function additionalsOf(
  answers: readonly MdnsRecord[],
  unique: readonly MdnsRecord[],
): readonly MdnsRecord[] {
  const leadsOn = answers.some(({ type }) => type === 'PTR' || type === 'SRV')
  return leadsOn ? unique.filter((record) => !answers.includes(record)) : []
}

/** The records of a section that have a name and data. */
export function recordsIn(section: readonly Answer[] | undefined): readonly MdnsRecord[] {
  return (section ?? []).slice(0, maxInspected).filter((record) => record.type !== 'OPT')
}
