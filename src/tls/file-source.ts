import { readFile } from 'node:fs/promises'
import type { RunningCertificateSource } from '../domain/certificates'
import { DomainError, errorMessage } from '../domain/errors'
import type { Clock, Wait } from '../domain/runtime'
import { formatDate } from '../domain/text'
import { asCallerDuring } from '../files/working-user'
import type { Log } from '../log'
import { reviewCertificate } from './certificate-problems'
import { type KeyPairPaths, parseKeyPair, type ServableKeyPair } from './key-pair'
import { decodeText } from './pem'
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

interface FileSourceDeps {
  /** The host of the public URL, in the form of `parseName`; null if there is none that this certificate has to be for. */
  readonly publicName: string | null
  readonly clock: Clock
  readonly wait: Wait
  readonly log: Log
}

/**
 * Serves a certificate from files that another program renews. Changed files are loaded once they fit together; files that
 * can't be used are logged and ignored. A certificate that clients reject is served, with a warning, unless it would replace
 * one that is valid now by one that is not: a server that runs can still answer over HTTP. Throws `unavailable` if the files
 * can't be used at the start.
 */
export async function startFileSource(
  paths: KeyPairPaths,
  { publicName, clock, wait, log }: FileSourceDeps,
): Promise<RunningCertificateSource> {
  const files = [paths.cert, paths.key]
  const load = async () => {
    const pair = await readKeyPair(paths)
    return { pair, ...reviewCertificate(pair, { file: paths.cert, publicName }) }
  }
  let served = await fileStateOf(files)
  let current = await load()
  const observable = createObservableKeyPair(current.pair)
  let reported: string | null = null
  const reportValidity = () => {
    const now = clock()
    const { notAfter } = current.pair.info
    const problem = current.findValidityProblem(now)
    const isLate = notAfter - now < renewalWarningPeriod(current.pair)
    const message = problem ?? (isLate ? `expires on ${formatDate(notAfter)}` : null)
    if (message === reported) return
    reported = message
    if (problem !== null) log.error(`the certificate ${paths.cert} ${problem}: clients reject it`)
    else if (isLate) log.warn(`the certificate ${paths.cert} ${message} and has not been renewed`)
  }
  const reportProblems = () => {
    for (const { what, why, fix } of current.problems) log.warn(`${what}: ${why}`, { hint: fix })
  }
  reportValidity()
  reportProblems()

  let last = served
  const watcher = startWatching(
    { name: 'certificate reload', pollInterval, wait, log },
    async (isAsked) => {
      reportValidity()
      const state = await fileStateOf(files)
      // A program that asks for it has written both files.
      const isSteady = isAsked || state === last
      last = state
      if (state === served || !isSteady) return false
      const next = await load()
      // If the files changed while they were read, the next check reads them again.
      if ((await fileStateOf(files)) !== state) return false
      const now = clock()
      const nextProblem = next.findValidityProblem(now)
      if (nextProblem !== null && current.findValidityProblem(now) === null) {
        throw new DomainError('unavailable', `the new certificate ${paths.cert} ${nextProblem}`, {
          hint: 'check that the program which renews it writes to this file, and that the clock of this machine is right',
        })
      }
      served = state
      current = next
      log.info('loaded a new certificate', {
        file: paths.cert,
        until: formatDate(next.pair.info.notAfter),
      })
      reportProblems()
      observable.set(next.pair)
      return true
    },
  )

  return {
    current: observable.current,
    subscribe: observable.subscribe,
    isPubliclyTrusted: () => current.isPubliclyTrusted,
    checkNow: watcher.checkNow,
    stop: watcher.stop,
  }
}

async function readText(path: string, name: string): Promise<string> {
  try {
    return decodeText(await asCallerDuring(() => readFile(path)))
  } catch (cause) {
    throw new DomainError('unavailable', `can't read ${path}: ${errorMessage(cause)}`, {
      hint: `check that ${name} names the file, and that the user who runs snailpass may read it and its folder`,
      cause,
    })
  }
}
