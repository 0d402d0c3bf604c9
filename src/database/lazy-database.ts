import type { Database } from './database'

/** Returns a database whose engine is loaded when it is used. A server evaluates the code of its own engine alone. */
export function lazyDatabase(name: string, load: () => Promise<Database>): Database {
  return {
    name,
    translateErrors: async (work) => (await load()).translateErrors(work),
    inspect: async () => (await load()).inspect(),
    listPendingMigrations: async () => (await load()).listPendingMigrations(),
    openForServer: async (options) => (await load()).openForServer(options),
    withExclusive: async (options, work) => (await load()).withExclusive(options, work),
    withShared: async (work) => (await load()).withShared(work),
    withSnapshot: async (work) => (await load()).withSnapshot(work),
    listForeignObjects: async () => (await load()).listForeignObjects(),
    findEngineVersion: async () => (await load()).findEngineVersion(),
  }
}
