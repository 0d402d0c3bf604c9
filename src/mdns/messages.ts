import { AUTHORITATIVE_ANSWER, type DecodedPacket, encode, type Question } from 'dns-packet'
import type { Reply } from './answers'
import type { MdnsNames, MdnsRecord } from './records'

/** The longest TTL in seconds for queriers that don't know multicast DNS (RFC 6762, section 6.7). */
const maxLegacyTtl = 10

export interface ResponseMessage {
  readonly id?: number
  readonly questions?: readonly Question[]
  readonly answers: readonly MdnsRecord[]
  readonly additionals?: readonly MdnsRecord[]
}

export function encodeResponse(message: ResponseMessage): Uint8Array {
  const { id = 0, questions = [], answers, additionals = [] } = message
  return encode({
    id,
    type: 'response',
    flags: AUTHORITATIVE_ANSWER,
    questions: [...questions],
    answers: [...answers],
    additionals: [...additionals],
  })
}

/** Encodes a query whether another host has these names (RFC 6762, section 8.1). `unique` are the records that we propose. */
export function encodeProbe(names: MdnsNames, unique: readonly MdnsRecord[]): Uint8Array {
  const questions = [names.host, names.instance].map(anyQuestion)
  // Without the flush bit: until the names are ours, other hosts must keep their records.
  const authorities = unique.map((record) => ({ ...record, flush: false }))
  return encode({ type: 'query', questions, authorities })
}

/** A question for records of any type, which the encoder supports and its TypeScript types lack. */
function anyQuestion(name: string): Question {
  return Object.assign<Question, object>({ name, type: 'A', class: 'IN' }, { type: 'ANY' })
}

/** Returns the reply to a querier that does not know multicast DNS, as an ordinary DNS server sends it (RFC 6762, section 6.7). */
export function legacyResponse(
  query: DecodedPacket,
  { answers, additionals }: Reply,
): ResponseMessage {
  const toLegacy = (record: MdnsRecord): MdnsRecord => ({
    ...record,
    flush: false,
    ttl: Math.min(record.ttl ?? maxLegacyTtl, maxLegacyTtl),
  })
  return {
    id: query.id ?? 0,
    questions: query.questions ?? [],
    answers: answers.map(toLegacy),
    additionals: additionals.map(toLegacy),
  }
}
