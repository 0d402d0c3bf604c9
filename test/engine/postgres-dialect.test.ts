import { describe, expect, test } from 'bun:test'
import { Kysely, sql } from 'kysely'
import type { Client } from 'pg'
import { PostgresDialect } from '../../src/engine/postgres/dialect'
import { captureError } from '../support/capture-error'

interface Tables {
  readonly rows: { readonly id: number }
}

/** A database on a connection of the test's own, which answers a statement when the test says so. */
function connect() {
  const pending: { text: string; answer: PromiseWithResolvers<unknown> }[] = []
  const client = {
    query(statement: string | { text: string }) {
      const answer = Promise.withResolvers<unknown>()
      const text = typeof statement === 'string' ? statement : statement.text
      pending.push({ text, answer })
      return answer.promise
    },
  }
  let corks = 0
  const dialect = new PostgresDialect<Client>({
    canPrepare: false,
    acquire: async () => client as unknown as Client,
    release: () => {},
    corkUntilNextTick: () => corks++,
  })
  return {
    db: new Kysely<Tables>({ dialect }),
    corks: () => corks,
    /** Returns the statements that were sent and not answered yet, once no further one comes. */
    async sent() {
      await Bun.sleep(1)
      return pending.map(({ text }) => text)
    },
    answer: (rows: readonly unknown[] = []) =>
      pending.shift()?.answer.resolve({ command: '', rowCount: rows.length, rows }),
    fail: () => pending.shift()?.answer.reject(new Error('the cable went')),
  }
}

const start = 'start transaction isolation level repeatable read'
const select = 'select "id" from "rows"'
const insert = 'insert into "rows" ("id") values ($1)'

describe('a transaction on Postgres', () => {
  test('that reads first sends its start and the first query at once, and waits for both', async () => {
    const { db, sent, answer, corks } = connect()
    let rows: unknown = null
    const work = db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (tx) => {
        rows = await tx.selectFrom('rows').select('id').execute()
        await tx.insertInto('rows').values({ id: 1 }).execute()
      })
    expect(await sent()).toEqual([start, select])
    expect(corks()).toBe(1)
    answer()
    expect(await sent()).toEqual([select])
    answer([{ id: 7 }])
    expect(await sent()).toEqual([insert])
    expect(rows).toEqual([{ id: 7 }])
    answer()
    expect(await sent()).toEqual(['commit'])
    answer()
    await work
  })

  test.each([
    ['inserts', (tx: Kysely<Tables>) => tx.insertInto('rows').values({ id: 1 }).execute()],
    ['updates', (tx: Kysely<Tables>) => tx.updateTable('rows').set({ id: 1 }).execute()],
    ['deletes', (tx: Kysely<Tables>) => tx.deleteFrom('rows').execute()],
    ['runs SQL text', (tx: Kysely<Tables>) => sql`select set_config('x', 'y', true)`.execute(tx)],
  ] as const)(
    'that %s first waits until it has begun, and sends nothing if it has not',
    async (_, query) => {
      const { db, sent, fail } = connect()
      const work = captureError(db.transaction().execute(async (tx) => void (await query(tx))))
      expect(await sent()).toEqual(['start transaction'])
      fail()
      expect(await sent()).toEqual([])
      expect(await work).toMatchObject({ name: 'ConnectionFault' })

      const begun = connect()
      const second = begun.db.transaction().execute(async (tx) => void (await query(tx)))
      expect(await begun.sent()).toEqual(['start transaction'])
      begun.answer()
      expect(await begun.sent()).toHaveLength(1)
      begun.answer()
      expect(await begun.sent()).toEqual(['commit'])
      begun.answer()
      await second
    },
  )

  test('without a query fails if it could not begin, and is not committed', async () => {
    const { db, sent, fail } = connect()
    const work = captureError(db.transaction().execute(async () => {}))
    expect(await sent()).toEqual(['start transaction'])
    fail()
    expect(await sent()).toEqual([])
    expect(await work).toMatchObject({ name: 'ConnectionFault' })
  })

  test('fails if it could not begin, although its first query was answered', async () => {
    const { db, sent, fail, answer } = connect()
    const work = captureError(
      db.transaction().execute((tx) => tx.selectFrom('rows').select('id').execute()),
    )
    expect(await sent()).toEqual(['start transaction', select])
    fail()
    answer([{ id: 7 }])
    expect(await work).toMatchObject({ name: 'ConnectionFault' })
    expect(await sent()).toEqual([])
  })

  test('that only reads does not wait for its commit', async () => {
    const { db, sent, answer } = connect()
    const work = db
      .transaction()
      .setAccessMode('read only')
      .execute((tx) => tx.selectFrom('rows').select('id').execute())
    expect(await sent()).toEqual(['start transaction read only', select])
    answer()
    answer([{ id: 7 }])
    expect(await work).toEqual([{ id: 7 }])
    expect(await sent()).toEqual(['commit'])
  })
})
