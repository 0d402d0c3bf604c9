import { readFile } from 'node:fs/promises'
import { DomainError, reasonOf } from '../domain/errors'
import type { Clock, Wait } from '../domain/world'
import type { Log } from '../log'
import { dateOf } from './facts'
import { type Pair, type PairPaths, parsePair } from './pair'
import { leadsToPublicRoot } from './roots'
import { type CertificateSource, hold } from './source'
import { signatureOf, startLooking } from './watch'

/** Between two looks at the files, in milliseconds. What has not changed from one to the next is taken for whole. */
const pause = 2_000

/** Milliseconds before its end from which a certificate is late: whoever renews them does it twice as early. */
function lateness({ facts: { notBefore, notAfter } }: Pair): number {
  return Math.min(14 * 24 * 3600_000, (notAfter - notBefore) / 6)
}

/** Reads a certificate and its key. Throws `unavailable` for what can't be served. */
export async function readPair(paths: PairPaths): Promise<Pair> {
  const cert = await readText(paths.cert, 'SNAILPASS_TLS_CERT')
  const key = await readText(paths.key, 'SNAILPASS_TLS_KEY')
  return parsePair({ cert, key }, paths)
}

/** What a clock says against serving it, as the end of a sentence; null for nothing. */
function timeProblem({ facts: { notBefore, notAfter } }: Pair, now: number): string | null {
  if (now >= notAfter) return `has expired on ${dateOf(notAfter)}`
  return now < notBefore ? `is not valid before ${dateOf(notBefore)}` : null
}

/**
 * Serves by a certificate that somebody else renews: a new one is taken once both files fit, and a bad one is reported and
 * not taken. One of the wrong time is served where there is no better one: HTTP and those who look at nothing are served
 * then, and the log says what is wrong. Throws `unavailable` for files that can't be served at all.
 */
export async function startFiles(
  paths: PairPaths,
  { clock, wait, log }: { readonly clock: Clock; readonly wait: Wait; readonly log: Log },
): Promise<CertificateSource> {
  const files = [paths.cert, paths.key]
  let served = await signatureOf(files)
  let pair = await readPair(paths)
  let isPublic = leadsToPublicRoot(pair.cert)
  const held = hold(pair)
  let told: string | null = null
  const tellTime = () => {
    const now = clock()
    const problem = timeProblem(pair, now)
    const isLate = pair.facts.notAfter - now < lateness(pair)
    const news = problem ?? (isLate ? `expires on ${dateOf(pair.facts.notAfter)}` : null)
    if (news === told) return
    told = news
    if (problem !== null) log.error(`the certificate ${paths.cert} ${problem}: clients refuse it`)
    else if (isLate) log.warn(`the certificate ${paths.cert} ${news}: nobody has renewed it yet`)
  }
  tellTime()

  let last = served
  const looking = startLooking({ pause, wait, log }, async () => {
    tellTime()
    const signature = await signatureOf(files)
    const isSteady = signature === last
    last = signature
    if (signature === served || !isSteady) return false
    const next = await readPair(paths)
    // Changed while it was read: the next look sees what it has become.
    if ((await signatureOf(files)) !== signature) return false
    const now = clock()
    const nextProblem = timeProblem(next, now)
    if (nextProblem !== null && timeProblem(pair, now) === null) {
      throw new DomainError('unavailable', `the new certificate ${paths.cert} ${nextProblem}`, {
        hint: 'see that whoever renews it writes to this file, and that the clock of this machine is right',
      })
    }
    served = signature
    pair = next
    isPublic = leadsToPublicRoot(next.cert)
    log.info('took a new certificate', { file: paths.cert, until: dateOf(next.facts.notAfter) })
    held.take(next)
    return true
  })

  return {
    current: held.current,
    subscribe: held.subscribe,
    isPublic: () => isPublic,
    stop: looking.stop,
  }
}

async function readText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DomainError('unavailable', `${path} can't be read: ${reasonOf(cause)}`, {
      hint: `see that ${name} names the file, and that the user who runs snailpass may read it and look into its folder`,
      cause,
    })
  }
}
