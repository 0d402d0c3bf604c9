import { Kysely, sql } from 'kysely'
import type { User } from '../../src/domain/user'
import { openReader, openWriter } from '../../src/engine/sqlite'
import { dataFolder } from '../../src/store/data-folder'
import { openStore, type Timing } from '../../src/store/open'
import { createStore, type OpenedStore } from '../../src/store/store'
import { temporaryFolder } from './executable'

export interface TestStore extends OpenedStore, Disposable {
  readonly path: string
  /** Runs SQL on the handle that writes, to bring about what only it can meet. */
  onWriter(text: string): Promise<unknown[]>
}

/** A store on a database of its own, and time that passes only by waiting. */
export async function aStore(): Promise<TestStore> {
  const folder = temporaryFolder()
  const { database } = dataFolder(folder.path)
  const timing = instantTiming()
  const { store: first } = await openStore(dataFolder(folder.path), { create: true, timing })
  first.close()
  const handles = { reader: openReader(database), writer: openWriter(database, 'serving') }
  const store = createStore(handles, timing.wait)
  return {
    ...store,
    path: database,
    onWriter: async (text) => {
      const db = new Kysely({ dialect: handles.writer.dialect })
      return (await sql.raw(text).execute(db)).rows
    },
    [Symbol.dispose]() {
      store.close()
      folder[Symbol.dispose]()
    },
  }
}

/** Waiting is all that takes time: a hundred times what was asked for, and none of ours. */
export function instantTiming(): Timing {
  let now = Date.now()
  return {
    clock: () => now,
    wait: async (milliseconds) => {
      now += milliseconds * 100
      // As a real wait, it lets others have their turn.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

export function aUser(change: Partial<User> = {}): User {
  const id = crypto.randomUUID()
  return {
    id,
    email: `${id}@nas.local`,
    verifier: '$pbkdf2-sha512$i=1$AAAA$AAAA',
    hint: null,
    emailConfirmed: true,
    sessionEpoch: 'epoch',
    ...change,
  }
}
