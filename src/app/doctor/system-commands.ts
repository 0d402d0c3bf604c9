/** What findings tell people to run, which differs between operating systems. */

type System = 'linux' | 'darwin' | 'win32'

/** Returns the text for this system; that of Linux on systems for which there are no releases. */
function forThisSystem<Text>(texts: Readonly<Record<System, Text>>): Text {
  const { platform } = process
  return platform === 'darwin' || platform === 'win32' ? texts[platform] : texts.linux
}

/** Returns how to have the clock set. */
export function setClockCommand(): string {
  return forThisSystem({
    linux: 'timedatectl set-ntp true',
    darwin: 'sudo systemsetup -setusingnetworktime on',
    win32: 'w32tm /resync',
  })
}

/** Returns where to read the log of a server: a hint such as `read its log: COMMAND`. */
export function readLogHint(): string {
  return forThisSystem({
    linux: 'read its log: journalctl -u snailpass',
    darwin: 'read the file that StandardErrorPath in its property list names',
    win32: 'read the file to which its scheduled task writes',
  })
}

/** Returns how to find out what uses the space of the disk that `folder` is on. */
export function findSpaceCommand(folder: string): string {
  return forThisSystem({
    linux: `df -h '${folder}'; du -xh --max-depth=1 '${folder}'`,
    darwin: `df -h '${folder}'; du -xh -d 1 '${folder}'`,
    win32: `Get-PSDrive -PSProvider FileSystem; Get-ChildItem '${folder}' -Recurse | Sort-Object Length | Select-Object -Last 20 FullName, Length`,
  })
}
