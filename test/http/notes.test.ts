import { describe, expect, test } from 'bun:test'
import { answerOf, failure, fieldErrors, problem, success } from '../support/answers'
import { aNote, aRecord, type Client } from '../support/client'
import { ciphertext, startTime, startVaultServer } from '../support/vaults'

/*
 * What the server does with notes: the free texts of a vault, which clients encrypt.
 */

/** A note as GET /notes returns it, if it was created at `startTime`. */
function listed(note: object, owner: Client, change: object = {}) {
  return {
    ...note,
    user_id: owner.userId,
    creation_time: startTime,
    update_time: startTime,
    ...change,
  }
}

function noNotes({ userId }: Client) {
  return failure(404, `Resource Not Found. Current user ${userId} has no notes`)
}

describe('creating a note', () => {
  test('stores it with its owner and the time', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote({ id: 'n1', name: 'name:iv', content: 'content:iv' })
    expect(await answerOf(owner.send('POST', '/notes', note))).toEqual(
      success(201, 'Note n1 created'),
    )
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [
        {
          id: 'n1',
          name: 'name:iv',
          content: 'content:iv',
          user_id: owner.userId,
          is_favorite: false,
          is_deleted: false,
          creation_time: 'Mon, 23 Nov 2026 16:31:04 -0000',
          update_time: 'Mon, 23 Nov 2026 16:31:04 -0000',
        },
      ],
    })
  })

  test('can make it a favorite, and can put it into the trash at once', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote({ is_favorite: true, is_deleted: true })
    expect((await owner.send('POST', '/notes', note)).status).toBe(201)
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listed(note, owner)],
    })
  })

  test('is refused if the id is taken, whether by this user or by another one', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const note = aNote({ id: 'taken' })
    await owner.send('POST', '/notes', note)
    for (const user of [owner, stranger]) {
      const again = { ...note, name: 'other:iv' }
      expect(await setup.expectRefusal(() => user.send('POST', '/notes', again))).toEqual(
        failure(409, 'Resource Already Exists. Note with id taken already exists'),
      )
    }
  })

  test('does not collide with a record of the same id', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    expect((await owner.send('POST', '/records', aRecord({ id: 'shared' }))).status).toBe(201)
    expect((await owner.send('POST', '/notes', aNote({ id: 'shared' }))).status).toBe(201)
  })

  test('ignores unknown members, an owner and times that a client sends', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const note = aNote()
    const ignored = {
      user_id: stranger.userId,
      creation_time: '',
      update_time: 'yesterday',
      IsDeletable: true,
    }
    const response = owner.send('POST', '/notes', { ...note, ...ignored })
    expect(await answerOf(response)).toEqual(success(201, `Note ${note.id} created`))
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listed(note, owner)],
    })
    expect(await answerOf(stranger.send('GET', '/notes'))).toEqual(noNotes(stranger))
  })

  test('keeps each ciphertext as it is', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote({ id: 'улитка', name: ' : ', content: 'é🐌:б' })
    expect((await owner.send('POST', '/notes', note)).status).toBe(201)
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listed(note, owner)],
    })
  })
})

describe('listing notes', () => {
  test('returns all of them in insertion order', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const [first, second, third] = [aNote({ id: 'c' }), aNote({ id: 'a' }), aNote({ id: 'b' })]
    for (const note of [first, second, third]) await owner.send('POST', '/notes', note)
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listed(first, owner), listed(second, owner), listed(third, owner)],
    })
  })

  test('includes the notes in the trash', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const [kept, trashed] = [aNote(), aNote()]
    await owner.send('POST', '/notes', trashed)
    await owner.send('POST', '/notes', kept)
    await owner.send('DELETE', `/notes?id=${trashed.id}`)
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listed(trashed, owner, { is_deleted: true }), listed(kept, owner)],
    })
  })

  test('returns only notes of the user who asks', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const [own, other] = [aNote(), aNote()]
    await owner.send('POST', '/notes', own)
    await stranger.send('POST', '/notes', other)
    for (const [user, note] of [
      [owner, own],
      [stranger, other],
    ] as const) {
      expect(await answerOf(user.send('GET', '/notes'))).toEqual({
        status: 200,
        body: [listed(note, user)],
      })
    }
  })

  test('answers 404 if there is none, also after the last one was deleted', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    expect(await setup.expectRefusal(() => owner.send('GET', '/notes'))).toEqual(noNotes(owner))
    const note = aNote({ is_deleted: true })
    await owner.send('POST', '/notes', note)
    await owner.send('DELETE', `/notes?id=${note.id}`)
    expect(await setup.expectRefusal(() => owner.send('GET', '/notes'))).toEqual(noNotes(owner))
  })
})

describe('updating a note', () => {
  test('replaces its members and its update time, and nothing else', async () => {
    await using setup = await startVaultServer()
    const { owner, clock } = setup
    const [first, second] = [aNote({ id: 'n1' }), aNote({ id: 'n2' })]
    await owner.send('POST', '/notes', first)
    await owner.send('POST', '/notes', second)
    clock.advance(60_000)
    const changed = {
      id: 'n1',
      name: 'new name:iv',
      content: 'new content:iv',
      is_favorite: true,
      is_deleted: false,
    }
    expect(await answerOf(owner.send('PUT', '/notes', changed))).toEqual(
      success(200, 'Note n1 changed successfully'),
    )
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [
        listed(changed, owner, {
          update_time: 'Mon, 23 Nov 2026 16:32:04 -0000',
        }),
        listed(second, owner),
      ],
    })
  })

  test('ignores unknown members, an owner and times that a client sends', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const note = aNote()
    await owner.send('POST', '/notes', note)
    const ignored = {
      user_id: stranger.userId,
      creation_time: '',
      update_time: 'yesterday',
      IsDeletable: true,
    }
    const response = owner.send('PUT', '/notes', { ...note, ...ignored })
    expect(await answerOf(response)).toEqual(success(200, `Note ${note.id} changed successfully`))
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listed(note, owner)],
    })
  })

  test('moves it to the trash and restores it by is_deleted', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote()
    await owner.send('POST', '/notes', note)
    for (const is_deleted of [true, false]) {
      expect(await answerOf(owner.send('PUT', '/notes', { ...note, is_deleted }))).toEqual(
        success(200, `Note ${note.id} changed successfully`),
      )
      expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
        status: 200,
        body: [listed(note, owner, { is_deleted })],
      })
    }
  })

  test('is refused for an id that does not exist, and creates nothing', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote({ id: 'ghost' })
    expect(await setup.expectRefusal(() => owner.send('PUT', '/notes', note))).toEqual(
      failure(404, "Resource Not Found. Note with id ghost doesn't exist"),
    )
  })

  test('is refused for a note of another user', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const note = aNote({ id: 'n1' })
    await owner.send('POST', '/notes', note)
    const changed = { ...note, name: 'other:iv' }
    expect(await setup.expectRefusal(() => stranger.send('PUT', '/notes', changed))).toEqual(
      failure(403, `Access Denied. Note n1 doesn't belong to the current user ${stranger.userId}`),
    )
  })
})

describe('deleting a note', () => {
  test('moves it to the trash first, and deletes it permanently the second time', async () => {
    await using setup = await startVaultServer()
    const { owner, clock } = setup
    const [note, other] = [aNote({ id: 'n1' }), aNote({ id: 'n2' })]
    for (const each of [note, other]) await owner.send('POST', '/notes', each)
    const listedOther = listed(other, owner)
    clock.advance(60_000)

    expect(await answerOf(owner.send('DELETE', '/notes?id=n1'))).toEqual(
      success(200, 'Note n1 successfully marked as deleted'),
    )
    // The update time stays: the content has not changed.
    const trashed = listed(note, owner, { is_deleted: true })
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [trashed, listedOther],
    })

    expect(await answerOf(owner.send('DELETE', '/notes?id=n1'))).toEqual(
      success(200, 'Note n1 successfully permanently deleted'),
    )
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listedOther],
    })
    expect(await setup.expectRefusal(() => owner.send('DELETE', '/notes?id=n1'))).toEqual(
      failure(404, "Resource Not Found. Note with id n1 doesn't exist"),
    )
  })

  test('starts again with the trash after the note was restored', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote({ id: 'n1' })
    await owner.send('POST', '/notes', note)
    await owner.send('DELETE', '/notes?id=n1')
    await owner.send('PUT', '/notes', note)
    expect(await answerOf(owner.send('DELETE', '/notes?id=n1'))).toEqual(
      success(200, 'Note n1 successfully marked as deleted'),
    )
  })

  test('frees the id', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const note = aNote({ is_deleted: true })
    await owner.send('POST', '/notes', note)
    await owner.send('DELETE', `/notes?id=${note.id}`)
    expect(await answerOf(stranger.send('POST', '/notes', note))).toEqual(
      success(201, `Note ${note.id} created`),
    )
  })

  test('takes the first id if there are several', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    for (const id of ['n1', 'n2']) await owner.send('POST', '/notes', aNote({ id }))
    expect(await answerOf(owner.send('DELETE', '/notes?id=n2&id=n1'))).toEqual(
      success(200, 'Note n2 successfully marked as deleted'),
    )
  })

  test('is refused without an id', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/notes', aNote())
    for (const path of ['/notes', '/notes?id=', '/notes?note_id=x']) {
      expect(await setup.expectRefusal(() => owner.send('DELETE', path))).toEqual(
        failure(400, 'Missing Parameter. Note id is missing in URI arguments'),
      )
    }
  })

  test('is refused for an id that does not exist', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/notes', aNote())
    expect(await setup.expectRefusal(() => owner.send('DELETE', '/notes?id=ghost'))).toEqual(
      failure(404, "Resource Not Found. Note with id ghost doesn't exist"),
    )
  })

  test('is refused for a note of another user, in the trash or not', async () => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    await owner.send('POST', '/notes', aNote({ id: 'n1' }))
    const denied = failure(
      403,
      `Access Denied. Note n1 doesn't belong to the current user ${stranger.userId}`,
    )
    const attempt = () => stranger.send('DELETE', '/notes?id=n1')
    expect(await setup.expectRefusal(attempt)).toEqual(denied)
    await owner.send('DELETE', '/notes?id=n1')
    expect(await setup.expectRefusal(attempt)).toEqual(denied)
  })
})

describe('the body of a note', () => {
  const methods = ['POST', 'PUT'] as const

  test.each(methods)('of a %s must have every member, each of its type', async (method) => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote()
    await owner.send('POST', '/notes', note)
    expect(await setup.expectRefusal(() => owner.send(method, '/notes', {}))).toEqual(
      fieldErrors({
        id: problem.missing,
        name: problem.missing,
        content: problem.missing,
        is_favorite: problem.missing,
        is_deleted: problem.missing,
      }),
    )
    const body = { id: 1, name: null, content: {}, is_favorite: 'true', is_deleted: 0 }
    expect(await setup.expectRefusal(() => owner.send(method, '/notes', body))).toEqual(
      fieldErrors({
        id: problem.notString,
        name: problem.missing,
        content: problem.notString,
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
      await owner.send('POST', '/notes', aNote())
      const body = aNote({
        id: '',
        name: 'no colon',
        content: 'nul\0:iv',
      })
      expect(await setup.expectRefusal(() => owner.send(method, '/notes', body))).toEqual(
        fieldErrors({
          id: problem.empty,
          name: problem.wrongFormat,
          content: problem.unstorable,
        }),
      )
    },
  )

  test.each(methods)(
    'of a %s is checked for content only if every member has its type',
    async (method) => {
      await using setup = await startVaultServer()
      const { owner } = setup
      const note = aNote()
      await owner.send('POST', '/notes', note)
      const body = { ...note, name: 'two:colons:iv', content: '', is_favorite: null }
      expect(await setup.expectRefusal(() => owner.send(method, '/notes', body))).toEqual(
        fieldErrors({ is_favorite: problem.missing }),
      )
      const corrected = { ...body, is_favorite: true }
      expect(await setup.expectRefusal(() => owner.send(method, '/notes', corrected))).toEqual(
        fieldErrors({ name: problem.wrongFormat, content: problem.empty }),
      )
    },
  )

  test.each(methods)('of a %s is checked before the id is looked up', async (method) => {
    await using setup = await startVaultServer()
    const { owner, stranger } = setup
    const note = aNote()
    await owner.send('POST', '/notes', note)
    const body = { ...note, name: '' }
    expect(await setup.expectRefusal(() => stranger.send(method, '/notes', body))).toEqual(
      fieldErrors({ name: problem.empty }),
    )
  })

  test('may have texts of exactly the maximum length, in code points', async () => {
    await using setup = await startVaultServer()
    const { owner } = setup
    const note = aNote({
      id: '🐌'.repeat(100),
      name: `${'🐌'.repeat(65_535)}:`,
      content: ciphertext(524_288),
    })
    for (const method of methods) {
      expect((await owner.send(method, '/notes', note)).ok, method).toBeTrue()
    }
    expect(await answerOf(owner.send('GET', '/notes'))).toEqual({
      status: 200,
      body: [listed(note, owner)],
    })
  })

  test.each(methods)('of a %s is refused if a text is one code point longer', async (method) => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/notes', aNote())
    const body = aNote({
      id: '🐌'.repeat(101),
      name: `${'🐌'.repeat(65_536)}:`,
      content: ciphertext(524_289),
    })
    expect(await setup.expectRefusal(() => owner.send(method, '/notes', body))).toEqual(
      fieldErrors({
        id: problem.tooLong(100),
        name: problem.tooLong(65_536),
        content: problem.tooLong(524_288),
      }),
    )
  })

  test.each(methods)('of a %s must be a JSON object', async (method) => {
    await using setup = await startVaultServer()
    const { owner } = setup
    await owner.send('POST', '/notes', aNote())
    expect(await setup.expectRefusal(() => owner.send(method, '/notes', [aNote()]))).toEqual(
      failure(400, 'Malformed Body. The body must be a JSON object'),
    )
    expect(await setup.expectRefusal(() => owner.send(method, '/notes'))).toEqual(
      failure(400, 'Malformed Body. The body is empty'),
    )
  })
})

describe('a vault that is full of notes', () => {
  /** The quota is 1 MB, and the vault has room for about 14,000 bytes. */
  async function startFullVault() {
    const setup = await startVaultServer({ SNAILPASS_MAX_VAULT: '1 MB' })
    const longest = aNote({ id: 'n1', content: ciphertext(524_288) })
    for (const note of [longest, aNote({ content: ciphertext(460_000) })]) {
      expect((await setup.owner.send('POST', '/notes', note)).status).toBe(201)
    }
    const full = failure(
      507,
      'Insufficient Storage. The vault may hold 1 MB: delete something permanently first',
    )
    return { ...setup, longest, full }
  }

  test('refuses a note that does not fit, and accepts one that does', async () => {
    await using setup = await startFullVault()
    const { owner, full } = setup
    const tooLong = aNote({ name: ciphertext(20_000) })
    expect(await setup.expectRefusal(() => owner.send('POST', '/notes', tooLong))).toEqual(full)
    expect((await owner.send('POST', '/notes', aNote())).status).toBe(201)
  })

  test('refuses a change that makes a note longer than fits, and accepts any other', async () => {
    await using setup = await startFullVault()
    const { owner, full, longest } = setup
    const note = aNote({ id: 'small' })
    await owner.send('POST', '/notes', note)
    const longer = { ...note, name: ciphertext(20_000) }
    expect(await setup.expectRefusal(() => owner.send('PUT', '/notes', longer))).toEqual(full)
    for (const change of [
      { ...note, is_favorite: true },
      { ...longest, is_favorite: true },
      aNote({ id: 'n1' }),
    ]) {
      expect((await owner.send('PUT', '/notes', change)).status).toBe(200)
    }
  })

  test('has room again only when a note is deleted permanently', async () => {
    await using setup = await startFullVault()
    const { owner, full } = setup
    const note = aNote({ name: ciphertext(20_000) })
    await owner.send('DELETE', '/notes?id=n1')
    expect(await setup.expectRefusal(() => owner.send('POST', '/notes', note))).toEqual(full)
    await owner.send('DELETE', '/notes?id=n1')
    expect((await owner.send('POST', '/notes', note)).status).toBe(201)
  })

  test('takes no room from another user', async () => {
    await using setup = await startFullVault()
    const note = { ...setup.longest, id: 'n2' }
    expect((await setup.stranger.send('POST', '/notes', note)).status).toBe(201)
  })
})

describe('every request about notes', () => {
  test('needs a session token', async () => {
    await using setup = await startVaultServer()
    const { server, owner } = setup
    await owner.send('POST', '/notes', aNote({ id: 'n1' }))
    for (const [method, path] of [
      ['GET', '/notes'],
      ['POST', '/notes'],
      ['PUT', '/notes'],
      ['DELETE', '/notes?id=n1'],
    ] as const) {
      const attempt = () => fetch(new URL(path, server.url), { method })
      expect(await setup.expectRefusal(attempt), method).toEqual(
        failure(400, 'Missing Request Header. Token is missing in x-access-token header'),
      )
    }
  })
})
