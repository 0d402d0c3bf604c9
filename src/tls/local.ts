import { DomainError } from '../domain/errors'
import type { Clock, Random, Wait } from '../domain/world'
import type { Log } from '../log'
import { type Authority, findAuthority, makeAuthority, prematureAuthority } from './authority'
import { dateOf } from './facts'
import { findLeaf, type Leaf, makeLeaf, type Reason, reasonForNew } from './leaf'
import { constraintsFor, isPermitted, unspokenNames } from './names'
import { type CertificateSource, hold } from './source'
import { alone, explained, type TlsFolder } from './tls-folder'
import { signatureOf, startLooking } from './watch'

/** What a certificate of this machine is to be for, each as `parseName` writes it. */
export interface WantedNames {
  /** As the system has it. */
  readonly hostname: string
  /** Names and addresses by which the machine may be reached; those that the authority can't speak for are left out. */
  readonly own: readonly string[]
  /** Names that an operator has asked for; one that the authority can't speak for is refused. */
  readonly asked: readonly string[]
}

export interface LocalDeps {
  readonly folder: TlsFolder
  /** Asked again and again: a machine gets new addresses. */
  readonly wanted: () => WantedNames
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
}

/** What there is, and what of it was made just now. */
export interface Prepared {
  readonly authority: Authority
  readonly leaf: Leaf
  readonly madeAuthority: boolean
  /** Why the leaf was made; null for one that was there. */
  readonly madeLeaf: Reason | 'asked' | null
  /** Names of this machine that the authority can't speak for. */
  readonly missing: readonly string[]
}

/**
 * Sees to it that there are an authority and a leaf for what is wanted, and makes what is missing. `renew` has one of them
 * made in any case. Throws a DomainError.
 */
export async function prepareLocal(
  deps: LocalDeps,
  options: { readonly renew?: 'leaf' | 'authority'; readonly mayMakeAuthority?: boolean } = {},
): Promise<Prepared> {
  const { folder, clock, random, wait } = deps
  const { renew = null, mayMakeAuthority = true } = options
  return await alone(folder, wait, async () => {
    const wanted = deps.wanted()
    const found = renew === 'authority' ? null : await findAuthority(folder)
    if (found === null && !mayMakeAuthority) {
      throw new DomainError('unavailable', `${folder.authorityCert} is gone`, {
        hint: 'put it back from a copy before the server is started again: it would make a new authority, which every device has to install',
      })
    }
    const premature = found === null ? null : prematureAuthority(found, clock())
    // Whoever asks for a certificate is to know that no device would take it.
    if (renew === 'leaf' && premature !== null) throw premature
    const constraints = found?.constraints ?? constraintsFor(wanted.hostname, wanted.asked)
    // Before anything is made for them.
    for (const name of wanted.asked) requirePermitted(name, isPermitted(name, constraints), found)
    const isNewKey = renew === 'authority'
    const authority = found ?? (await makeAuthority(folder, { ...wanted, newKey: isNewKey }, deps))
    const permitted = (name: string) => isPermitted(name, authority.constraints)
    const needed = [...new Set([...wanted.own, ...wanted.asked])].filter(permitted)
    // Of another authority, where that was made just now: its leaf has gone with it.
    const former = renew === null ? findLeaf(folder, authority) : null
    const reason =
      renew === null ? reasonForNew(former, needed, authority, clock()) : ('asked' as const)
    const kept = reason === 'names' ? former : null
    const leaf =
      former === null || reason !== null
        ? await makeLeaf(folder, authority, { needed, former: kept, now: clock() }, random)
        : former
    const missing = unspokenNames(wanted.hostname, authority.constraints)
    return { authority, leaf, madeAuthority: found === null, madeLeaf: reason, missing }
  })
}

/** Throws `invalid` for a name that an authority can't speak for. */
function requirePermitted(name: string, isOne: boolean, found: Authority | null): void {
  if (isOne) return
  const isPublic = name.includes('.')
  throw new DomainError(
    'invalid',
    `SNAILPASS_TLS_NAMES holds ${name}, which the local authority can't speak for`,
    {
      hint:
        isPublic || found === null
          ? 'name what belongs to your network, as pi.home.arpa or 192.168.1.5; for a name of the internet, bring a certificate with SNAILPASS_TLS=files'
          : `write it as ${name}.local; or have a new authority made, which every device has to install: \`snailpass tls renew --authority\``,
    },
  )
}

/** A source that makes its certificates itself. */
export interface LocalSource extends CertificateSource {
  /** Who has made what is served. */
  authority(): Authority
}

/** Before the end of an authority, every device must be given the next one: so long before it the log says so. Milliseconds. */
export const authorityLate = 180 * 24 * 3600_000

/** Between two looks at the files, and between two at names and time, in milliseconds. */
const pause = 2_000
const review = 60_000

/**
 * Serves by a certificate of this machine's own authority, which is made where there is none, and looks after both: whoever
 * replaces the files, and whenever a name is missing or the time comes, listeners get another one. Throws a DomainError.
 */
export async function startLocal(deps: LocalDeps & { readonly log: Log }): Promise<LocalSource> {
  const { folder, clock, wait, log } = deps
  const first = await prepareLocal(deps)
  let { authority } = first
  const held = hold(first.leaf)
  let reported: string | null = null
  let endTold: number | null = null
  let beginTold: number | null = null
  const report = (prepared: Prepared) => {
    const { facts } = prepared.authority
    if (prepared.madeAuthority) {
      log.info('made a certificate authority: /ca helps to install it', { sha256: facts.sha256 })
    }
    if (prepared.madeLeaf !== null) {
      const { names, notAfter } = prepared.leaf.facts
      log.info('made a certificate', { names: names.join(', '), until: dateOf(notAfter) })
    }
    if (facts.notAfter - clock() < authorityLate && facts.notAfter !== endTold) {
      endTold = facts.notAfter
      log.warn(
        'the certificate authority expires: `snailpass tls renew --authority` makes a new one, which every device has to install',
        { until: dateOf(facts.notAfter) },
      )
    }
    const premature = prematureAuthority(prepared.authority, clock())
    if (premature !== null && facts.notBefore !== beginTold) {
      beginTold = facts.notBefore
      log.error(premature.message, undefined, { hint: premature.hint ?? '' })
    }
    const missing = prepared.missing.join(', ')
    if (missing !== '' && missing !== reported) {
      log.warn(
        'the name of this machine has changed, and its authority does not speak for the new one: `snailpass tls renew --authority` makes another, which every device has to install',
        { names: missing },
      )
    }
    reported = missing
  }
  report(first)

  const files = [folder.authorityCert, folder.authorityKey, folder.leaf]
  let seen = await signatureOf(files)
  let reviewed = clock()
  const looking = startLooking({ pause, wait, log }, async () => {
    const signature = await explained(folder.path, () => signatureOf(files))
    const now = clock()
    // A clock that was set back must not keep us from it.
    if (signature === seen && Math.abs(now - reviewed) < review) return false
    seen = signature
    reviewed = now
    const prepared = await prepareLocal(deps, { mayMakeAuthority: false })
    report(prepared)
    authority = prepared.authority
    held.take(prepared.leaf)
    seen = await signatureOf(files)
    return true
  })

  return {
    current: held.current,
    subscribe: held.subscribe,
    // Of those who have installed it alone.
    isPublic: () => false,
    authority: () => authority,
    stop: looking.stop,
  }
}
