import { type Dialect, DummyDriver, Transaction } from 'kysely'

/**
 * Gives `work` a transaction that sends each query when it is made. Kysely sends one only after the answer to the query before, which
 * costs queries that do not depend on each other a round trip each. The engine answers them in the order in which they were made.
 */
export function withPipeline<Tables, T>(
  db: Transaction<Tables>,
  dialect: Dialect,
  work: (db: Transaction<Tables>) => Promise<T>,
): Promise<T> {
  const executor = db.getExecutor()
  return executor.provideConnection((connection) =>
    work(
      new Transaction<Tables>({
        config: { dialect },
        dialect,
        // For beginning and ending transactions only: `db` does that.
        driver: new DummyDriver(),
        executor: executor.withConnectionProvider({
          provideConnection: (consumer) => consumer(connection),
        }),
      }),
    ),
  )
}
