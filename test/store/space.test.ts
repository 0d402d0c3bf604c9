import { describe, expect, test } from 'bun:test'
import { openReader, openSingleReader, openWriter } from '../../src/engine/sqlite/connection'
import type { OpenedStore } from '../../src/store/store'
import { createStore } from '../../src/store/store'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { queryPostgres } from '../support/postgres'
import { aUser, openPostgresStore, openSqliteStore, sqliteDatabaseIn } from '../support/store'

/** A store whose disk the test fills and frees. */
const engines: readonly {
  engine: string
  open: () => Promise<OpenedStore & AsyncDisposable & { fill(isFull: boolean): Promise<unknown> }>
}[] = [
  {
    engine: 'SQLite',
    async open() {
      const store = await openSqliteStore()
      const fill = (isFull: boolean) =>
        store.runOnWriter(`pragma max_page_count = ${isFull ? 1 : 1_000_000}`)
      return { ...store, fill }
    },
  },
  {
    engine: 'Postgres',
    async open() {
      const store = await openPostgresStore()
      await queryPostgres(
        store.url,
        `create table disk (is_full boolean);
        create function fail() returns trigger language plpgsql as $$ begin
          if exists (select from disk) then raise exception using errcode = '53100'; end if;
          return new; end $$;
        create trigger full_disk before insert on users for each row execute procedure fail()`,
      )
      const fill = (isFull: boolean) =>
        queryPostgres(store.url, isFull ? 'insert into disk values (true)' : 'delete from disk')
      return { ...store, fill }
    },
  },
]

describe.each(engines)('a full disk of $engine', ({ open }) => {
  test('is reported from the first refused write to the next one that succeeds', async () => {
    await using store = await open()
    const add = () => store.write((tx) => tx.users.insert(aUser({ hint: 'x'.repeat(50_000) })))
    expect(store.isShortOfSpace()).toBeFalse()
    expect(await add()).toBeTrue()
    expect(store.isShortOfSpace()).toBeFalse()
    await store.fill(true)
    expect(await captureError(add())).toMatchObject({ code: 'storage_full' })
    expect(store.isShortOfSpace()).toBeTrue()
    // Neither a read nor an error of another kind shows that there is space again.
    await store.read((tx) => tx.users.findById('nobody'))
    expect(await captureError(store.write(() => Promise.reject(new Error('a bug'))))).toMatchObject(
      { message: expect.stringContaining('a bug') },
    )
    expect(store.isShortOfSpace()).toBeTrue()
    await store.fill(false)
    expect(store.isShortOfSpace()).toBeTrue()
    expect(await add()).toBeTrue()
    expect(store.isShortOfSpace()).toBeFalse()
    expect(await store.read((tx) => tx.users.listSummaries())).toHaveLength(2)
  })
})

test('writes are refused before they begin while the disk has less space than the limit, and accepted again', async () => {
  using folder = temporaryFolder()
  await sqliteDatabaseIn(folder.path).withExclusive({ create: true }, () => Promise.resolve())
  const path = `${folder.path}/snailpass.db`
  const [reader, single] = [openReader(path), openSingleReader(path)]
  const writer = openWriter(path, 'serving')
  let isShortOfSpace = true
  const store = createStore(
    {
      reader: reader.dialect,
      single: single.dialect,
      isInProcess: true,
      writer: writer.dialect,
      isShortOfSpace: () => isShortOfSpace,
      close: async () => {
        reader.close()
        single.close()
        writer.close()
      },
    },
    { wait: () => new Promise(() => {}), monotonicClock: () => 0 },
  )
  let begun = 0
  const write = () => store.write(async () => ++begun)
  expect(await captureError(write())).toMatchObject({ code: 'storage_full' })
  expect({ begun, isShort: store.isShortOfSpace() }).toEqual({ begun: 0, isShort: true })
  expect(await store.read((tx) => tx.users.listSummaries())).toEqual([])
  expect(await store.check()).toBeUndefined()
  isShortOfSpace = false
  expect({ written: await write(), isShort: store.isShortOfSpace() }).toEqual({
    written: 1,
    isShort: false,
  })
  await store.close()
})
