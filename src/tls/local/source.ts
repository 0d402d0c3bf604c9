import type { RunningCertificateSource } from '../../domain/certificates'
import { DomainError, hintField } from '../../domain/errors'
import type { Clock, MonotonicClock, Random, Wait } from '../../domain/runtime'
import { formatDate } from '../../domain/text'
import type { Log } from '../../log'
import { createObservableKeyPair } from '../source'
import { fileStateOf, startWatching } from '../watch'
import { type Authority, createAuthority, findAuthority, notYetValidError } from './authority'
import { type TlsFolder, translateTlsFolderErrors, withTlsFolderLock } from './folder'
import {
  findLeaf,
  findRenewalReason,
  issueLeaf,
  keepAuthority,
  type Leaf,
  type RenewalReason,
  saveAuthority,
  saveLeaf,
} from './leaf'
import { constraintsFor, isPermitted, listUnpermittedNames } from './names'

/** The names that the certificate of this machine needs, each in the form of `parseName`. */
export interface WantedNames {
  /** The host name of the system. */
  readonly hostname: string
  /** Names and IP addresses of the machine. Those that the CA does not permit are left out of the certificate. */
  readonly own: readonly string[]
  /** Names that the operator asked for. One that the CA does not permit is refused. */
  readonly requested: readonly string[]
}

export interface LocalDeps {
  readonly folder: TlsFolder
  /** Called for each check, since the addresses of a machine change. */
  readonly wanted: () => WantedNames
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
}

/** The CA and the certificate of a folder, and which of them were just created. */
export interface LocalCertificates {
  readonly authority: Authority
  readonly leaf: Leaf
  readonly isNewAuthority: boolean
  /** Why the certificate was issued; null if it existed. */
  readonly renewalReason: RenewalReason | 'asked' | null
  /** Names of this machine that the CA does not permit. */
  readonly unpermittedNames: readonly string[]
}

/**
 * Returns the CA and a certificate for the wanted names, and creates what is missing. `renew` creates one of them in any case.
 * Throws a DomainError.
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
      throw new DomainError('unavailable', `${folder.authorityCert} is missing`, {
        hint: 'restore it from a copy before you restart the server, which would create a new certificate authority that every device has to install',
      })
    }
    const premature = found === null ? null : notYetValidError(found, clock())
    // Devices would reject the certificate, so the operator who asks for one gets an error.
    if (renew === 'leaf' && premature !== null) throw premature
    const constraints = found?.constraints ?? constraintsFor(wanted.hostname, wanted.requested)
    // Checked before anything is created.
    for (const name of wanted.requested)
      requirePermitted(name, isPermitted(name, constraints), found)
    const isNewKey = renew === 'authority'
    const authority = found ?? (await createAuthority(folder, { ...wanted, isNewKey }, deps))
    const permitted = (name: string) => isPermitted(name, authority.constraints)
    const needed = [...new Set([...wanted.own, ...wanted.requested])].filter(permitted)
    // A new CA did not issue the certificate that is there.
    const previous = renew === null && found !== null ? findLeaf(folder, found) : null
    const reason =
      renew === null ? findRenewalReason(previous, needed, authority, clock()) : ('asked' as const)
    const kept = reason === 'names' ? previous : null
    const leaf =
      previous === null || reason !== null
        ? await issueLeaf(folder, authority, { needed, previous: kept, now: clock() }, random)
        : previous
    if (found === null) saveAuthority(folder, authority, leaf)
    else if (leaf !== previous) saveLeaf(folder, leaf)
    if (renew === 'authority') keepAuthority(folder)
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

/** Throws `invalid` for a requested name that the CA does not permit. */
function requirePermitted(name: string, isAllowed: boolean, found: Authority | null): void {
  if (isAllowed) return
  const isPublic = name.includes('.')
  throw new DomainError(
    'invalid',
    `SNAILPASS_TLS_NAMES contains ${name}, which the local certificate authority does not permit`,
    {
      hint:
        isPublic || found === null
          ? 'use a name of your own network, such as pi.home.arpa or 192.168.1.5; for a name on the internet, use a certificate of your own with SNAILPASS_TLS=files'
          : `write it as ${name}.local, or create a new certificate authority with \`snailpass tls renew --authority\`, which every device has to install`,
    },
  )
}

/** A source that issues its certificates itself. */
export interface LocalSource extends RunningCertificateSource {
  /** The CA that issued the current certificate. */
  authority(): Authority
}

/** Milliseconds before the CA expires from which the log warns, since the next one must be installed on every device. */
export const authorityWarningPeriod = 180 * 24 * 3600_000

/** Milliseconds between two checks of the files, and between two checks of names and expiry. */
const pollInterval = 2_000
const reviewInterval = 60_000

/**
 * Serves a certificate of the local CA; both are created if they are missing. Subscribers get a new certificate when the files
 * are replaced, when a name is missing, and before the certificate expires. Throws a DomainError if the first certificate
 * can't be loaded or issued.
 */
export async function startLocalSource(
  deps: LocalDeps & { readonly monotonicClock: MonotonicClock; readonly log: Log },
): Promise<LocalSource> {
  const { folder, clock, monotonicClock, wait, log } = deps
  const first = await ensureLocalCertificates(deps)
  let { authority } = first
  const observable = createObservableKeyPair(first.leaf)
  const report = createReporter(clock, log)
  report(first)

  const files = [folder.authorityCert, folder.authorityKey, folder.leaf]
  let seen = await fileStateOf(files)
  let reviewed = monotonicClock()
  const options = { name: 'certificate renewal', pollInterval, wait, log }
  const watcher = startWatching(options, async (isAsked) => {
    const state = await translateTlsFolderErrors(folder.path, () => fileStateOf(files))
    const now = monotonicClock()
    if (!isAsked && state === seen && now - reviewed < reviewInterval) return false
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
    // Only devices that have the CA installed trust it.
    isPubliclyTrusted: () => false,
    authority: () => authority,
    checkNow: watcher.checkNow,
    stop: watcher.stop,
  }
}

/** Returns a function that logs what was created and what is wrong. It logs each problem once for as long as it lasts. */
function createReporter(clock: Clock, log: Log): (certificates: LocalCertificates) => void {
  let reportedNames = ''
  let reportedExpiry: number | null = null
  let reportedStart: number | null = null
  return ({ authority, leaf, isNewAuthority, renewalReason, unpermittedNames }) => {
    const { info } = authority
    if (isNewAuthority) {
      log.info('created certificate authority; install it from /ca', { sha256: info.sha256 })
    }
    if (renewalReason !== null) {
      const { names, notAfter } = leaf.info
      log.info('issued a certificate', { names: names.join(', '), until: formatDate(notAfter) })
    }
    if (info.notAfter - clock() < authorityWarningPeriod && info.notAfter !== reportedExpiry) {
      reportedExpiry = info.notAfter
      log.warn(
        'the certificate authority expires soon: create a new one with `snailpass tls renew --authority`, which every device has to install',
        { until: formatDate(info.notAfter) },
      )
    }
    const premature = notYetValidError(authority, clock())
    if (premature !== null && info.notBefore !== reportedStart) {
      reportedStart = info.notBefore
      log.error(premature.message, undefined, hintField(premature))
    }
    const missing = unpermittedNames.join(', ')
    if (missing !== '' && missing !== reportedNames) {
      log.warn(
        'this machine has a new name, which its certificate authority does not permit: create a new one with `snailpass tls renew --authority`, which every device has to install',
        { names: missing },
      )
    }
    reportedNames = missing
  }
}
