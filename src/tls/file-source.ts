import { readFile } from 'node:fs/promises'
import type { RunningCertificateSource } from '../domain/certificates'
import { DomainError, errorMessage } from '../domain/errors'
import type { Clock, Wait } from '../domain/runtime'
import { formatDate } from '../domain/text'
import type { Log } from '../log'
import { type KeyPairPaths, parseKeyPair, type ServableKeyPair } from './key-pair'
import { leadsToPublicRoot } from './roots'
import { createObservableKeyPair } from './source'
import { fileStateOf, startWatching } from './watch'

/** Milliseconds between two checks of the files. Files that two checks find unchanged count as completely written. */
const pollInterval = 2_000

/**
 * Returns the milliseconds before expiry from which a certificate that was not renewed gets a warning. ACME clients renew
 * twice as early.
 */
function renewalWarningPeriod({ info: { notBefore, notAfter } }: ServableKeyPair): number {
  return Math.min(14 * 24 * 3600_000, (notAfter - notBefore) / 6)
}

/** Reads a certificate and its key. Throws `unavailable` if a server can't use them. */
export async function readKeyPair(paths: KeyPairPaths): Promise<ServableKeyPair> {
  const cert = await readText(paths.cert, 'SNAILPASS_TLS_CERT')
  const key = await readText(paths.key, 'SNAILPASS_TLS_KEY')
  return parseKeyPair({ cert, key }, paths)
}

/** Returns why a certificate is not valid at a time, as the end of a sentence; null if it is valid. */
function validityProblem(
  { info: { notBefore, notAfter } }: ServableKeyPair,
  now: number,
): string | null {
  if (now >= notAfter) return `expired on ${formatDate(notAfter)}`
  return now < notBefore ? `is not valid before ${formatDate(notBefore)}` : null
}

/**
 * Serves a certificate from files that another program renews. Changed files are loaded once they fit together; files that
 * can't be used are logged and ignored. A certificate that is not valid at this time is served if there is no valid one: a
 * server that runs can still answer over HTTP. Throws `unavailable` if the files can't be used at the start.
 */
export async function startFileSource(
  paths: KeyPairPaths,
  { clock, wait, log }: { readonly clock: Clock; readonly wait: Wait; readonly log: Log },
): Promise<RunningCertificateSource> {
  const files = [paths.cert, paths.key]
  let served = await fileStateOf(files)
  let pair = await readKeyPair(paths)
  let isPublic = leadsToPublicRoot(pair.cert)
  const observable = createObservableKeyPair(pair)
  let reported: string | null = null
  const reportValidity = () => {
    const now = clock()
    const problem = validityProblem(pair, now)
    const isLate = pair.info.notAfter - now < renewalWarningPeriod(pair)
    const message = problem ?? (isLate ? `expires on ${formatDate(pair.info.notAfter)}` : null)
    if (message === reported) return
    reported = message
    if (problem !== null) log.error(`the certificate ${paths.cert} ${problem}: clients reject it`)
    else if (isLate) log.warn(`the certificate ${paths.cert} ${message} and has not been renewed`)
  }
  reportValidity()

  let last = served
  const watcher = startWatching(
    { name: 'certificate reload', pollInterval, wait, log },
    async () => {
      reportValidity()
      const state = await fileStateOf(files)
      const isSteady = state === last
      last = state
      if (state === served || !isSteady) return false
      const next = await readKeyPair(paths)
      // If the files changed while they were read, the next check reads them again.
      if ((await fileStateOf(files)) !== state) return false
      const now = clock()
      const nextProblem = validityProblem(next, now)
      if (nextProblem !== null && validityProblem(pair, now) === null) {
        throw new DomainError('unavailable', `the new certificate ${paths.cert} ${nextProblem}`, {
          hint: 'check that the program which renews it writes to this file, and that the clock of this machine is right',
        })
      }
      served = state
      pair = next
      isPublic = leadsToPublicRoot(next.cert)
      log.info('loaded a new certificate', {
        file: paths.cert,
        until: formatDate(next.info.notAfter),
      })
      observable.set(next)
      return true
    },
  )

  return {
    current: observable.current,
    subscribe: observable.subscribe,
    isPubliclyTrusted: () => isPublic,
    stop: watcher.stop,
  }
}

async function readText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DomainError('unavailable', `can't read ${path}: ${errorMessage(cause)}`, {
      hint: `check that ${name} names the file, and that the user who runs snailpass may read it and its folder`,
      cause,
    })
  }
}
