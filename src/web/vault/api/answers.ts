import { parseWireEntries, type WireEntries } from '../model/wire'

/** The parsers of answers. Each returns null for what the server does not say: it is not trusted to be ours. */

/** What the server stored, without the contents that were sent. */
export interface Written {
  readonly state: string
  readonly records: readonly Stamp[]
  readonly notes: readonly Stamp[]
}

interface Stamp {
  readonly id: string
  readonly revision: number
  readonly creation_time: string
  readonly update_time: string
}

export interface AccountDevice {
  readonly kind: string
  readonly network: string
  /** Milliseconds since 1970; null if it was not recorded. */
  readonly firstSeen: number | null
  readonly lastSeen: number
  /** Whether this page was signed in from it, as far as the server can tell devices apart. */
  readonly isCurrent: boolean
}

export interface ListedHistory {
  readonly isKept: boolean
  readonly versions: readonly HistoryVersion[]
}

export interface HistoryVersion {
  readonly version: number
  readonly reason: 'replaced' | 'deleted'
  /** Milliseconds since 1970. */
  readonly keptTime: number
  readonly kind: 'record' | 'note'
  readonly entryId: string
}

/** The former versions of one entry. The number of a version stands where entries have their revision. */
export type EntryVersions = Pick<WireEntries, 'records' | 'notes'>

export function parseToken(body: unknown): string | null {
  const value = memberOf(body, 'token')
  return typeof value === 'string' ? value : null
}

export function parseRekeyed(body: unknown): { readonly token: string } | null {
  const token = parseToken(body)
  return token === null ? null : { token }
}

export function parseWritten(body: unknown): Written | null {
  const [state, records, notes] = ['state', 'records', 'notes'].map((name) => memberOf(body, name))
  if (typeof state !== 'string' || !Array.isArray(records) || !Array.isArray(notes)) return null
  return records.every(isStamp) && notes.every(isStamp) ? { state, records, notes } : null
}

function isStamp(value: unknown): value is Stamp {
  const hasTexts = ['id', 'creation_time', 'update_time'].every(
    (name) => typeof memberOf(value, name) === 'string',
  )
  return hasTexts && Number.isSafeInteger(memberOf(value, 'revision'))
}

export function parseDevices(body: unknown): readonly AccountDevice[] | null {
  return parseList(memberOf(body, 'devices'), (device) => {
    const [kind, network] = [memberOf(device, 'kind'), memberOf(device, 'network')]
    const [first, lastSeen] = [memberOf(device, 'first_seen'), memberOf(device, 'last_seen')]
    if (typeof kind !== 'string' || typeof network !== 'string') return null
    if (typeof lastSeen !== 'number') return null
    const firstSeen = typeof first === 'number' ? first : null
    // An older server does not say.
    return {
      kind,
      network,
      firstSeen,
      lastSeen,
      isCurrent: memberOf(device, 'is_current') === true,
    }
  })
}

export function parseHistory(body: unknown): ListedHistory | null {
  const isKept = memberOf(body, 'is_kept')
  const versions = parseList(memberOf(body, 'versions'), (each) => {
    const [version, keptTime] = [memberOf(each, 'version'), memberOf(each, 'kept_time')]
    const [kind, entryId] = [memberOf(each, 'kind'), memberOf(each, 'entry')]
    const reason = memberOf(each, 'reason') === 'deleted' ? 'deleted' : 'replaced'
    if (typeof version !== 'number' || typeof keptTime !== 'number') return null
    if ((kind !== 'record' && kind !== 'note') || typeof entryId !== 'string') return null
    return { version, keptTime, reason, kind, entryId } as const
  })
  return versions === null || typeof isKept !== 'boolean' ? null : { isKept, versions }
}

export function parseVersions(body: unknown): EntryVersions | null {
  const withRevisions = (name: string): readonly unknown[] | null =>
    parseList(memberOf(body, name), (each) => {
      const revision = memberOf(each, 'version')
      return typeof each === 'object' && each !== null ? { ...each, revision } : null
    })
  return parseWireEntries({
    ...{ state: '', records: withRevisions('records'), notes: withRevisions('notes') },
  })
}

/** Returns null if any element of a list is not what it should be. */
function parseList<Value>(
  value: unknown,
  parse: (element: unknown) => Value | null,
): readonly Value[] | null {
  if (!Array.isArray(value)) return null
  const parsed = value.flatMap((element) => parse(element) ?? [])
  return parsed.length === value.length ? parsed : null
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Object.entries(value).find(([key]) => key === name)?.[1]
}
