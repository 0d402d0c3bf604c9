import { findDatabaseTime, findNewestTime } from '../../database/newest-time'
import type { Targets } from '../targets'
import type { Finding, Outcome } from './findings'

/** A row can be of the future by so much, in milliseconds, before somebody should look. */
const tolerance = 5 * 60_000

/** Servers lend each other letters for a minute at a time, by their own clocks: half of that is too much. */
const sharedTolerance = 30_000

const why = 'sessions and links live by the clock, and archives and letters come when it says so'
const fix = 'timedatectl set-ntp true, or set the clock by hand'

/** Whether the system keeps its clock right by a time service; null where it does not tell. */
export type TimeSyncQuery = () => Promise<boolean | null>

/** Asks systemd, for five seconds at most. */
const queryTimedatectl: TimeSyncQuery = async () => {
  const program = Bun.which('timedatectl', { PATH: process.env['PATH'] ?? '' })
  if (program === null) return null
  const command = [program, 'show', '--property=NTPSynchronized', '--value']
  const child = Bun.spawn(command, { stdin: 'ignore', stderr: 'ignore', timeout: 5_000 })
  const answer = (await new Response(child.stdout).text()).trim()
  return answer === 'yes' ? true : answer === 'no' ? false : null
}

/** Whether the clock can be believed: by the rows, none of which can be of the future, by the database's and by the system. */
export async function checkClock(
  { database, runtime: { clock } }: Targets,
  queryTimeSync: TimeSyncQuery = queryTimedatectl,
): Promise<Outcome> {
  const findings: Finding[] = []
  const { newest, difference } = await database.withSnapshot(async (db) => {
    const time = await findDatabaseTime(db)
    return { difference: time === null ? 0 : time - clock(), newest: await findNewestTime(db) }
  })
  if (newest !== null && newest > clock() + tolerance) {
    findings.push({
      what: `the clock of this machine is behind: the database holds a row of ${new Date(newest).toISOString()}`,
      why,
      fix,
    })
  }
  if (Math.abs(difference) > sharedTolerance) {
    const seconds = Math.round(Math.abs(difference) / 1_000)
    findings.push({
      what: `the clock of this machine is ${seconds} seconds ${difference > 0 ? 'behind' : 'ahead of'} that of ${database.name}`,
      why: `${why}; two servers could send the same letter`,
      fix: `${fix}, on both machines`,
    })
  }
  const isSynchronized = await queryTimeSync()
  if (isSynchronized === false) {
    findings.push({ what: 'no time service keeps the clock of this machine right', why, fix })
  }
  const syncNote = isSynchronized === true ? ', kept right by a time service' : ''
  return { fact: `it is ${new Date(clock()).toISOString()}${syncNote}`, findings }
}
