import type { RunningCertificateSource } from '../../domain/certificates'
import { DomainError } from '../../domain/errors'
import type { Clock, Random, Wait } from '../../domain/runtime'
import { formatDate } from '../../domain/text'
import type { Log } from '../../log'
import { createObservableKeyPair } from '../source'
import { fileStateOf, startWatching } from '../watch'
import { type Authority, createAuthority, findAuthority, notYetValidError } from './authority'
import { type TlsFolder, translateTlsFolderErrors, withTlsFolderLock } from './folder'
import { findLeaf, findRenewalReason, issueLeaf, type Leaf, type RenewalReason } from './leaf'
import { constraintsFor, isPermitted, listUnpermittedNames } from './names'

/** What a certificate of this machine is to be for, each as `parseName` writes it. */
export interface WantedNames {
  /** As the system has it. */
  readonly hostname: string
  /** Names and addresses by which the machine may be reached; those that the authority can't speak for are left out. */
  readonly own: readonly string[]
  /** Names that an operator has asked for; one that the authority can't speak for is refused. */
  readonly requested: readonly string[]
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
export interface LocalCertificates {
  readonly authority: Authority
  readonly leaf: Leaf
  readonly isNewAuthority: boolean
  /** Why the leaf was made; null for one that was there. */
  readonly renewalReason: RenewalReason | 'asked' | null
  /** Names of this machine that the authority can't speak for. */
  readonly unpermittedNames: readonly string[]
}

/**
 * Sees to it that there are an authority and a leaf for what is wanted, and makes what is missing. `renew` has one of them
 * made in any case. Throws a DomainError.
 */
export async function ensureLocalCertificates(
  deps: LocalDeps,
  options: { readonly renew?: 'leaf' | 'authority'; readonly canCreateAuthority?: boolean } = {},
): Promise<LocalCertificates> {
  const { folder, clock, random, wait } = deps
  const { renew = null, canCreateAuthority = true } = options
  return await withTlsFolderLock(folder, wait, async () => {
    const wanted = deps.wanted()
    const found = renew === 'authority' ? null : await findAuthority(folder)
    if (found === null && !canCreateAuthority) {
      throw new DomainError('unavailable', `${folder.authorityCert} is gone`, {
        hint: 'put it back from a copy before the server is started again: it would make a new authority, which every device has to install',
      })
    }
    const premature = found === null ? null : notYetValidError(found, clock())
    // Whoever asks for a certificate is to know that no device would take it.
    if (renew === 'leaf' && premature !== null) throw premature
    const constraints = found?.constraints ?? constraintsFor(wanted.hostname, wanted.requested)
    // Before anything is made for them.
    for (const name of wanted.requested)
      requirePermitted(name, isPermitted(name, constraints), found)
    const isNewKey = renew === 'authority'
    const authority = found ?? (await createAuthority(folder, { ...wanted, isNewKey }, deps))
    const permitted = (name: string) => isPermitted(name, authority.constraints)
    const needed = [...new Set([...wanted.own, ...wanted.requested])].filter(permitted)
    // Of another authority, where that was made just now: its leaf has gone with it.
    const previous = renew === null ? findLeaf(folder, authority) : null
    const reason =
      renew === null ? findRenewalReason(previous, needed, authority, clock()) : ('asked' as const)
    const kept = reason === 'names' ? previous : null
    const leaf =
      previous === null || reason !== null
        ? await issueLeaf(folder, authority, { needed, previous: kept, now: clock() }, random)
        : previous
    const unpermittedNames = listUnpermittedNames(wanted.hostname, authority.constraints)
    return {
      authority,
      leaf,
      isNewAuthority: found === null,
      renewalReason: reason,
      unpermittedNames,
    }
  })
}

/** Throws `invalid` for a name that an authority can't speak for. */
function requirePermitted(name: string, isAllowed: boolean, found: Authority | null): void {
  if (isAllowed) return
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
export interface LocalSource extends RunningCertificateSource {
  /** Who has made what is served. */
  authority(): Authority
}

/** Before the end of an authority, every device must be given the next one: so long before it the log says so. Milliseconds. */
export const authorityWarningPeriod = 180 * 24 * 3600_000

/** Between two looks at the files, and between two at names and time, in milliseconds. */
const pollInterval = 2_000
const reviewInterval = 60_000

/**
 * Serves by a certificate of this machine's own authority, which is made where there is none, and looks after both: whoever
 * replaces the files, and whenever a name is missing or the time comes, listeners get another one. Throws a DomainError.
 */
export async function startLocalSource(
  deps: LocalDeps & { readonly log: Log },
): Promise<LocalSource> {
  const { folder, clock, wait, log } = deps
  const first = await ensureLocalCertificates(deps)
  let { authority } = first
  const observable = createObservableKeyPair(first.leaf)
  let reportedNames: string | null = null
  let reportedExpiry: number | null = null
  let reportedStart: number | null = null
  const report = (prepared: LocalCertificates) => {
    const { info } = prepared.authority
    if (prepared.isNewAuthority) {
      log.info('made a certificate authority: /ca helps to install it', { sha256: info.sha256 })
    }
    if (prepared.renewalReason !== null) {
      const { names, notAfter } = prepared.leaf.info
      log.info('made a certificate', { names: names.join(', '), until: formatDate(notAfter) })
    }
    if (info.notAfter - clock() < authorityWarningPeriod && info.notAfter !== reportedExpiry) {
      reportedExpiry = info.notAfter
      log.warn(
        'the certificate authority expires: `snailpass tls renew --authority` makes a new one, which every device has to install',
        { until: formatDate(info.notAfter) },
      )
    }
    const premature = notYetValidError(prepared.authority, clock())
    if (premature !== null && info.notBefore !== reportedStart) {
      reportedStart = info.notBefore
      log.error(premature.message, undefined, { hint: premature.hint ?? '' })
    }
    const missing = prepared.unpermittedNames.join(', ')
    if (missing !== '' && missing !== reportedNames) {
      log.warn(
        'the name of this machine has changed, and its authority does not speak for the new one: `snailpass tls renew --authority` makes another, which every device has to install',
        { names: missing },
      )
    }
    reportedNames = missing
  }
  report(first)

  const files = [folder.authorityCert, folder.authorityKey, folder.leaf]
  let seen = await fileStateOf(files)
  let reviewed = clock()
  const watcher = startWatching({ pollInterval, wait, log }, async () => {
    const state = await translateTlsFolderErrors(folder.path, () => fileStateOf(files))
    const now = clock()
    // A clock that was set back must not keep us from it.
    if (state === seen && Math.abs(now - reviewed) < reviewInterval) return false
    seen = state
    reviewed = now
    const prepared = await ensureLocalCertificates(deps, { canCreateAuthority: false })
    report(prepared)
    authority = prepared.authority
    observable.set(prepared.leaf)
    seen = await fileStateOf(files)
    return true
  })

  return {
    current: observable.current,
    subscribe: observable.subscribe,
    // Of those who have installed it alone.
    isPubliclyTrusted: () => false,
    authority: () => authority,
    stop: watcher.stop,
  }
}
