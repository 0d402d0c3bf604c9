import { expect, test } from 'bun:test'
import { listEmails, retryEmails, sendTestEmail } from '../../../src/app/operations/mail'
import { addUser, inviteUser } from '../../../src/app/operations/users'
import { captureError } from '../../support/capture-error'
import { freePort } from '../../support/free-port'
import { startMailServer } from '../../support/mail'
import {
  createSqliteTestDatabase,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'

const mailSettings = (port: number) => ({
  SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${port}`,
  SNAILPASS_MAIL_FROM: 'vault@nas.local',
})

const guest = 'guest@nas.local'

/** A database with the email of an invitation in its queue. */
async function createInvited(): Promise<TestDatabase> {
  const database = await createSqliteTestDatabase()
  await (await startServerOn(database)).stop()
  await inviteUser(targetsOf(database, mailSettings(9)), guest)
  return database
}

test('a test email is sent at once, and the response of the mail server is returned', async () => {
  await using database = await createSqliteTestDatabase()
  await using mailServer = await startMailServer()
  const { port } = mailServer
  const targets = targetsOf(database, mailSettings(port))
  expect(await sendTestEmail(targets, guest)).toEqual({
    server: `127.0.0.1:${port}`,
    response: expect.stringMatching(/^250 /),
  })
  expect(mailServer.emails).toMatchObject([{ from: 'vault@nas.local', to: [guest] }])
  const [email] = mailServer.emails
  expect(email?.source).toMatch(/^Message-ID: <test\.[0-9a-f]{16}@/im)

  mailServer.refusals.push({ code: 550, text: 'no such mailbox', at: 'recipient' })
  expect(await captureError(sendTestEmail(targets, guest))).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(
      new RegExp(`^can't send email through 127\\.0\\.0\\.1:${port}: .*no such mailbox`),
    ),
    hint: 'check the address of the recipient',
  })
  expect(mailServer.emails).toHaveLength(1)
})

test('a test email that can not be sent is told with what to check', async () => {
  await using database = await createSqliteTestDatabase()
  const port = freePort()
  const away = targetsOf(database, mailSettings(port))
  expect(await captureError(sendTestEmail(away, guest))).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(`can't send email through 127.0.0.1:${port}: `),
    hint: expect.stringContaining('check host and port'),
  })
  expect(await captureError(sendTestEmail(targetsOf(database), guest))).toMatchObject({
    code: 'unavailable',
    message: 'email is off: no mail server is set',
  })
})

test('emails are queued again as if they were new: one, those that were given up, or all', async () => {
  await using database = await createInvited()
  const time = Date.UTC(2026, 10, 24)
  const targets = targetsOf(database, {}, { clock: () => time })
  const [email] = await listEmails(targets)
  expect(email).toMatchObject({ email: guest, kind: 'invitation', state: 'queued', attempts: 0 })
  const id = email?.id ?? ''
  expect(await retryEmails(targets, 'dead')).toBe(0)
  await database.sql("update outbox set state = 'dead', attempts = 7, reason = 'full'")
  expect(await retryEmails(targets, 'dead')).toBe(1)
  const again = { id, state: 'queued', attempts: 0, nextTime: time }
  expect(await listEmails(targets)).toMatchObject([again])
  expect(await retryEmails(targets, { id })).toBe(1)
  expect(await retryEmails(targets, 'all')).toBe(1)
  expect(await captureError(retryEmails(targets, { id: 'other' }))).toMatchObject({
    code: 'not_found',
    message: 'there is no email other to retry',
  })
  await database.sql('delete from outbox')
  expect(await retryEmails(targets, 'all')).toBe(0)
})

test('an invitation is sent by email if a mail server is set, once however often it is made', async () => {
  await using database = await createInvited()
  const mailed = targetsOf(database, {
    ...mailSettings(9),
    SNAILPASS_PUBLIC_URL: 'https://nas.local/',
  })
  const serverUrl = 'https://nas.local/'
  expect(await inviteUser(mailed, 'Guest@NAS.local')).toEqual({
    ...{ email: guest, isNew: false, serverUrl, isMailed: true },
  })
  expect(await inviteUser(mailed, 'second@nas.local')).toEqual({
    ...{ email: 'second@nas.local', isNew: true, serverUrl, isMailed: true },
  })
  const unmailed = targetsOf(database, { SNAILPASS_LISTEN: '127.0.0.1:5001' })
  expect(await inviteUser(unmailed, 'third@nas.local')).toEqual({
    ...{ email: 'third@nas.local', isNew: true, isMailed: false },
    serverUrl: 'http://127.0.0.1:5001/',
  })
  const queued = (await listEmails(mailed)).map(({ email, baseUrl }) => [email, baseUrl])
  expect(queued.map(([email]) => email)).toEqual([guest, 'second@nas.local'])
  expect(queued.at(-1)).toEqual(['second@nas.local', serverUrl])
})

test('the master password of a new account is asked for only once nothing else stands in the way', async () => {
  await using database = await createSqliteTestDatabase()
  await (await startServerOn(database)).stop()
  const salts: string[] = []
  const askMasterPassword = (salt: string) => {
    salts.push(salt)
    return Promise.resolve('four quiet snails')
  }
  const withoutKey = targetsOf({ ...database, dataDir: `${database.dataDir}-other` })
  expect(await captureError(addUser(withoutKey, guest, askMasterPassword))).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('secret key'),
  })
  const targets = targetsOf(database)
  expect(await captureError(addUser(targets, 'guest', askMasterPassword))).toMatchObject({
    code: 'invalid',
  })
  expect(salts).toEqual([])
  const id = await addUser(targets, 'Guest@NAS.local', askMasterPassword)
  expect(salts).toEqual([guest])
  expect(await database.sql('select id, email from users')).toEqual([{ id, email: guest }])
  expect(await captureError(addUser(targets, guest, askMasterPassword))).toMatchObject({
    code: 'conflict',
  })
  expect(salts).toEqual([guest])
})
