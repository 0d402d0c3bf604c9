import { expect, test } from 'bun:test'
import { checkMail } from '../../../src/app/doctor/mail'
import { freePort } from '../../support/free-port'
import { aUser } from '../../support/store'
import { createSqliteTestDatabase, targetsOf } from '../../support/test-database'

const why = 'people who sign up or are invited get no email'

test('the doctor tells the emails that were given up from those that could not be sent yet', async () => {
  await using database = await createSqliteTestDatabase()
  const server = `127.0.0.1:${freePort()}`
  const targets = targetsOf(database, {
    SNAILPASS_MAIL_URL: `smtp://${server}`,
    SNAILPASS_MAIL_FROM: 'vault@nas.local',
  })
  const unreachable = {
    what: expect.stringContaining(`the mail server ${server} can't be used: `),
    why,
    fix: expect.stringContaining('check host and port'),
  }
  await targets.database.withExclusive({ create: true }, () => Promise.resolve())
  await targets.database.withShared(async (store) => {
    const users = Array.from({ length: 6 }, () => aUser({ emailConfirmed: false }))
    await store.write(async (tx) => {
      for (const user of users) {
        await tx.users.insert(user)
        await tx.outbox.put({
          ...{ kind: 'confirmation', baseUrl: 'http://pi/', creationTime: 5 },
          ...{ id: user.id, userId: user.id },
        })
      }
      for (const [index, { id }] of users.entries()) {
        const lease = { id, now: 5, until: 6, latest: 9, canTakeOver: true }
        const message = await tx.outbox.lease(lease)
        if (message === null) throw new Error('no email is due')
        if (index < 2) await tx.outbox.markDead(message, 'no such mailbox')
        else if (index < 5)
          await tx.outbox.postpone(message, { nextTime: 9e12, reason: `reason ${index}` })
      }
    })
  })
  const fact = `${server} can't be used`
  expect(await checkMail(targets, { isQueueReadable: false })).toEqual({
    ...{ fact, findings: [unreachable] },
  })
  expect(await checkMail(targets, { isQueueReadable: true })).toEqual({
    fact: `${fact}; 2 emails given up (snailpass mail list)`,
    findings: [
      unreachable,
      {
        what: '3 emails could not be sent yet: reason 4',
        why,
        fix: 'snailpass mail test ADDRESS, and once that works: snailpass mail retry --all',
      },
    ],
  })
})
