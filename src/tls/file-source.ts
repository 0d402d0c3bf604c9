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

/** Between two looks at the files, in milliseconds. What has not changed from one to the next is taken for whole. */
const pollInterval = 2_000

/** Milliseconds before its end from which a certificate is late: whoever renews them does it twice as early. */
function renewalWarningPeriod({ info: { notBefore, notAfter } }: ServableKeyPair): number {
  return Math.min(14 * 24 * 3600_000, (notAfter - notBefore) / 6)
}

/** Reads a certificate and its key. Throws `unavailable` for what can't be served. */
export async function readKeyPair(paths: KeyPairPaths): Promise<ServableKeyPair> {
  const cert = await readText(paths.cert, 'SNAILPASS_TLS_CERT')
  const key = await readText(paths.key, 'SNAILPASS_TLS_KEY')
  return parseKeyPair({ cert, key }, paths)
}

/** What a clock says against serving it, as the end of a sentence; null for nothing. */
function validityProblem(
  { info: { notBefore, notAfter } }: ServableKeyPair,
  now: number,
): string | null {
  if (now >= notAfter) return `has expired on ${formatDate(notAfter)}`
  return now < notBefore ? `is not valid before ${formatDate(notBefore)}` : null
}

/**
 * Serves by a certificate that somebody else renews: a new one is taken once both files fit, and a bad one is reported and
 * not taken. One of the wrong time is served where there is no better one: HTTP and those who look at nothing are served
 * then, and the log says what is wrong. Throws `unavailable` for files that can't be served at all.
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
    if (problem !== null) log.error(`the certificate ${paths.cert} ${problem}: clients refuse it`)
    else if (isLate) log.warn(`the certificate ${paths.cert} ${message}: nobody has renewed it yet`)
  }
  reportValidity()

  let last = served
  const watcher = startWatching({ pollInterval, wait, log }, async () => {
    reportValidity()
    const state = await fileStateOf(files)
    const isSteady = state === last
    last = state
    if (state === served || !isSteady) return false
    const next = await readKeyPair(paths)
    // Changed while it was read: the next look sees what it has become.
    if ((await fileStateOf(files)) !== state) return false
    const now = clock()
    const nextProblem = validityProblem(next, now)
    if (nextProblem !== null && validityProblem(pair, now) === null) {
      throw new DomainError('unavailable', `the new certificate ${paths.cert} ${nextProblem}`, {
        hint: 'see that whoever renews it writes to this file, and that the clock of this machine is right',
      })
    }
    served = state
    pair = next
    isPublic = leadsToPublicRoot(next.cert)
    log.info('took a new certificate', { file: paths.cert, until: formatDate(next.info.notAfter) })
    observable.set(next)
    return true
  })

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
    throw new DomainError('unavailable', `${path} can't be read: ${errorMessage(cause)}`, {
      hint: `see that ${name} names the file, and that the user who runs snailpass may read it and look into its folder`,
      cause,
    })
  }
}
