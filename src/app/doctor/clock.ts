import { findDatabaseTime } from '../../database/database-time'
import { formatCount } from '../../domain/text'
import { clockHint, readClockWatch } from '../clock'
import type { Targets } from '../targets'
import type { Finding, Outcome } from './findings'
import { setClockCommand } from './system-commands'

/**
 * How far this clock may differ from that of the database, in milliseconds. Servers lease emails for a minute at a time, each
 * by its own clock.
 */
const sharedTolerance = 30_000

const why = 'sessions and links expire by the clock, and backups and emails are scheduled by it'

/** Returns whether a time service keeps the clock of the system right; null if unknown. */
export type TimeSyncQuery = () => Promise<boolean | null>

/** Asks systemd, for at most five seconds. */
const queryTimedatectl: TimeSyncQuery = async () => {
  const program = Bun.which('timedatectl', { PATH: process.env['PATH'] ?? '' })
  if (program === null) return null
  const command = [program, 'show', '--property=NTPSynchronized', '--value']
  const child = Bun.spawn(command, { stdin: 'ignore', stderr: 'ignore', timeout: 5_000 })
  const answer = (await new Response(child.stdout).text()).trim()
  return answer === 'yes' ? true : answer === 'no' ? false : null
}

/**
 * Checks that the clock is plausible by what the database knows, compares it with that of the database's server, and checks
 * that a time service runs.
 */
export async function checkClock(
  { database, runtime }: Targets,
  queryTimeSync: TimeSyncQuery = queryTimedatectl,
): Promise<Outcome> {
  const { clock } = runtime
  const fix = `${setClockCommand()}, or set the clock by hand`
  const findings: Finding[] = []
  const { watch, difference } = await database.withSnapshot(async (db) => {
    const time = await findDatabaseTime(db)
    const watch = await readClockWatch(db, runtime)
    return { difference: time === null ? 0 : time - clock(), watch }
  })
  const problem = watch.problem()
  if (problem !== null) {
    findings.push({
      what: problem.detail,
      why: `${why}; nothing is deleted by age`,
      fix: clockHint,
    })
  }
  if (Math.abs(difference) > sharedTolerance) {
    const seconds = Math.round(Math.abs(difference) / 1_000)
    findings.push({
      what: `the clock of this machine is ${formatCount(seconds, 'second')} ${difference > 0 ? 'behind' : 'ahead of'} that of ${database.name}`,
      why: `${why}; two servers could send the same email`,
      fix: `${fix}, on both machines`,
    })
  }
  const isSynchronized = await queryTimeSync()
  if (isSynchronized === false) {
    findings.push({ what: 'no time service sets the clock of this machine', why, fix })
  }
  const syncNote = isSynchronized === true ? ', set by a time service' : ''
  return { fact: `it is ${new Date(clock()).toISOString()}${syncNote}`, findings }
}
