import { expect } from 'bun:test'
import { systemRuntime } from '../../src/app/runtime'
import { createRules } from '../../src/app/server/rules'
import { loadConfig } from '../../src/config/load'
import { createAnswerBudget, type HeldAnswer } from '../../src/domain/answer-budget'
import { type AnswerCache, createAnswerCache } from '../../src/domain/answer-cache'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import type { WriteTransaction } from '../../src/domain/store'
import { createLog } from '../../src/log'
import { createTestApi } from './api'
import { aField, aNote, aRecord } from './client'
import { aUser, openVault, type TestStore } from './store'
import { watchOf } from './timing'
import { createTestTokens } from './tokens'

const cacheBytes = 100_000
/** Of answers under way and of what is kept. */
const budgetBytes = 200_000

/** Accounts that are used most. */
const hotAccounts = 25
const key = new Uint8Array(32)

type Server = ReturnType<typeof startServer>

/** A server of the store, without sockets. */
function startServer(store: TestStore, answerCache: AnswerCache, clock: () => number) {
  const { settings } = loadConfig({ environment: {}, flags: {}, file: null })
  const runtime = { ...systemRuntime, clock, monotonicClock: clock }
  const budget = createAnswerBudget({
    ...{ maxBytes: budgetBytes, maxAccountBytes: budgetBytes, cache: answerCache },
    ...runtime,
  })
  const rules = createRules({
    ...{ store, settings, runtime, iterations: 1, answerCache, instruments: null },
    tokens: createTestTokens(key, Date.now),
    clockWatch: watchOf(clock),
    confirmation: { isRequired: false, emailQueue: null },
    loginEvents: createLoginEventBuffer(runtime),
    log: createLog('json', clock, () => {}),
  })
  // Deadlines are those of the store, which has another time.
  const api = createTestApi({ ...rules, answerBudget: budget, monotonicClock: Date.now })
  return { budget, ask: api.ask }
}

/** Returns the tag of the state before the last change. */
function tagBefore(tag: string | null): string | null {
  return tag?.replace(/\d+(?="$)/, (revision) => String(Number(revision) - 1)) ?? null
}

/** Two servers of one store, the second of which keeps nothing; and accounts to which everything happens at random. */
export class HostileCache {
  readonly #random: () => number
  readonly #store: TestStore
  readonly #cache: AnswerCache
  readonly #keeping: Server
  readonly #reading: Server
  readonly #tokens: ReadonlyMap<string, string>
  #now = Date.UTC(2026, 10, 23)
  #heldBytes = 0
  #held: HeldAnswer | null = null
  /** How often an answer was found in the cache. */
  hits = 0

  private constructor(store: TestStore, tokens: ReadonlyMap<string, string>, random: () => number) {
    const clock = () => this.#now
    this.#store = store
    this.#tokens = tokens
    this.#random = random
    this.#cache = createAnswerCache({ maxBytes: cacheBytes, monotonicClock: clock })
    this.#keeping = startServer(store, this.#cache, clock)
    const none = createAnswerCache({ maxBytes: 0, monotonicClock: clock })
    this.#reading = startServer(store, none, clock)
    const { find } = this.#cache
    this.#cache.find = (owner, resource) => {
      const found = find(owner, resource)
      if (found !== null) this.hits++
      return found
    }
  }

  /** Creates so many accounts with a record each. */
  static async create(
    store: TestStore,
    { accounts, random }: { accounts: number; random: () => number },
  ): Promise<HostileCache> {
    const tokens = new Map<string, string>()
    const issuer = createTestTokens(key, Date.now, { session: 86_400 })
    for (let index = 0; index < accounts; index++) {
      const claims = { purpose: 'session', userId: `a${index}`, epoch: 'epoch' } as const
      tokens.set(claims.userId, await issuer.issue(claims))
    }
    const world = new HostileCache(store, tokens, random)
    await store.write(async (tx) => {
      for (const id of tokens.keys()) await world.#insert(tx, id)
    })
    return world
  }

  /** Does one thing at random, and checks what the server answers and keeps afterwards. */
  async step(): Promise<void> {
    this.#now++
    const id = this.#someone()
    const path = this.#somePath(id)
    const kind = this.#random()
    if (kind < 0.2) await this.#write(id)
    else if (kind < 0.3) await this.#readWhileWriting(id, path)
    else if (kind < 0.33) await this.#replaceAccount(id)
    else if (kind < 0.38) this.#stall()
    else if (kind < 0.39) this.#pass()
    expect(await this.#get(this.#keeping, id, path)).toEqual(
      await this.#get(this.#reading, id, path),
    )
    expect(this.#cache.bytes).toBeLessThanOrEqual(cacheBytes)
    // What the last answer takes besides its text is not asked for.
    expect(this.#cache.bytes + this.#heldBytes).toBeLessThanOrEqual(budgetBytes + 512)
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #someone(): string {
    const count =
      this.#random() < 0.7 ? Math.min(hotAccounts, this.#tokens.size) : this.#tokens.size
    return `a${this.#below(count)}`
  }

  #somePath(id: string): string {
    const paths = ['/records', '/notes', `/additional_fields?id=${id}-r0`, '/account/vault']
    return paths[this.#below(paths.length)] ?? ''
  }

  #ask(server: Server, id: string, [method, path, body]: readonly [string, string, unknown?]) {
    const headers = {
      'x-access-token': this.#tokens.get(id) ?? '',
      'content-type': 'application/json',
    }
    return server.ask(path, {
      ...{ method, headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  async #get(server: Server, id: string, path: string) {
    const answer = await this.#ask(server, id, ['GET', path])
    const text = await answer.text()
    // A difference has to be readable.
    const body = text.length < 1_000 ? text : `${text.slice(0, 500)}… ${Bun.hash(text)}`
    return { status: answer.status, tag: answer.headers.get('etag'), body }
  }

  /** Changes a vault through either server. The first is not told of what the second does. */
  async #write(id: string): Promise<void> {
    const server = this.#random() < 0.5 ? this.#keeping : this.#reading
    const [record, note] = [`${id}-r${this.#below(3)}`, `${id}-n${this.#below(4)}`]
    const name = `${id} at ${this.#now}:x`
    // Now and then more than is kept of one account.
    const length = this.#random() < 0.1 ? this.#below(60_000) : this.#below(2_000)
    const content = `${'x'.repeat(length)}:x`
    const requests = [
      ['POST', '/records', aRecord({ id: record, name })],
      ['PUT', '/records', aRecord({ id: record, name })],
      ['DELETE', `/records?id=${record}`],
      ['POST', '/notes', aNote({ id: note, name, content })],
      ['PUT', '/notes', aNote({ id: note, name, content })],
      ['DELETE', `/notes?id=${note}`],
      ['POST', '/additional_fields', aField(record, { id: `${record}-f${this.#below(3)}`, name })],
      ['DELETE', `/additional_fields?id=${record}-f${this.#below(3)}`],
    ] as const
    const request = requests[this.#below(requests.length)] ?? requests[0]
    const { status } = await this.#ask(server, id, request)
    expect([200, 201, 404, 409]).toContain(status)
  }

  /** What is read while a vault changes is its state before or after, and never older than its tag says. */
  async #readWhileWriting(id: string, path: string): Promise<void> {
    const before = await this.#get(this.#reading, id, path)
    const [first, , second] = await Promise.all([
      this.#get(this.#keeping, id, path),
      this.#write(id),
      this.#get(this.#keeping, id, path),
    ])
    const after = await this.#get(this.#reading, id, path)
    // A 404 has no tag.
    const earlierTag = before.tag ?? tagBefore(after.tag)
    for (const read of [first, second])
      expect([before, after, { ...after, tag: earlierTag }]).toContainEqual(read)
  }

  async #insert(tx: WriteTransaction, id: string): Promise<void> {
    await tx.users.insert(aUser({ id, email: `${id}@nas.local`, creationTime: this.#now }))
    const common = { owner: id, isFavorite: false, isTrashed: false }
    const times = { creationTime: this.#now, updateTime: this.#now }
    const content = { name: `${id} at ${this.#now}:x`, login: 'l:l', password: 'p:p' }
    const vault = await openVault(tx, id)
    await vault.records.insert({ id: `${id}-r0`, ...common, ...times, ...content })
  }

  /** Deletes an account; another one gets its id, and comes to about as many changes. */
  async #replaceAccount(id: string): Promise<void> {
    await this.#store.write((tx) => tx.users.delete(id))
    if (this.#random() < 0.5) await this.#get(this.#keeping, id, '/records')
    // Revisions begin at the time of creation. That the former account had more changes than milliseconds, only this clock makes possible.
    this.#now += 10
    await this.#store.write((tx) => this.#insert(tx, id))
    for (let change = this.#below(4); change > 0; change--) await this.#write(id)
  }

  /** Holds memory for another answer under way, in the place of the one before. */
  #stall(): void {
    this.#held?.release()
    this.#heldBytes = 0
    const bytes = this.#below(budgetBytes)
    const giveWay = () => {
      this.#heldBytes = 0
    }
    this.#held = this.#keeping.budget.tryHold({ account: 'slow', bytes, giveWay })
    if (this.#held !== null) this.#heldBytes = bytes
  }

  /** Lets some minutes pass. */
  #pass(): void {
    this.#now += this.#below(400_000)
    this.#cache.forgetUnused()
  }
}
