import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { forwardingDll } from './forwarding-dll'
import { waitForExit } from './wait-for-exit'

/** Where Debian's package wine64 has it; elsewhere it is a command. */
const candidates = ['/usr/lib/wine/wine64', Bun.which('wine64')]

/** The path of Wine for 64-bit Windows programs; null if it is not installed. */
export const wine =
  process.arch === 'x64'
    ? (candidates.find((path) => path !== null && existsSync(path)) ?? null)
    : null

const bunFolder = join(import.meta.dir, '..', '..', '.bun')
const prefix = join(bunFolder, 'wine')

function environmentOf(folder: string): Record<string, string> {
  return {
    WINEPREFIX: folder,
    HOME: folder,
    // It reports what it lacks to stderr, where the log of the server is.
    WINEDEBUG: '-all',
    // Otherwise it would install .NET and a browser engine, and add programs to the menus of the desktop.
    WINEDLLOVERRIDES: 'mscoree,mshtml=;winemenubuilder.exe=d',
    SNAILPASS_CONFIG: String.raw`\\.\nul`,
  }
}

/**
 * Returns the environment of a Windows program, once Wine's folder for it exists. Creating that takes ten seconds, so it is kept
 * in .bun and used again.
 */
export async function prepareWine(): Promise<Record<string, string>> {
  if (wine === null) throw new Error('Wine is not installed: run ./scripts/tools.sh')
  if (!existsSync(prefix)) {
    const draft = `${prefix}.${process.pid}.new`
    mkdirSync(draft, { recursive: true })
    const servers = [join(dirname(wine), 'wineserver'), 'wineserver']
    const server = servers.find((path) => Bun.which(path) !== null) ?? 'wineserver'
    for (const command of [
      [wine, 'reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'],
      // The registry is written when the last program has ended.
      [server, '--wait'],
    ]) {
      const child = Bun.spawn(command, {
        env: environmentOf(draft),
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const { code, stderr } = await waitForExit(child)
      if (code !== 0) throw new Error(`${command.join(' ')}: ${code}\n${stderr}`)
    }
    // Another run may have been faster.
    if (existsSync(prefix)) rmSync(draft, { recursive: true })
    else renameSync(draft, prefix)
  }
  return environmentOf(prefix)
}

/**
 * Writes the DLL that Bun needs and Wine before version 9 lacks beside an executable. It has one function, which fills a buffer
 * with random bytes; an older DLL has the same function under another name.
 */
export function addMissingDll(executable: string): void {
  const name = 'bcryptprimitives.dll'
  const dll = forwardingDll(name, 'ProcessPrng', 'advapi32.SystemFunction036')
  writeFileSync(join(dirname(executable), name), dll)
}

/** Returns how a Windows program under Wine names a path of this system. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll('/', '\\')}`
}
