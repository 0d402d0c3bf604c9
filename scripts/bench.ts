/**
 * Measures executables beside bare Bun, which answers the same bytes, and each other:
 *
 *   bun scripts/bench.ts [--rounds N] [--only GROUP,…] [EXECUTABLE]...
 *
 * GROUP is rates, sync, starts, sizes, logins, history or growth. EXECUTABLE is dist/snailpass by default. Each number is the median of N rounds (5) in
 * which all take turns. Rates and times depend on the machine and its load: quote the ratios. Run it on a quiet machine with
 * two cores; the server has one for itself.
 */
import { parseArgs } from 'node:util'
import { executable } from '../test/support/executable'
import { measureGrowth } from './bench/growth'
import { measureHistory } from './bench/history'
import { measureLatencyDuringLogins } from './bench/logins'
import { runTool, shareCores } from './bench/machine'
import { measureRates } from './bench/rates'
import { printHead } from './bench/report'
import { type Bench, compileBare, createFolderIn } from './bench/servers'
import { measureSizes, measureStarts } from './bench/starts'
import { measureSyncs } from './bench/sync'

const groups: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  rates: measureRates,
  sync: measureSyncs,
  starts: measureStarts,
  sizes: measureSizes,
  logins: measureLatencyDuringLogins,
  history: measureHistory,
  growth: measureGrowth,
}

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: Object.keys(groups).join(',') },
  },
  allowPositionals: true,
})

async function main(): Promise<void> {
  const chosen = values.only.split(',').map((name) => {
    const group = groups[name]
    if (group === undefined) throw new Error(`no group of measurements is named ${name}`)
    return group
  })
  shareCores()
  const builds = positionals.length > 0 ? positionals : [executable]
  // On a disk: /tmp is in memory on many systems, where a server would not wait for one.
  using folder = createFolderIn('/var/tmp')
  const bare = await compileBare(folder.path)
  const bench = { builds, bare, folder: folder.path, rounds: Number(values.rounds) }
  for (const [index, path] of builds.entries())
    process.stdout.write(`#${index + 1} ${path}: ${runTool(path, '--version')}`)
  printHead(builds.length)
  for (const measure of chosen) await measure(bench)
}

await main()
