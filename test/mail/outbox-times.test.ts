import { describe, expect, setDefaultTimeout, spyOn, test } from 'bun:test'
import { createLog } from '../../src/log'
import { MailFault } from '../../src/mail/mail-fault'
import { retryDelay, startOutboxWorker } from '../../src/mail/outbox-worker'
import type { MailTransport } from '../../src/mail/transport'
import { steppedTiming } from '../support/stepped-timing'
import { aUser, openSqliteStore } from '../support/store'
import { watchOf } from '../support/timing'
import { createTestTokens } from '../support/tokens'
import { until } from '../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const start = Date.UTC(2026, 10, 23, 16, 31, 4)
const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** No delay is longer or shorter by chance. */
const middle = (count: number) => new Uint8Array(count).fill(0x80, 0, 1)

type Sent = Parameters<MailTransport['send']>[0]

const temporary = (reason: string) =>
  new MailFault(reason, { kind: 'connection', isPermanent: false })

/** Starts a worker whose waits the test ends. `send` is what the mail server does; by default it accepts. */
async function startTestWorker(options: {
  creationTimes?: readonly number[]
  attempts?: number
  linkMinutes?: number
  send?: (message: Sent) => Promise<string>
}) {
  const store = await openSqliteStore()
  const timing = steppedTiming(start)
  const users = (options.creationTimes ?? [start]).map(() => aUser({ emailConfirmed: false }))
  const queue = async (index: number, creationTime: number) =>
    await store.write(async (tx) => {
      const user = users[index] ?? aUser({ emailConfirmed: false })
      await tx.users.insert(user)
      await tx.outbox.put({
        id: `email-${index}`,
        userId: user.id,
        kind: 'confirmation',
        baseUrl: 'http://pi:5000/base/',
        creationTime,
      })
      return user
    })
  for (const [index, time] of (options.creationTimes ?? [start]).entries()) await queue(index, time)
  if (options.attempts !== undefined) {
    await store.runOnWriter(`update outbox set attempts = ${options.attempts}`)
  }
  const sent: (Sent & { readonly at: number })[] = []
  const lines: string[] = []
  const { linkMinutes = 60 } = options
  const tokens = createTestTokens(new Uint8Array(32), timing.clock, {
    confirmation: linkMinutes * 60,
  })
  const worker = startOutboxWorker({
    store,
    transport: {
      async send(message) {
        sent.push({ ...message, at: timing.clock() })
        return (await options.send?.(message)) ?? '250 OK'
      },
      check: async () => {},
    },
    tokens,
    clock: timing.clock,
    clockWatch: watchOf(timing.clock),
    wait: timing.wait,
    random: middle,
    log: createLog('json', timing.clock, (line) => lines.push(line)),
    linkMinutes,
  })
  return {
    store,
    worker,
    timing,
    tokens,
    users,
    sent,
    queue,
    list: async () => await store.read((tx) => tx.outbox.list()),
    entries: () =>
      lines.map((line) => {
        const { time: _, ...entry } = JSON.parse(line)
        return entry
      }),
    async [Symbol.asyncDispose]() {
      await worker.stop()
      await store[Symbol.asyncDispose]()
    },
  }
}

type Setup = Awaited<ReturnType<typeof startTestWorker>>

/** Advances the clock to when the email is due, where the next attempt follows, and not a millisecond earlier. */
async function passUntilDue({ timing, sent, list }: Setup): Promise<void> {
  await timing.nextWait()
  const [{ nextTime = 0 } = {}] = await list()
  const before = sent.length
  timing.setClock(nextTime - 1)
  timing.endWait(0)
  expect(await timing.nextWait()).toBe(second)
  expect(sent).toHaveLength(before)
  timing.endWait(1)
  await timing.nextWait()
  expect(sent).toHaveLength(before + 1)
}

test('an email is sent, deleted and logged, and the next look is a second later', async () => {
  await using setup = await startTestWorker({ linkMinutes: 90 })
  const { timing, sent, users, tokens } = setup
  expect(await timing.nextWait()).toBe(second)
  expect(await setup.list()).toEqual([])
  expect(setup.entries()).toEqual([
    { level: 'info', message: 'email sent', id: 'email-0', attempts: 1 },
  ])
  const [user] = users
  const [{ text, ...message } = { text: '' }] = sent
  expect(message).toMatchObject({
    to: user?.email ?? '',
    id: 'email-0.1',
    subject: 'Confirm your email for SnailPass',
    at: start,
  })
  const [link = ''] = /http:\S+/.exec(text) ?? []
  expect(link).toStartWith('http://pi:5000/base/confirm/')
  expect(text).toContain('The link works for 90 minutes.')
  const token = link.split('/').at(-1) ?? ''
  const claims = { purpose: 'confirmation', userId: user?.id, email: user?.email }
  timing.setClock(start + 90 * minute - second)
  expect(await tokens.verify('confirmation', token)).toMatchObject(claims)
  timing.setClock(start + 90 * minute + second)
  expect(await tokens.verify('confirmation', token)).toBe('expired')
})

test('an email that was sent late counts from then: for its link, and for the next email', async () => {
  const faults = [temporary('away')]
  await using setup = await startTestWorker({
    send: async () => {
      const fault = faults.pop()
      if (fault !== undefined) throw fault
      return '250 OK'
    },
  })
  const { store, timing, users } = setup
  const { id, email } = users[0] ?? aUser()
  const replace = () => store.write((tx) => tx.users.deleteAbandoned(email, timing.clock() - hour))
  const claim = () =>
    store.write((tx) => {
      const now = timing.clock()
      return tx.users.claimConfirmationEmail(id, { now, unlessRequestedSince: now - 5 * minute })
    })
  await timing.nextWait()
  timing.setClock(start + 2 * hour)
  expect(await replace()).toBe(0)
  timing.endWait(0)
  await timing.nextWait()
  expect(setup.sent).toHaveLength(2)
  expect(await setup.list()).toEqual([])
  timing.setClock(start + 2 * hour + 5 * minute - 1)
  expect(await claim()).toBeFalse()
  timing.setClock(start + 3 * hour)
  expect(await replace()).toBe(0)
  timing.setClock(start + 3 * hour + 1)
  expect(await replace()).toBe(1)
})

test('an email that fails is due a minute later, then two, and so on up to six hours, for two days', async () => {
  await using setup = await startTestWorker({ send: () => Promise.reject(temporary('busy')) })
  const { sent } = setup
  for (let attempt = 2; attempt <= 15; attempt++) await passUntilDue(setup)
  const minutes = sent.map(({ at }) => (at - start) / minute)
  expect(minutes).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 871, 1_231, 1_591, 1_951, 2_311])
  expect(await setup.list()).toMatchObject([
    { state: 'queued', attempts: 15, reason: 'busy', nextTime: start + 2_671 * minute },
  ])
  await passUntilDue(setup)
  await passUntilDue(setup)
  // 3031 minutes are the first that are more than two days.
  expect((sent.at(-1)?.at ?? 0) - start).toBe(3_031 * minute)
  expect(await setup.list()).toMatchObject([{ state: 'dead', attempts: 17, reason: 'busy' }])
  const fields = { id: 'email-0', about: 'connection', reason: 'busy' }
  expect(setup.entries()).toEqual([
    ...Array.from({ length: 16 }, (_, index) => ({
      level: 'warn',
      message: 'email not sent, will be retried',
      attempts: index + 1,
      ...fields,
    })),
    { level: 'error', message: 'email not sent, given up', attempts: 17, ...fields },
  ])
  expect(await setup.timing.nextWait()).toBe(second)
})

test.each([
  ['two days old, at its eighth attempt', 48 * hour, 7, 'dead'],
  ['two days old, at its seventh attempt', 48 * hour, 6, 'queued'],
  ['a millisecond younger, at its eighth attempt', 48 * hour - 1, 7, 'queued'],
  // A wrong clock has dated them, so that only the attempts tell when to end.
  ['from the future, at its 23rd attempt', -400 * 24 * hour, 22, 'queued'],
  ['from the future, at its 24th attempt', -400 * 24 * hour, 23, 'dead'],
  ['from 1970, at its eighth attempt', start - hour, 7, 'queued'],
  ['from 1970, at its 24th attempt', start - hour, 23, 'dead'],
])('an email that can not be sent is given up or not: %s', async (_, age, attempts, state) => {
  await using setup = await startTestWorker({
    creationTimes: [start - age],
    attempts,
    send: () => Promise.reject(temporary('busy')),
  })
  await setup.timing.nextWait()
  expect(await setup.list()).toMatchObject([{ state, attempts: attempts + 1, reason: 'busy' }])
})

test('an email that is refused for ever is given up at once', async () => {
  const refusal = new MailFault('554 never', { kind: 'content', isPermanent: true })
  await using setup = await startTestWorker({ send: () => Promise.reject(refusal) })
  await setup.timing.nextWait()
  expect(await setup.list()).toMatchObject([{ state: 'dead', attempts: 1, reason: '554 never' }])
  expect(setup.entries()).toMatchObject([{ message: 'email not sent, given up', about: 'content' }])
})

test('the address of the reader is kept out of the log, and in the outbox for the operator', async () => {
  await using setup = await startTestWorker({
    send: ({ to }) => Promise.reject(temporary(`${to} is busy, ${to}!`)),
  })
  await setup.timing.nextWait()
  const [{ email = '' } = {}] = setup.users
  expect(setup.entries()).toMatchObject([{ reason: 'the address is busy, the address!' }])
  expect(await setup.list()).toMatchObject([{ reason: `${email} is busy, ${email}!` }])
})

test('an attempt has a lease of seven minutes, and six to succeed', async () => {
  await using setup = await startTestWorker({ send: () => new Promise(() => {}) })
  const { timing } = setup
  expect(await timing.nextWait()).toBe(6 * minute)
  expect(await setup.list()).toMatchObject([
    { state: 'sending', attempts: 1, nextTime: start + 7 * minute, reason: null },
  ])
  timing.endWait()
  await until(() => setup.entries().length > 0, 'the end of the attempt', { interval: 1 })
  expect(setup.entries()).toEqual([
    {
      level: 'warn',
      message: 'email not sent, will be retried',
      id: 'email-0',
      attempts: 1,
      about: 'connection',
      reason: 'the mail server took longer than six minutes',
    },
  ])
  expect(await timing.nextWait()).toBe(second)
  expect(await setup.list()).toMatchObject([{ state: 'queued', nextTime: start + 7 * minute }])
})

describe('a worker with nothing to send', () => {
  test.each([
    ['in twelve hours', 12 * hour],
    ['in two seconds', 2 * second],
    ['in a second', second],
    ['in a moment', 1],
  ])('looks each second whether an email is due, which is %s', async (_, due) => {
    await using setup = await startTestWorker({ creationTimes: [start + due] })
    expect(await setup.timing.nextWait()).toBe(second)
    expect(setup.sent).toEqual([])
    setup.timing.endWait()
    expect(await setup.timing.nextWait()).toBe(second)
    expect(setup.sent).toHaveLength(due <= second ? 1 : 0)
  })

  test('sends at once what was queued by a clock that was more than twelve hours ahead', async () => {
    await using setup = await startTestWorker({ creationTimes: [start + 12 * hour + 1] })
    await setup.timing.nextWait()
    expect(setup.sent).toHaveLength(1)
  })

  test('only reads the database', async () => {
    await using setup = await startTestWorker({ creationTimes: [start + hour] })
    await setup.timing.nextWait()
    using write = spyOn(setup.store, 'write')
    setup.timing.endWait()
    await setup.timing.nextWait()
    expect(write).not.toHaveBeenCalled()
  })

  test('sends what others have queued within a second, and at once when it is woken', async () => {
    await using setup = await startTestWorker({ creationTimes: [] })
    const { timing, worker, sent } = setup
    expect(await timing.nextWait()).toBe(second)
    await setup.queue(0, start)
    timing.endWait()
    await timing.nextWait()
    expect(sent).toHaveLength(1)
    await setup.queue(1, start)
    worker.wake()
    await until(() => sent.length === 2, 'the second email', { interval: 1 })
    expect(timing.clock()).toBe(start + second)
  })

  test.each([{ id: 'email-0' }, 'all'] as const)(
    'sends an email that waits for its next attempt once it is retried: %p',
    async (which) => {
      const refusal = new MailFault('535 no', { kind: 'sign-in', isPermanent: false })
      const server: { isFixed: boolean } = { isFixed: false }
      await using setup = await startTestWorker({
        send: () => (server.isFixed ? Promise.resolve('250 OK') : Promise.reject(refusal)),
      })
      const { timing, store } = setup
      for (let attempt = 2; attempt <= 5; attempt++) await passUntilDue(setup)
      await timing.nextWait()
      server.isFixed = true
      expect(await store.write((tx) => tx.outbox.retry(which, timing.clock()))).toBe(1)
      timing.endWait()
      await timing.nextWait()
      expect(await setup.list()).toEqual([])
    },
  )
})

test('emails are sent one after the other, the one that is due first', async () => {
  await using setup = await startTestWorker({ creationTimes: [start - 1, start - 3, start - 2] })
  expect(await setup.timing.nextWait()).toBe(second)
  expect(setup.sent.map(({ id }) => id)).toEqual(['email-1.1', 'email-2.1', 'email-0.1'])
})

test('an invitation leads to the address of the server', async () => {
  await using setup = await startTestWorker({ creationTimes: [] })
  await setup.timing.nextWait()
  await setup.store.write(async (tx) => {
    await tx.invitations.insert({ email: 'friend@nas.local', creationTime: start })
    await tx.outbox.put({
      id: 'invitation',
      kind: 'invitation',
      invitation: 'friend@nas.local',
      baseUrl: 'http://pi:5000/base/',
      creationTime: start,
    })
  })
  setup.timing.endWait()
  await setup.timing.nextWait()
  expect(setup.sent).toMatchObject([
    {
      to: 'friend@nas.local',
      id: 'invitation.1',
      subject: 'You are invited to a SnailPass server',
      text: expect.stringContaining('\nhttp://pi:5000/base/\n'),
    },
  ])
})

test.each([
  [1, [0, 0], 45_000],
  [1, [128, 0], 60_000],
  [1, [0, 128], 45_059],
  [1, [255, 255], 75_000],
  [2, [128, 0], 120_000],
  [9, [128, 0], 256 * 60_000],
  [10, [128, 0], 6 * 3_600_000],
  [10, [0, 0], 4.5 * 3_600_000],
  [5_000, [128, 0], 6 * 3_600_000],
])('the delay after %p attempts with the random bytes %p is %p ms', (attempts, bytes, delay) => {
  expect(retryDelay(attempts, () => new Uint8Array(bytes))).toBe(delay)
})
