import { describe, expect, test } from 'bun:test'
import { answerOf, failure, fieldErrors, problem, success } from '../support/answers'
import { aField, aNote, aRecord, type Client } from '../support/client'
import { ciphertext, startVaultServer } from '../support/vaults'

/*
 * What the server does with additional fields: further names and values that a user adds to a record. GET /records
 * returns them with their records as well, see records.test.ts.
 */

const listPath = '/additional_fields?id=r1'

/** A server whose owner has the records `r1` and `r2`, without additional fields. */
async function startServerWithRecords(settings?: Readonly<Record<string, string>>) {
  const setup = await startVaultServer(settings)
  for (const id of ['r1', 'r2']) await setup.owner.send('POST', '/records', aRecord({ id }))
  return setup
}

function noFields({ userId }: Client) {
  // The original server has two spaces here.
  return failure(
    404,
    `Resource Not Found. Current user's ${userId} record r1  has no additional fields`,
  )
}

function noRecord(id: string) {
  return failure(404, `Resource Not Found. Record with id ${id} doesn't exist`)
}

function notOwner(noun: string, { userId }: Client) {
  return failure(403, `Access Denied. ${noun} doesn't belong to the current user ${userId}`)
}

describe('creating an additional field', () => {
  test('adds it to its record', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const field = aField('r1', { id: 'f1', name: 'name:iv', value: 'value:iv' })
    expect(await answerOf(owner.send('POST', '/additional_fields', field))).toEqual(
      success(201, 'Additional field f1 created'),
    )
    expect(await answerOf(owner.send('GET', listPath))).toEqual({
      status: 200,
      body: [{ id: 'f1', name: 'name:iv', value: 'value:iv', record_id: 'r1' }],
    })
  })

  test('changes no time of the record', async () => {
    await using setup = await startServerWithRecords()
    const { owner, clock } = setup
    const [before] = await (await owner.send('GET', '/records')).json()
    clock.advance(60_000)
    const field = aField('r1')
    await owner.send('POST', '/additional_fields', field)
    const [after] = await (await owner.send('GET', '/records')).json()
    expect(after).toEqual({ ...before, additional_fields: [field] })
  })

  test('works for a record in the trash', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    await owner.send('DELETE', '/records?id=r1')
    const field = aField('r1')
    expect((await owner.send('POST', '/additional_fields', field)).status).toBe(201)
    expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [field] })
  })

  test('is refused if the id is taken, whether by this user or by another one', async () => {
    await using setup = await startServerWithRecords()
    const { owner, stranger } = setup
    await owner.send('POST', '/additional_fields', aField('r1', { id: 'taken' }))
    await stranger.send('POST', '/records', aRecord({ id: 'other' }))
    const taken = failure(
      409,
      'Resource Already Exists. Additional field with id taken already exists',
    )
    for (const [user, recordId] of [
      [owner, 'r1'],
      [owner, 'r2'],
      [stranger, 'other'],
    ] as const) {
      const field = aField(recordId, { id: 'taken', value: 'other:iv' })
      const attempt = () => user.send('POST', '/additional_fields', field)
      expect(await setup.expectRefusal(attempt), recordId).toEqual(taken)
    }
  })

  test('is refused for a record that does not exist, also if the id is taken', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const field = aField('r1')
    await owner.send('POST', '/additional_fields', field)
    // A note is no record.
    await owner.send('POST', '/notes', aNote({ id: 'note' }))
    for (const record_id of ['ghost', 'note']) {
      const body = { ...field, record_id }
      const attempt = () => owner.send('POST', '/additional_fields', body)
      expect(await setup.expectRefusal(attempt)).toEqual(noRecord(record_id))
    }
  })

  test('is refused for a record of another user', async () => {
    await using setup = await startServerWithRecords()
    const { stranger } = setup
    const attempt = () => stranger.send('POST', '/additional_fields', aField('r1'))
    expect(await setup.expectRefusal(attempt)).toEqual(notOwner('Record r1', stranger))
  })

  test('ignores unknown members that a client sends', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const field = aField('r1')
    const ignored = { user_id: setup.stranger.userId, is_deleted: true, creation_time: '' }
    expect(
      await answerOf(owner.send('POST', '/additional_fields', { ...field, ...ignored })),
    ).toEqual(success(201, `Additional field ${field.id} created`))
    expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [field] })
  })

  test('keeps each ciphertext as it is', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const field = aField('r1', { id: 'улитка', name: ' : ', value: 'é🐌:б' })
    expect((await owner.send('POST', '/additional_fields', field)).status).toBe(201)
    expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [field] })
  })
})

describe('listing additional fields', () => {
  test('returns those of one record, in insertion order', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const [zField, xField, yField] = [
      aField('r1', { id: 'z' }),
      aField('r1', { id: 'x' }),
      aField('r1', { id: 'y' }),
    ]
    const otherField = aField('r2')
    for (const field of [zField, otherField, xField, yField]) {
      await owner.send('POST', '/additional_fields', field)
    }
    expect(await answerOf(owner.send('GET', listPath))).toEqual({
      status: 200,
      body: [zField, xField, yField],
    })
    expect(await answerOf(owner.send('GET', '/additional_fields?id=r2'))).toEqual({
      status: 200,
      body: [otherField],
    })
  })

  test('takes the first id if there are several', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const field = aField('r2')
    await owner.send('POST', '/additional_fields', field)
    expect(await answerOf(owner.send('GET', '/additional_fields?id=r2&id=r1'))).toEqual({
      status: 200,
      body: [field],
    })
  })

  test('answers 404 if the record has none, also after the last one was deleted', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    expect(await setup.expectRefusal(() => owner.send('GET', listPath))).toEqual(noFields(owner))
    const field = aField('r1')
    await owner.send('POST', '/additional_fields', field)
    await owner.send('DELETE', `/additional_fields?id=${field.id}`)
    expect(await setup.expectRefusal(() => owner.send('GET', listPath))).toEqual(noFields(owner))
  })

  test('is refused without the id of a record', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    for (const path of ['/additional_fields', '/additional_fields?id=']) {
      expect(await setup.expectRefusal(() => owner.send('GET', path))).toEqual(
        failure(400, 'Missing Parameter. Record id is missing in URI arguments'),
      )
    }
  })

  test('is refused for a record that does not exist', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const attempt = () => owner.send('GET', '/additional_fields?id=ghost')
    expect(await setup.expectRefusal(attempt)).toEqual(noRecord('ghost'))
  })

  test('is refused for a record of another user', async () => {
    await using setup = await startServerWithRecords()
    const { owner, stranger } = setup
    await owner.send('POST', '/additional_fields', aField('r1'))
    expect(await setup.expectRefusal(() => stranger.send('GET', listPath))).toEqual(
      notOwner('Record r1', stranger),
    )
  })
})

describe('updating an additional field', () => {
  test('replaces its name and value, and keeps its position', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const [first, second] = [aField('r1', { id: 'f1' }), aField('r1', { id: 'f2' })]
    for (const field of [first, second]) await owner.send('POST', '/additional_fields', field)
    const changed = { ...first, name: 'new name:iv', value: 'new value:iv' }
    expect(await answerOf(owner.send('PUT', '/additional_fields', changed))).toEqual(
      success(200, 'Additional field f1 changed successfully'),
    )
    expect(await answerOf(owner.send('GET', listPath))).toEqual({
      status: 200,
      body: [changed, second],
    })
  })

  test('leaves it with its record, whatever record_id says', async () => {
    await using setup = await startServerWithRecords()
    const { owner, stranger } = setup
    await stranger.send('POST', '/records', aRecord({ id: 'other' }))
    const field = aField('r1')
    await owner.send('POST', '/additional_fields', field)
    for (const record_id of ['r2', 'other', 'ghost']) {
      const changed = { ...field, value: `${record_id}:iv` }
      const body = { ...changed, record_id, IsDeletable: true }
      expect(await answerOf(owner.send('PUT', '/additional_fields', body))).toEqual(
        success(200, `Additional field ${field.id} changed successfully`),
      )
      expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [changed] })
    }
  })

  test('is refused for an id that does not exist, and creates nothing', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const field = aField('r1', { id: 'ghost' })
    const attempt = () => owner.send('PUT', '/additional_fields', field)
    expect(await setup.expectRefusal(attempt)).toEqual(
      failure(404, "Resource Not Found. Additional field with id ghost doesn't exist"),
    )
  })

  test('is refused for a field of another user, also with a record of the user who asks', async () => {
    await using setup = await startServerWithRecords()
    const { owner, stranger } = setup
    await stranger.send('POST', '/records', aRecord({ id: 'other' }))
    const field = aField('r1', { id: 'f1' })
    await owner.send('POST', '/additional_fields', field)
    for (const record_id of ['r1', 'other']) {
      const changed = { ...field, record_id, value: 'other:iv' }
      const attempt = () => stranger.send('PUT', '/additional_fields', changed)
      expect(await setup.expectRefusal(attempt), record_id).toEqual(
        notOwner('Additional field f1', stranger),
      )
    }
  })
})

describe('deleting an additional field', () => {
  test('is permanent at once, and leaves the record and its other fields', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const [first, second] = [aField('r1', { id: 'f1' }), aField('r1', { id: 'f2' })]
    for (const field of [first, second]) await owner.send('POST', '/additional_fields', field)
    expect(await answerOf(owner.send('DELETE', '/additional_fields?id=f1'))).toEqual(
      success(200, 'Additional field f1 deleted successfully'),
    )
    expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [second] })
    const attempt = () => owner.send('DELETE', '/additional_fields?id=f1')
    expect(await setup.expectRefusal(attempt)).toEqual(
      failure(404, "Resource Not Found. Additional field with id f1 doesn't exist"),
    )
  })

  test('takes the first id if there are several', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const [first, second] = [aField('r1', { id: 'f1' }), aField('r1', { id: 'f2' })]
    for (const field of [first, second]) await owner.send('POST', '/additional_fields', field)
    expect(await answerOf(owner.send('DELETE', '/additional_fields?id=f2&id=f1'))).toEqual(
      success(200, 'Additional field f2 deleted successfully'),
    )
    expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [first] })
  })

  test('is refused without an id', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    await owner.send('POST', '/additional_fields', aField('r1'))
    for (const path of ['/additional_fields', '/additional_fields?id=']) {
      expect(await setup.expectRefusal(() => owner.send('DELETE', path))).toEqual(
        failure(400, 'Missing Parameter. Additional field id is missing in URI arguments'),
      )
    }
  })

  test('is refused for an id that does not exist, also for the id of a record', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    await owner.send('POST', '/additional_fields', aField('r1'))
    for (const id of ['ghost', 'r1']) {
      const attempt = () => owner.send('DELETE', `/additional_fields?id=${id}`)
      expect(await setup.expectRefusal(attempt)).toEqual(
        failure(404, `Resource Not Found. Additional field with id ${id} doesn't exist`),
      )
    }
  })

  test('is refused for a field of another user', async () => {
    await using setup = await startServerWithRecords()
    const { owner, stranger } = setup
    await owner.send('POST', '/additional_fields', aField('r1', { id: 'f1' }))
    const attempt = () => stranger.send('DELETE', '/additional_fields?id=f1')
    expect(await setup.expectRefusal(attempt)).toEqual(notOwner('Additional field f1', stranger))
  })
})

describe('the trash', () => {
  test('keeps the additional fields of a record, which come back with it', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const [record, field] = [aRecord({ id: 'r1' }), aField('r1')]
    await owner.send('POST', '/additional_fields', field)
    await owner.send('DELETE', '/records?id=r1')
    expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [field] })
    await owner.send('PUT', '/records', record)
    expect(await answerOf(owner.send('GET', listPath))).toEqual({ status: 200, body: [field] })
  })

  test('loses them when the record is deleted permanently', async () => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    const field = aField('r1', { id: 'f1' })
    await owner.send('POST', '/additional_fields', field)
    for (const _ of ['to the trash', 'permanently']) await owner.send('DELETE', '/records?id=r1')
    expect(await setup.expectRefusal(() => owner.send('GET', listPath))).toEqual(noRecord('r1'))
    const attempt = () => owner.send('PUT', '/additional_fields', field)
    expect(await setup.expectRefusal(attempt)).toEqual(
      failure(404, "Resource Not Found. Additional field with id f1 doesn't exist"),
    )
  })
})

describe('the body of an additional field', () => {
  const methods = ['POST', 'PUT'] as const

  test.each(methods)('of a %s must have every member, each of its type', async (method) => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    await owner.send('POST', '/additional_fields', aField('r1'))
    expect(await setup.expectRefusal(() => owner.send(method, '/additional_fields', {}))).toEqual(
      fieldErrors({
        id: problem.missing,
        name: problem.missing,
        value: problem.missing,
        record_id: problem.missing,
      }),
    )
    const body = { id: 1, name: null, value: true, record_id: ['r1'] }
    expect(await setup.expectRefusal(() => owner.send(method, '/additional_fields', body))).toEqual(
      fieldErrors({
        id: problem.notString,
        name: problem.missing,
        value: problem.notString,
        record_id: problem.notString,
      }),
    )
  })

  test.each(methods)(
    'of a %s must have texts that can be stored, and one colon in each ciphertext',
    async (method) => {
      await using setup = await startServerWithRecords()
      const { owner } = setup
      await owner.send('POST', '/additional_fields', aField('r1'))
      const body = { id: '', name: 'no colon', value: 'two:colons:iv', record_id: 'half \ud83d' }
      expect(
        await setup.expectRefusal(() => owner.send(method, '/additional_fields', body)),
      ).toEqual(
        fieldErrors({
          id: problem.empty,
          name: problem.wrongFormat,
          value: problem.wrongFormat,
          record_id: problem.unstorable,
        }),
      )
    },
  )

  test.each(methods)(
    'of a %s is checked for content only if every member has its type',
    async (method) => {
      await using setup = await startServerWithRecords()
      const { owner } = setup
      const field = aField('r1')
      await owner.send('POST', '/additional_fields', field)
      const body = { ...field, name: 'no colon', value: '', record_id: null }
      expect(
        await setup.expectRefusal(() => owner.send(method, '/additional_fields', body)),
      ).toEqual(fieldErrors({ record_id: problem.missing }))
      const corrected = { ...body, record_id: 'r1' }
      const attempt = () => owner.send(method, '/additional_fields', corrected)
      expect(await setup.expectRefusal(attempt)).toEqual(
        fieldErrors({ name: problem.wrongFormat, value: problem.empty }),
      )
    },
  )

  test.each(methods)('of a %s is checked before the ids are looked up', async (method) => {
    await using setup = await startServerWithRecords()
    const { owner, stranger } = setup
    const field = aField('r1')
    await owner.send('POST', '/additional_fields', field)
    const body = { ...field, value: '' }
    const attempt = () => stranger.send(method, '/additional_fields', body)
    expect(await setup.expectRefusal(attempt)).toEqual(fieldErrors({ value: problem.empty }))
  })

  test('may have texts of exactly the maximum length, in code points', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const longestId = '🐌'.repeat(100)
    await owner.send('POST', '/records', aRecord({ id: longestId }))
    const field = aField(longestId, {
      id: longestId,
      name: ciphertext(65_536),
      value: `${'🐌'.repeat(65_535)}:`,
    })
    for (const method of methods) {
      expect((await owner.send(method, '/additional_fields', field)).ok, method).toBeTrue()
    }
    const path = `/additional_fields?id=${encodeURIComponent(longestId)}`
    expect(await answerOf(owner.send('GET', path))).toEqual({ status: 200, body: [field] })
  })

  test.each(methods)('of a %s is refused if a text is one code point longer', async (method) => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    await owner.send('POST', '/additional_fields', aField('r1'))
    const body = {
      id: '🐌'.repeat(101),
      name: ciphertext(65_537),
      value: `${'🐌'.repeat(65_536)}:`,
      record_id: '🐌'.repeat(101),
    }
    expect(await setup.expectRefusal(() => owner.send(method, '/additional_fields', body))).toEqual(
      fieldErrors({
        id: problem.tooLong(100),
        name: problem.tooLong(65_536),
        value: problem.tooLong(65_536),
        record_id: problem.tooLong(100),
      }),
    )
  })

  test.each(methods)('of a %s must be a JSON object', async (method) => {
    await using setup = await startServerWithRecords()
    const { owner } = setup
    await owner.send('POST', '/additional_fields', aField('r1'))
    const fields = [aField('r1')]
    const attempt = () => owner.send(method, '/additional_fields', fields)
    expect(await setup.expectRefusal(attempt)).toEqual(
      failure(400, 'Malformed Body. The body must be a JSON object'),
    )
    expect(await setup.expectRefusal(() => owner.send(method, '/additional_fields'))).toEqual(
      failure(400, 'Malformed Body. The body is empty'),
    )
  })
})

describe('a vault that is full of additional fields', () => {
  /** The quota is 1 MB, and the vault has room for about 12,000 bytes. */
  async function startFullVault() {
    const setup = await startServerWithRecords({ SNAILPASS_MAX_VAULT: '1 MB' })
    const longest = { name: ciphertext(65_536), value: ciphertext(65_536) }
    for (const id of ['f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7']) {
      const field = aField('r1', { id, ...longest })
      expect((await setup.owner.send('POST', '/additional_fields', field)).status).toBe(201)
    }
    const last = aField('r1', { name: ciphertext(65_536) })
    expect((await setup.owner.send('POST', '/additional_fields', last)).status).toBe(201)
    const full = failure(
      507,
      'Insufficient Storage. The vault may hold 1 MB: delete something permanently first',
    )
    return { ...setup, longest, full }
  }

  test('refuses a field that does not fit, and accepts one that does', async () => {
    await using setup = await startFullVault()
    const { owner, full } = setup
    const tooLong = aField('r1', { value: ciphertext(20_000) })
    const attempt = () => owner.send('POST', '/additional_fields', tooLong)
    expect(await setup.expectRefusal(attempt)).toEqual(full)
    expect((await owner.send('POST', '/additional_fields', aField('r1'))).status).toBe(201)
  })

  test('refuses a change that makes a field longer than fits, and accepts any other', async () => {
    await using setup = await startFullVault()
    const { owner, full, longest } = setup
    const field = aField('r1')
    await owner.send('POST', '/additional_fields', field)
    const longer = { ...field, value: ciphertext(20_000) }
    const attempt = () => owner.send('PUT', '/additional_fields', longer)
    expect(await setup.expectRefusal(attempt)).toEqual(full)
    for (const change of [
      { ...field, value: 'other:iv' },
      aField('r1', { id: 'f1', ...longest }),
      aField('r1', { id: 'f1' }),
    ]) {
      expect((await owner.send('PUT', '/additional_fields', change)).status).toBe(200)
    }
  })

  test('has room again when a field is deleted', async () => {
    await using setup = await startFullVault()
    const { owner, full } = setup
    const field = aField('r1', { value: ciphertext(20_000) })
    const attempt = () => owner.send('POST', '/additional_fields', field)
    expect(await setup.expectRefusal(attempt)).toEqual(full)
    await owner.send('DELETE', '/additional_fields?id=f1')
    expect((await attempt()).status).toBe(201)
  })

  test('takes no room from another user', async () => {
    await using setup = await startFullVault()
    const { stranger, longest } = setup
    await stranger.send('POST', '/records', aRecord({ id: 'other' }))
    const field = aField('other', longest)
    expect((await stranger.send('POST', '/additional_fields', field)).status).toBe(201)
  })
})

describe('every request about additional fields', () => {
  test('needs a session token', async () => {
    await using setup = await startServerWithRecords()
    const { server, owner } = setup
    await owner.send('POST', '/additional_fields', aField('r1', { id: 'f1' }))
    for (const [method, path] of [
      ['GET', '/additional_fields?id=r1'],
      ['POST', '/additional_fields'],
      ['PUT', '/additional_fields'],
      ['DELETE', '/additional_fields?id=f1'],
    ] as const) {
      const attempt = () => fetch(new URL(path, server.url), { method })
      expect(await setup.expectRefusal(attempt), method).toEqual(
        failure(400, 'Missing Request Header. Token is missing in x-access-token header'),
      )
    }
  })
})
