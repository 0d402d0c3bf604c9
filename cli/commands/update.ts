import { Command } from 'commander'
import {
  checkForUpdate,
  installUpdate,
  type UpdateReport,
  type UpdateRequest,
} from '../../src/app/operations/update'
import { systemRuntime } from '../../src/app/runtime'
import { DomainError } from '../../src/domain/errors'
import { formatBytes } from '../format'
import { createProgressLine, ExitError, exitCodes, info, out, outJson } from '../terminal'

interface UpdateOptions {
  readonly check?: true
  readonly from?: string
  readonly version?: string
  readonly json?: true
}

export function updateCommand(): Command {
  return new Command('update')
    .description('install the newest release, after verifying its signature')
    .option('--check', 'only tell whether there is a newer release')
    .option('--from <url|folder>', 'the place of the release (default: that of the build)')
    .option('--version <version>', 'the version that the release must have')
    .option('--json', 'with --check: print JSON')
    .addHelpText(
      'after',
      `
Gets SHA256SUMS of the release and its signature, and refuses everything that
none of the keys of this version has signed (snailpass version --keys prints
them), that is older than this version, or that is not for this system. Then it
gets the package, compares it with SHA256SUMS, and runs \`service install\` of the
new version, which restores the old version if the new one fails.

A URL has to be https, except on this machine. A folder, as of a USB stick,
takes the same way. Where a URL has "latest" in its path, --version takes the
place of that word. Nothing else of snailpass looks for releases.

--check verifies the signature as well, changes nothing and needs no root.
--json has status (up_to_date or update_available), version, release_version,
release_date and from.

Exit codes:
  0  updated, or there is no newer release
  1  refused or failed; the old version is installed and runs
  2  invalid usage, or this build does not know where releases are
  ${exitCodes.newerRelease}  with --check: there is a newer release

Examples:
  sudo snailpass update
  sudo snailpass update --from /media/usb/snailpass
  snailpass update --check`,
    )
    .action(async (options: UpdateOptions) => {
      const request = { from: options.from ?? null, version: options.version ?? null }
      if (options.check === true) return await check(request, options.json === true)
      if (options.json === true) {
        throw new DomainError('invalid', '--json works only with --check')
      }
      await update(request)
    })
}

async function check(request: UpdateRequest, isJson: boolean): Promise<void> {
  const report = await checkForUpdate(request, systemRuntime)
  if (isJson) outJson(toJson(report))
  else for (const line of linesOf(report)) out(line)
  if (report.isNewer) throw new ExitError(exitCodes.newerRelease)
}

function linesOf({ version, release, from, isNewer }: UpdateReport): readonly string[] {
  return isNewer
    ? [`SnailPass ${release.version} of ${release.date} is available; this is ${version}`]
    : [`SnailPass ${version} is up to date: the release at ${from} is ${release.version}`]
}

function toJson({ version, release, from, isNewer }: UpdateReport) {
  return {
    status: isNewer ? 'update_available' : 'up_to_date',
    version,
    release_version: release.version,
    release_date: release.date,
    from,
  }
}

async function update(request: UpdateRequest): Promise<void> {
  const line = createProgressLine()
  const onProgress = (done: number, size: number | null) => {
    const part = size === null || size === 0 ? '' : ` of ${formatBytes(size)}`
    line.update?.(`${formatBytes(done)}${part}`)
    if (done === size) line.end()
  }
  const code = await installUpdate(request, systemRuntime, { info, onProgress })
  if (code !== null && code !== 0) throw new ExitError(code)
}
