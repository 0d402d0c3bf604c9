import { type Dialect, DummyDriver, Transaction } from 'kysely'

/**
 * Gives `work` a transaction that sends each query when it is made. Kysely sends one only after the answer to the query before, which
 * costs queries that do not depend on each other a round trip each. The engine answers them in the order in which they were made.
 *
 * Once `work` has ended, queries are refused: one of several that run side by side can fail while another is about to send the next,
 * which would come after the rollback and be committed on its own.
 */
export async function withPipeline<Tables, T>(
  db: Transaction<Tables>,
  dialect: Dialect,
  work: (db: Transaction<Tables>) => Promise<T>,
): Promise<T> {
  const executor = db.getExecutor()
  let isOver = false
  return await executor.provideConnection(async (connection) => {
    try {
      return await work(
        new Transaction<Tables>({
          config: { dialect },
          dialect,
          // For beginning and ending transactions only: `db` does that.
          driver: new DummyDriver(),
          executor: executor.withConnectionProvider({
            provideConnection(consumer) {
              if (isOver) throw new Error('a query after the end of its transaction')
              return consumer(connection)
            },
          }),
        }),
      )
    } finally {
      isOver = true
    }
  })
}
