import { describe, expect, test } from 'bun:test'
import { answerOf, failure, fieldErrors, problem, success } from '../support/answers'
import { aField, aRecord, type Client } from '../support/client'
import { ciphertext, startTime, startVaultServer } from '../support/vaults'

/*
 * What the server does with records: the login entries of a vault, which clients encrypt.
 */

/** A record as GET /records returns it, if it was created at `startTime` and has no additional fields. */
function listed(record: object, owner: Client, change: object = {}) {
  return {
    ...record,
    user_id: owner.userId,
    creation_time: startTime,
    update_time: startTime,
    additional_fields: [],
    ...change,
  }
}

function noRecords({ userId }: Client) {
  return failure(404, `Resource Not Found. Current user ${userId} has no records`)
}

describe('creating a record', () => {
  test('stores it with its owner and the time', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord({ id: 'r1', name: 'name:iv', login: 'login:iv', password: 'pass:iv' })
    expect(await answerOf(owner.send('POST', '/records', record))).toEqual(
      success(201, 'Record r1 created'),
    )
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [
        {
          id: 'r1',
          name: 'name:iv',
          login: 'login:iv',
          password: 'pass:iv',
          user_id: owner.userId,
          is_favorite: false,
          is_deleted: false,
          creation_time: 'Mon, 23 Nov 2026 16:31:04 -0000',
          update_time: 'Mon, 23 Nov 2026 16:31:04 -0000',
          additional_fields: [],
        },
      ],
    })
  })

  test('can make it a favorite, and can put it into the trash at once', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord({ is_favorite: true, is_deleted: true })
    expect((await owner.send('POST', '/records', record)).status).toBe(201)
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [listed(record, owner)],
    })
  })

  test('is refused if the id is taken, whether by this user or by another one', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const record = aRecord({ id: 'taken' })
    await owner.send('POST', '/records', record)
    for (const user of [owner, stranger]) {
      const again = { ...record, name: 'other:iv' }
      expect(await setup.expectRefusal(() => user.send('POST', '/records', again))).toEqual(
        failure(409, 'Resource Already Exists. Record with id taken already exists'),
      )
    }
  })

  test('does not collide with a note of the same id', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord({ id: 'shared' })
    const note = { ...record, content: 'content:iv' }
    expect((await owner.send('POST', '/notes', note)).status).toBe(201)
    expect((await owner.send('POST', '/records', record)).status).toBe(201)
  })

  test('ignores unknown members, an owner and times that a client sends', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const record = aRecord()
    const ignored = {
      user_id: stranger.userId,
      creation_time: '',
      update_time: 'yesterday',
      additional_fields: [aField('x')],
      IsDeletable: true,
    }
    const response = owner.send('POST', '/records', { ...record, ...ignored })
    expect(await answerOf(response)).toEqual(success(201, `Record ${record.id} created`))
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [listed(record, owner)],
    })
    expect(await answerOf(stranger.send('GET', '/records'))).toEqual(noRecords(stranger))
  })

  test('keeps each ciphertext as it is', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord({ id: 'улитка', name: ':', login: ' : ', password: 'é🐌:б' })
    expect((await owner.send('POST', '/records', record)).status).toBe(201)
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [listed(record, owner)],
    })
  })
})

describe('listing records', () => {
  test('returns all of them in insertion order, each with its additional fields in insertion order', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const [first, second, third] = [
      aRecord({ id: 'c' }),
      aRecord({ id: 'a' }),
      aRecord({ id: 'b' }),
    ]
    for (const record of [first, second, third]) await owner.send('POST', '/records', record)
    const [zField, xField] = [aField('a', { id: 'z' }), aField('a', { id: 'x' })]
    const otherField = aField('b', { id: 'y' })
    for (const field of [zField, otherField, xField]) {
      await owner.send('POST', '/additional_fields', field)
    }
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [
        listed(first, owner),
        listed(second, owner, { additional_fields: [zField, xField] }),
        listed(third, owner, { additional_fields: [otherField] }),
      ],
    })
  })

  test('includes the records in the trash', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const [kept, trashed] = [aRecord(), aRecord()]
    await owner.send('POST', '/records', trashed)
    await owner.send('POST', '/records', kept)
    await owner.send('DELETE', `/records?id=${trashed.id}`)
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [listed(trashed, owner, { is_deleted: true }), listed(kept, owner)],
    })
  })

  test('returns only records of the user who asks', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const [own, other] = [aRecord(), aRecord()]
    await owner.send('POST', '/records', own)
    await stranger.send('POST', '/records', other)
    for (const [user, record] of [
      [owner, own],
      [stranger, other],
    ] as const) {
      expect(await answerOf(user.send('GET', '/records'))).toEqual({
        status: 200,
        body: [listed(record, user)],
      })
    }
  })

  test('answers 404 if there is none, also after the last one was deleted', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    expect(await setup.expectRefusal(() => owner.send('GET', '/records'))).toEqual(noRecords(owner))
    const record = aRecord({ is_deleted: true })
    await owner.send('POST', '/records', record)
    await owner.send('DELETE', `/records?id=${record.id}`)
    expect(await setup.expectRefusal(() => owner.send('GET', '/records'))).toEqual(noRecords(owner))
  })
})

describe('updating a record', () => {
  test('replaces its members and its update time, and nothing else', async () => {
    await using setup = await startVaultServer()
    const { owner, clock } = setup
    const [first, second] = [aRecord({ id: 'r1' }), aRecord({ id: 'r2' })]
    await owner.send('POST', '/records', first)
    await owner.send('POST', '/records', second)
    const field = aField('r1')
    await owner.send('POST', '/additional_fields', field)
    clock.advance(60_000)
    const changed = {
      id: 'r1',
      name: 'new name:iv',
      login: 'new login:iv',
      password: 'new password:iv',
      is_favorite: true,
      is_deleted: false,
    }
    expect(await answerOf(owner.send('PUT', '/records', changed))).toEqual(
      success(200, 'Record r1 changed successfully'),
    )
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [
        listed(changed, owner, {
          update_time: 'Mon, 23 Nov 2026 16:32:04 -0000',
          additional_fields: [field],
        }),
        listed(second, owner),
      ],
    })
  })

  test('ignores unknown members, an owner and times that a client sends', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const record = aRecord()
    await owner.send('POST', '/records', record)
    const ignored = {
      user_id: stranger.userId,
      creation_time: '',
      update_time: 'yesterday',
      additional_fields: [aField(record.id)],
      IsDeletable: true,
    }
    const response = owner.send('PUT', '/records', { ...record, ...ignored })
    expect(await answerOf(response)).toEqual(
      success(200, `Record ${record.id} changed successfully`),
    )
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [listed(record, owner)],
    })
  })

  test('moves it to the trash and restores it by is_deleted', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord()
    const field = aField(record.id)
    await owner.send('POST', '/records', record)
    await owner.send('POST', '/additional_fields', field)
    for (const is_deleted of [true, false]) {
      expect(await answerOf(owner.send('PUT', '/records', { ...record, is_deleted }))).toEqual(
        success(200, `Record ${record.id} changed successfully`),
      )
      expect(await answerOf(owner.send('GET', '/records'))).toEqual({
        status: 200,
        body: [listed(record, owner, { is_deleted, additional_fields: [field] })],
      })
    }
  })

  test('is refused for an id that does not exist, and creates nothing', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord({ id: 'ghost' })
    expect(await setup.expectRefusal(() => owner.send('PUT', '/records', record))).toEqual(
      failure(404, "Resource Not Found. Record with id ghost doesn't exist"),
    )
  })

  test('is refused for a record of another user', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const record = aRecord({ id: 'r1' })
    await owner.send('POST', '/records', record)
    const changed = { ...record, name: 'other:iv' }
    expect(await setup.expectRefusal(() => stranger.send('PUT', '/records', changed))).toEqual(
      failure(
        403,
        `Access Denied. Record r1 doesn't belong to the current user ${stranger.userId}`,
      ),
    )
  })
})

describe('deleting a record', () => {
  test('moves it to the trash first, and deletes it permanently with its additional fields the second time', async () => {
    await using setup = await startVaultServer()
    const { owner, clock } = setup
    const [record, other] = [aRecord({ id: 'r1' }), aRecord({ id: 'r2' })]
    const [field, otherField] = [aField('r1', { id: 'f1' }), aField('r2', { id: 'f2' })]
    for (const each of [record, other]) await owner.send('POST', '/records', each)
    for (const each of [field, otherField]) await owner.send('POST', '/additional_fields', each)
    const listedOther = listed(other, owner, { additional_fields: [otherField] })
    clock.advance(60_000)

    expect(await answerOf(owner.send('DELETE', '/records?id=r1'))).toEqual(
      success(200, 'Record r1 successfully marked as deleted'),
    )
    // The update time stays: the content has not changed.
    const trashed = listed(record, owner, { is_deleted: true, additional_fields: [field] })
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [trashed, listedOther],
    })

    expect(await answerOf(owner.send('DELETE', '/records?id=r1'))).toEqual(
      success(200, 'Record r1 successfully permanently deleted'),
    )
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [listedOther],
    })
    expect(await answerOf(owner.send('DELETE', '/additional_fields?id=f1'))).toEqual(
      failure(404, "Resource Not Found. Additional field with id f1 doesn't exist"),
    )
    expect(await setup.expectRefusal(() => owner.send('DELETE', '/records?id=r1'))).toEqual(
      failure(404, "Resource Not Found. Record with id r1 doesn't exist"),
    )
  })

  test('starts again with the trash after the record was restored', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord({ id: 'r1' })
    await owner.send('POST', '/records', record)
    await owner.send('DELETE', '/records?id=r1')
    await owner.send('PUT', '/records', record)
    expect(await answerOf(owner.send('DELETE', '/records?id=r1'))).toEqual(
      success(200, 'Record r1 successfully marked as deleted'),
    )
  })

  test('frees the id', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const record = aRecord({ is_deleted: true })
    await owner.send('POST', '/records', record)
    await owner.send('DELETE', `/records?id=${record.id}`)
    expect(await answerOf(stranger.send('POST', '/records', record))).toEqual(
      success(201, `Record ${record.id} created`),
    )
  })

  test('takes the first id if there are several', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    for (const id of ['r1', 'r2']) await owner.send('POST', '/records', aRecord({ id }))
    expect(await answerOf(owner.send('DELETE', '/records?id=r2&id=r1'))).toEqual(
      success(200, 'Record r2 successfully marked as deleted'),
    )
  })

  test('is refused without an id', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/records', aRecord())
    for (const path of ['/records', '/records?id=', '/records?record_id=x']) {
      expect(await setup.expectRefusal(() => owner.send('DELETE', path))).toEqual(
        failure(400, 'Missing Parameter. Record id is missing in URI arguments'),
      )
    }
  })

  test('is refused for an id that does not exist', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/records', aRecord())
    expect(await setup.expectRefusal(() => owner.send('DELETE', '/records?id=ghost'))).toEqual(
      failure(404, "Resource Not Found. Record with id ghost doesn't exist"),
    )
  })

  test('is refused for a record of another user, in the trash or not', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    await owner.send('POST', '/records', aRecord({ id: 'r1' }))
    const denied = failure(
      403,
      `Access Denied. Record r1 doesn't belong to the current user ${stranger.userId}`,
    )
    const attempt = () => stranger.send('DELETE', '/records?id=r1')
    expect(await setup.expectRefusal(attempt)).toEqual(denied)
    await owner.send('DELETE', '/records?id=r1')
    expect(await setup.expectRefusal(attempt)).toEqual(denied)
  })
})

describe('the body of a record', () => {
  const methods = ['POST', 'PUT'] as const

  test.each(methods)('of a %s must have every member, each of its type', async (method) => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord()
    await owner.send('POST', '/records', record)
    expect(await setup.expectRefusal(() => owner.send(method, '/records', {}))).toEqual(
      fieldErrors({
        id: problem.missing,
        name: problem.missing,
        login: problem.missing,
        password: problem.missing,
        is_favorite: problem.missing,
        is_deleted: problem.missing,
      }),
    )
    const body = { id: 1, name: null, login: [], password: {}, is_favorite: 'true', is_deleted: 0 }
    expect(await setup.expectRefusal(() => owner.send(method, '/records', body))).toEqual(
      fieldErrors({
        id: problem.notString,
        name: problem.missing,
        login: problem.notString,
        password: problem.notString,
        is_favorite: problem.notBoolean,
        is_deleted: problem.notBoolean,
      }),
    )
  })

  test.each(methods)(
    'of a %s must have texts that can be stored, and one colon in each ciphertext',
    async (method) => {
      await using setup = await startVaultServer()
      const { owner } = setup
      await owner.send('POST', '/records', aRecord())
      const body = aRecord({
        id: '',
        name: 'no colon',
        login: 'two:colons:iv',
        password: 'nul\0:iv',
      })
      expect(await setup.expectRefusal(() => owner.send(method, '/records', body))).toEqual(
        fieldErrors({
          id: problem.empty,
          name: problem.wrongFormat,
          login: problem.wrongFormat,
          password: problem.unstorable,
        }),
      )
    },
  )

  test.each(methods)(
    'of a %s is checked for content only if every member has its type',
    async (method) => {
      await using setup = await startVaultServer()
      const { owner } = setup
      const record = aRecord()
      await owner.send('POST', '/records', record)
      const body = { ...record, name: 'no colon', password: '', is_favorite: null }
      expect(await setup.expectRefusal(() => owner.send(method, '/records', body))).toEqual(
        fieldErrors({ is_favorite: problem.missing }),
      )
      const corrected = { ...body, is_favorite: true }
      expect(await setup.expectRefusal(() => owner.send(method, '/records', corrected))).toEqual(
        fieldErrors({ name: problem.wrongFormat, password: problem.empty }),
      )
    },
  )

  test.each(methods)('of a %s is checked before the id is looked up', async (method) => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const record = aRecord()
    await owner.send('POST', '/records', record)
    const body = { ...record, name: '' }
    expect(await setup.expectRefusal(() => stranger.send(method, '/records', body))).toEqual(
      fieldErrors({ name: problem.empty }),
    )
  })

  test('may have texts of exactly the maximum length, in code points', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const record = aRecord({
      id: '🐌'.repeat(100),
      name: ciphertext(65_536),
      login: ciphertext(65_536),
      password: `${'🐌'.repeat(65_535)}:`,
    })
    for (const method of methods) {
      expect((await owner.send(method, '/records', record)).ok, method).toBeTrue()
    }
    expect(await answerOf(owner.send('GET', '/records'))).toEqual({
      status: 200,
      body: [listed(record, owner)],
    })
  })

  test.each(methods)('of a %s is refused if a text is one code point longer', async (method) => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/records', aRecord())
    const body = aRecord({
      id: '🐌'.repeat(101),
      name: ciphertext(65_537),
      login: ciphertext(65_537),
      password: `${'🐌'.repeat(65_536)}:`,
    })
    expect(await setup.expectRefusal(() => owner.send(method, '/records', body))).toEqual(
      fieldErrors({
        id: problem.tooLong(100),
        name: problem.tooLong(65_536),
        login: problem.tooLong(65_536),
        password: problem.tooLong(65_536),
      }),
    )
  })

  test.each(methods)('of a %s must be a JSON object', async (method) => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/records', aRecord())
    expect(await setup.expectRefusal(() => owner.send(method, '/records', [aRecord()]))).toEqual(
      failure(400, 'Malformed Body. The body must be a JSON object'),
    )
    expect(await setup.expectRefusal(() => owner.send(method, '/records'))).toEqual(
      failure(400, 'Malformed Body. The body is empty'),
    )
  })
})

describe('a vault that is full of records', () => {
  /** The quota is 1 MB, and the vault has room for about 14,000 bytes. */
  async function startFullVault() {
    const setup = await startVaultServer({ SNAILPASS_MAX_VAULT: '1 MB' })
    const longest = {
      name: ciphertext(65_536),
      login: ciphertext(65_536),
      password: ciphertext(65_536),
    }
    for (const id of ['r1', 'r2', 'r3', 'r4', 'r5']) {
      const { status } = await setup.owner.send('POST', '/records', aRecord({ id, ...longest }))
      expect(status).toBe(201)
    }
    const full = failure(
      507,
      'Insufficient Storage. The vault may hold 1 MB: delete something permanently first',
    )
    return { ...setup, longest, full }
  }

  test('refuses a record that does not fit, and accepts one that does', async () => {
    await using setup = await startFullVault()
    const { owner, full } = setup
    const tooLong = aRecord({ name: ciphertext(20_000) })
    expect(await setup.expectRefusal(() => owner.send('POST', '/records', tooLong))).toEqual(full)
    expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
  })

  test('refuses a change that makes a record longer than fits, and accepts any other', async () => {
    await using setup = await startFullVault()
    const { owner, full, longest } = setup
    const record = aRecord({ id: 'small' })
    await owner.send('POST', '/records', record)
    const longer = { ...record, name: ciphertext(20_000) }
    expect(await setup.expectRefusal(() => owner.send('PUT', '/records', longer))).toEqual(full)
    for (const change of [
      { ...record, is_favorite: true },
      aRecord({ id: 'r1', ...longest, is_favorite: true }),
      aRecord({ id: 'r1' }),
    ]) {
      expect((await owner.send('PUT', '/records', change)).status).toBe(200)
    }
  })

  test('has room again only when a record is deleted permanently', async () => {
    await using setup = await startFullVault()
    const { owner, full } = setup
    const record = aRecord({ name: ciphertext(20_000) })
    await owner.send('DELETE', '/records?id=r1')
    expect(await setup.expectRefusal(() => owner.send('POST', '/records', record))).toEqual(full)
    await owner.send('DELETE', '/records?id=r1')
    expect((await owner.send('POST', '/records', record)).status).toBe(201)
  })

  test('takes no room from another user', async () => {
    await using setup = await startFullVault()
    const record = aRecord(setup.longest)
    expect((await setup.stranger.send('POST', '/records', record)).status).toBe(201)
  })
})

describe('every request about records', () => {
  test('needs a session token', async () => {
    await using setup = await startVaultServer()
    const { server, owner } = setup
    await owner.send('POST', '/records', aRecord({ id: 'r1' }))
    for (const [method, path] of [
      ['GET', '/records'],
      ['POST', '/records'],
      ['PUT', '/records'],
      ['DELETE', '/records?id=r1'],
    ] as const) {
      const attempt = () => fetch(new URL(path, server.url), { method })
      expect(await setup.expectRefusal(attempt), method).toEqual(
        failure(400, 'Missing Request Header. Token is missing in x-access-token header'),
      )
    }
  })
})
