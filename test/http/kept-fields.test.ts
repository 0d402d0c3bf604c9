import { describe, expect, test } from 'bun:test'
import { createAnswerCache } from '../../src/domain/answer-cache'
import type { AdditionalField, Revised, VaultRecordWithFields } from '../../src/domain/vault'
import { fromAdditionalField } from '../../src/http/schemas'
import { createTestApi } from '../support/api'
import { aUser, signedIn } from '../support/store'

/*
 * The Windows client asks for the list of records, and then for the fields of each of them, which are in that list.
 */

const fieldOf = (recordId: string, id: string): AdditionalField => ({
  ...{ id, recordId },
  ...{ name: `é"\\ of ${id}:iv`, value: `\u2028🐌 of ${id}:iv` },
})

function recordOf(id: string, fields: readonly string[]): Revised<VaultRecordWithFields> {
  return {
    ...{ id, owner: 'u', name: 'n:n', login: 'l:l', password: 'p:p', revision: 0 },
    ...{ isFavorite: false, isTrashed: false, creationTime: 0, updateTime: 0 },
    additionalFields: fields.map((field) => fieldOf(id, field)),
  }
}

const records = [recordOf('r1', ['a', 'b']), recordOf('r2', ['c']), recordOf('r3', [])]

/** An API over these records, whose reads of fields are counted. */
function createFieldsApi({ hasRoom = true } = {}) {
  const reads: string[] = []
  let revision = 0
  const reject = () => Promise.reject(new Error('the test gives no such rule'))
  const { ask } = createTestApi({
    answerCache: createAnswerCache({ maxBytes: 1e6, monotonicClock: () => 0 }),
    answerBudget: { hold: reject, tryHold: () => null, hasRoom: () => hasRoom },
    sessions: {
      authenticate: (id) => ({
        ...{ ...signedIn(aUser({ id })), revision, vaultState: `${id}.${revision}` },
      }),
      open: reject,
    },
    records: {
      ...{ add: reject, change: reject, delete: reject },
      list: async ({ user }) => (user.id === 'u' ? records : []),
    },
    additionalFields: {
      ...{ add: reject, change: reject, delete: reject },
      async list({ user }, recordId) {
        reads.push(recordId)
        const own = user.id === 'u' ? records : []
        return own.find(({ id }) => id === recordId)?.additionalFields ?? []
      },
    },
  })
  const get = async (path: string, account = 'u') => {
    const answer = await ask(path, { headers: { 'x-access-token': account } })
    return { status: answer.status, text: await answer.text(), tag: answer.headers.get('etag') }
  }
  const raiseRevision = () => {
    revision++
  }
  return { reads, get, raiseRevision, fieldsOf: (id: string) => get(`/additional_fields?id=${id}`) }
}

const textOf = (index: number) =>
  JSON.stringify(records[index]?.additionalFields.map(fromAdditionalField))

describe('the fields of a record', () => {
  test('are not read after the list of records, and are the same text', async () => {
    const { reads, get, fieldsOf } = createFieldsApi()
    await get('/records')
    const answers = await Promise.all(['r1', 'r2'].map(fieldsOf))
    expect(answers).toEqual([
      { status: 200, text: textOf(0), tag: 'W/"u.0"' },
      { status: 200, text: textOf(1), tag: 'W/"u.0"' },
    ])
    expect(reads).toEqual([])
  })

  test('are read if there are none, since that is an error', async () => {
    const { reads, get, fieldsOf } = createFieldsApi()
    await get('/records')
    for (const id of ['r3', 'unknown']) {
      expect(await fieldsOf(id)).toMatchObject({ status: 404, tag: null })
    }
    expect(reads).toEqual(['r3', 'unknown'])
  })

  test('are read before the list of records is, after a change, and by another account', async () => {
    const { reads, get, raiseRevision, fieldsOf } = createFieldsApi()
    expect(await fieldsOf('r1')).toMatchObject({ status: 200, text: textOf(0) })
    expect(reads).toEqual(['r1'])
    await get('/records')
    raiseRevision()
    expect(await fieldsOf('r1')).toMatchObject({ status: 200, text: textOf(0), tag: 'W/"u.1"' })
    expect(reads).toEqual(['r1', 'r1'])
    await get('/records')
    expect(await get('/additional_fields?id=r2', 'stranger')).toMatchObject({ status: 404 })
    expect(reads).toEqual(['r1', 'r1', 'r2'])
    expect(await fieldsOf('r2')).toMatchObject({ status: 200, text: textOf(1) })
    expect(reads).toEqual(['r1', 'r1', 'r2'])
  })

  test('are read each time while there is no room for lists', async () => {
    const { reads, get, fieldsOf } = createFieldsApi({ hasRoom: false })
    await get('/records')
    for (let request = 0; request < 2; request++)
      expect(await fieldsOf('r1')).toMatchObject({ status: 200, text: textOf(0) })
    expect(reads).toEqual(['r1', 'r1'])
  })
})
