import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { aField, aNote, aRecord, basicAuth } from '../test/support/client'
import { type RunningServer, serve } from '../test/support/executable'
import { createRandom } from './random'
import { type EntryKind, findWrong, Ledger } from './torture-ledger'

/** What a run has seen. All but the first must be 0. */
export interface Figures {
  acknowledged: number
  /** Acknowledged values that the server no longer had once it had recovered. */
  lost: number
  /** Answers to the three collections that a client would take for a smaller vault. */
  wrongAnswers: number
  damagedDatabases: number
  /** Starts that failed, or an answer of another status than those that the harm explains. */
  unexplainedStarts: number
}

export interface World {
  readonly dataDir: string
  /** Environment of the server that names the database. */
  readonly environment: Readonly<Record<string, string>>
  /** Path of the SQLite file; null on Postgres. */
  readonly databaseFile: string | null
}

const user = { userId: crypto.randomUUID(), email: 'owner@nas.local', hash: btoa('hash of owner') }
const writers = 4
const kinds: readonly EntryKind[] = ['records', 'notes', 'additional_fields']

/** One vault with a server, four writers and a reader, and what they have seen. */
export class Torture {
  readonly world: World
  readonly random: () => number
  readonly figures: Figures = {
    acknowledged: 0,
    lost: 0,
    wrongAnswers: 0,
    damagedDatabases: 0,
    unexplainedStarts: 0,
  }
  readonly #ledger = new Ledger()
  readonly #complaints: string[] = []
  #server: RunningServer | null = null
  #token = ''
  #recordId = ''
  /** Aborted when the load ends. */
  #loading = new AbortController()
  #load: Promise<unknown> = Promise.resolve()

  constructor(world: World, seed: number) {
    this.world = world
    this.random = createRandom(seed)
  }

  get server(): RunningServer {
    if (this.#server === null) throw new Error('no server runs')
    return this.#server
  }

  /** What was wrong, in words. */
  get complaints(): readonly string[] {
    return this.#complaints
  }

  complain(figure: Exclude<keyof Figures, 'acknowledged'>, text: string): void {
    this.figures[figure]++
    this.#complaints.push(`${figure}: ${text}`)
  }

  /** Starts the server, with more variables in its environment. Counts a start that fails. */
  async start(environment: Readonly<Record<string, string>> = {}): Promise<boolean> {
    const all = { SNAILPASS_LOG_FORMAT: 'json', ...this.world.environment, ...environment }
    try {
      this.#server = await serve(this.world.dataDir, all)
    } catch (error) {
      this.complain('unexplainedStarts', String(error))
      return false
    }
    await this.#signIn()
    return true
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    await this.#server?.end(signal)
    this.#server = null
  }

  /** Lets four writers and a reader work from now on. */
  beginLoad(): void {
    this.#loading = new AbortController()
    const { signal } = this.#loading
    const writing = Array.from({ length: writers }, () => this.#write(signal))
    this.#load = Promise.all([...writing, this.#read(signal)])
  }

  async endLoad(): Promise<void> {
    this.#loading.abort()
    await this.#load
  }

  /** Compares everything that is stored with what was acknowledged. Nobody writes meanwhile. */
  async verify(): Promise<void> {
    this.figures.acknowledged = this.#ledger.acknowledged
    for (const kind of kinds) {
      const { status, stored } = await this.#list(kind)
      if (stored === null) {
        this.complain('lost', `GET /${kind} answered with ${status} after the recovery`)
        continue
      }
      for (const id of findWrong(stored, this.#ledger.allowed(kind)))
        this.complain('lost', `${kind} ${id} is ${stored.get(id) ?? 'missing'}`)
      this.#ledger.settle(kind, stored)
    }
    const { databaseFile } = this.world
    if (databaseFile === null) return
    using database = new Database(databaseFile, { readonly: true })
    const result = database.query('pragma integrity_check').all()
    if (JSON.stringify(result) !== '[{"integrity_check":"ok"}]')
      this.complain('damagedDatabases', JSON.stringify(result))
  }

  /** Creates the account and the record of the fields, in a new vault. */
  async create(): Promise<void> {
    await fetch(new URL('/users', this.server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        id: user.userId,
        email: user.email,
        master_password_hash: user.hash,
        hint: '',
      }),
    })
    await this.#signIn()
    for (const kind of kinds) await this.#add(kind)
  }

  async #signIn(): Promise<void> {
    const answer = await fetch(new URL('/login', this.server.url), {
      headers: { authorization: basicAuth(user.email, user.hash) },
    })
    if (answer.ok) this.#token = String((await answer.json()).token)
  }

  async #send(method: string, path: string, body?: unknown): Promise<Response | null> {
    if (this.#server === null) return null
    try {
      return await fetch(new URL(path, this.#server.url), {
        method,
        headers: { 'x-access-token': this.#token, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(15_000),
      })
    } catch {
      // Cut: the server was killed, or it refuses to answer.
      return null
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const kind = kinds[Math.floor(this.random() * kinds.length)] ?? 'records'
      const existing = this.#ledger.existing(kind)
      const id = existing[Math.floor(this.random() * existing.length)]
      // The record of the fields stays.
      if (id === undefined || id === this.#recordId || this.random() < 0.6) await this.#add(kind)
      else await this.#changeOrDelete(kind, id)
      if (this.#server === null) await Bun.sleep(5)
    }
  }

  async #add(kind: EntryKind): Promise<void> {
    const value = uniqueValue()
    const body = bodyOf(kind, this.#recordId, { name: value })
    if (kind === 'records' && this.#recordId === '') this.#recordId = body.id
    this.#ledger.begin(kind, body.id, value)
    const answer = await this.#send('POST', `/${kind}`, body)
    if (answer?.status === 201) this.#ledger.acknowledge(body.id, value)
  }

  async #changeOrDelete(kind: EntryKind, id: string): Promise<void> {
    const value = uniqueValue()
    if (kind !== 'additional_fields' || this.random() < 0.7) {
      this.#ledger.begin(kind, id, value)
      const body = bodyOf(kind, this.#recordId, { id, name: value })
      const answer = await this.#send('PUT', `/${kind}`, body)
      if (answer?.status === 200) this.#ledger.acknowledge(id, value)
    } else {
      this.#ledger.begin(kind, id, null)
      const answer = await this.#send('DELETE', `/${kind}?id=${id}`)
      if (answer?.status === 200) this.#ledger.acknowledge(id, null)
    }
  }

  /** Reads the three collections again and again, as clients do that keep a copy of them. */
  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const kind of kinds) {
        const endWatch = this.#ledger.watch(kind)
        const { status, stored } = await this.#list(kind)
        const allowed = endWatch()
        if (stored !== null) {
          for (const id of findWrong(stored, allowed))
            this.complain('wrongAnswers', `${kind} ${id} is ${stored.get(id) ?? 'missing'}`)
        } else if (status !== null && status !== 401) {
          this.complain('wrongAnswers', `GET /${kind} answered with ${status}`)
        }
      }
      await Bun.sleep(5)
    }
  }

  /** `stored` is null without a list, `status` without an answer. */
  async #list(
    kind: EntryKind,
  ): Promise<{ status: number | null; stored: ReadonlyMap<string, string> | null }> {
    const path = kind === 'additional_fields' ? `/${kind}?id=${this.#recordId}` : `/${kind}`
    const answer = await this.#send('GET', path)
    if (answer === null) return { status: null, stored: null }
    const { status } = answer
    try {
      const rows: unknown = await answer.json()
      if (status !== 200 || !Array.isArray(rows)) return { status, stored: null }
      return { status, stored: new Map(rows.map(({ id, name }) => [String(id), String(name)])) }
    } catch {
      return { status: null, stored: null }
    }
  }
}

function uniqueValue(): string {
  return `${btoa(crypto.randomUUID())}:${btoa('iv')}`
}

function bodyOf(kind: EntryKind, recordId: string, change: Record<string, unknown>) {
  if (kind === 'records') return aRecord(change)
  return kind === 'notes' ? aNote(change) : aField(recordId, change)
}

export function sqliteWorld(dataDir: string): World {
  return { dataDir, environment: {}, databaseFile: join(dataDir, 'snailpass.db') }
}
