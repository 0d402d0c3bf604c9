import { reasonOf } from '../domain/errors'
import type { LeasedLetter } from '../domain/outbox'
import type { Store } from '../domain/store'
import type { Tokens } from '../domain/tokens'
import type { Clock, Random, Wait } from '../domain/world'
import type { Log } from '../log'
import { type RenderedLetter, renderConfirmationLetter, renderInvitationLetter } from './letter'
import { MailFault, type MailTransport } from './transport'

const minute = 60_000
const hour = 60 * minute

/** How long an attempt may take; a server that drips its answers would keep the others waiting. */
const longestAttempt = 6 * minute

/** Longer than an attempt can take: nobody else takes the letter up while it is under way. */
const leaseTime = 7 * minute

/** The pause after the first failed attempt doubles with each further one, up to the longest. */
const firstPause = minute
const longestPause = 6 * hour

/** A letter that could not be handed over for so long is dead; and not before so many attempts, for a clock may leap. */
const longestLife = 48 * hour
const fewestAttempts = 8

/** How long the relay sleeps at most: letters of other servers' accounts come without a wake-up. */
const longestSleep = 30_000
const shortestSleep = 1_000

export interface Relay {
  /** Has it look into the outbox now. */
  wake(): void
  /**
   * Takes no further letter, and waits for the one under way for at most so many milliseconds. False when it is
   * still under way: its lease ends by itself.
   */
  stop(patience: number): Promise<boolean>
}

/**
 * Empties the outbox, one letter at a time, for as long as it is not stopped. A letter goes from the outbox once the
 * mail server has taken it: a crash in between is the one way in which it is sent twice.
 */
export function startRelay(deps: {
  store: Store
  transport: MailTransport
  tokens: Tokens
  clock: Clock
  random: Random
  wait: Wait
  log: Log
  /** Life of a link, in minutes. */
  linkMinutes: number
}): Relay {
  const { store, clock, random, log } = deps
  const stopping = new AbortController()
  let sleeper = new AbortController()
  let isWoken = false

  const sleep = async (milliseconds: number): Promise<void> => {
    sleeper = new AbortController()
    const signal = AbortSignal.any([sleeper.signal, stopping.signal])
    // Either way it is time to look.
    await deps.wait(milliseconds, signal).catch(() => {})
  }

  /** Letters that were handed over while the database could not be told: they must not go out again. */
  const handedOver = new Set<string>()

  const attempt = async (letter: LeasedLetter): Promise<void> => {
    if (!handedOver.has(letter.id) && !(await isHandedOver(letter))) return
    handedOver.add(letter.id)
    await store.write((scope) => scope.outbox.delete(letter))
    handedOver.delete(letter.id)
    log.info('letter sent', { letter: letter.id, attempts: letter.attempts })
  }

  const isHandedOver = async (letter: LeasedLetter): Promise<boolean> => {
    try {
      const rendered = await render(letter, deps)
      const id = `${letter.id}.${letter.attempts}`
      await inTime(deps.transport.send({ ...rendered, to: letter.email, id }))
      return true
    } catch (error) {
      await fail(letter, error)
      return false
    }
  }

  const inTime = async (sending: Promise<unknown>): Promise<void> => {
    const timer = new AbortController()
    const late = deps.wait(longestAttempt, timer.signal).then(() => {
      throw new Error('the mail server took longer than six minutes')
    })
    // Whichever is second is nobody's any more.
    for (const either of [sending, late]) either.catch(() => {})
    await Promise.race([sending, late]).finally(() => timer.abort())
  }

  const fail = async (letter: LeasedLetter, error: unknown): Promise<void> => {
    const now = clock()
    const reason = reasonOf(error)
    const isTooOld = now - letter.creationTime >= longestLife && letter.attempts >= fewestAttempts
    const isDead = isTooOld || (error instanceof MailFault && error.isPermanent)
    // Mail servers repeat the address, which is nobody's but its owner's.
    const told = reason.replaceAll(letter.email, 'the address')
    const fields = { letter: letter.id, attempts: letter.attempts, reason: told }
    if (isDead) {
      await store.write((scope) => scope.outbox.bury(letter, reason))
      log.error('letter given up', undefined, fields)
      return
    }
    const nextTime = now + pauseAfter(letter.attempts, random)
    await store.write((scope) => scope.outbox.postpone(letter, { nextTime, reason }))
    log.warn('letter not sent yet', fields)
  }

  /** One letter, if one is due. Answers how long nothing is to be done. */
  const turn = async (): Promise<number> => {
    const now = clock()
    const lease = {
      id: random(16).toHex(),
      now,
      until: now + leaseTime,
      latest: now + 2 * longestPause,
    }
    const letter = await store.write((scope) => scope.outbox.lease(lease))
    if (letter !== null) {
      await attempt(letter)
      return 0
    }
    const next = await store.read((scope) => scope.outbox.findNextTime())
    if (next === null) return longestSleep
    // What is due and could not be had is in somebody else's hands for a moment.
    return Math.min(longestSleep, Math.max(shortestSleep, next - clock()))
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      isWoken = false
      let pause: number
      try {
        pause = await turn()
      } catch (error) {
        // A database that is away comes back, and the lease of a letter under way ends.
        log.warn(`the outbox is out of reach at present: ${reasonOf(error)}`)
        pause = longestSleep
      }
      if (pause > 0 && !isWoken && !stopping.signal.aborted) await sleep(pause)
    }
  }
  const running = run()

  return {
    wake() {
      isWoken = true
      sleeper.abort()
    },
    async stop(patience) {
      stopping.abort()
      const timer = new AbortController()
      const late = deps.wait(patience, timer.signal).then(
        () => false,
        () => true,
      )
      const isOver = await Promise.race([running.then(() => true), late])
      timer.abort()
      return isOver
    },
  }
}

async function render(
  letter: LeasedLetter,
  { tokens, linkMinutes }: { tokens: Tokens; linkMinutes: number },
): Promise<RenderedLetter> {
  const { email, baseUrl } = letter
  switch (letter.kind) {
    case 'confirmation': {
      const claims = { purpose: 'confirmation', userId: letter.userId, email } as const
      const token = await tokens.issue(claims, linkMinutes * 60)
      const link = new URL(`confirm/${token}`, baseUrl).href
      return renderConfirmationLetter({ email, link, minutes: linkMinutes })
    }
    case 'invitation':
      return renderInvitationLetter({ email, address: baseUrl })
  }
}

/** Half of each pause is chance, so that a crowd of letters does not come back as a crowd. Milliseconds. */
export function pauseAfter(attempts: number, random: Random): number {
  const pause = Math.min(longestPause, firstPause * 2 ** Math.min(attempts - 1, 20))
  const [high = 0, low = 0] = random(2)
  return Math.round(pause * (0.75 + ((high * 256 + low) / 65_536) * 0.5))
}
