import { readSystemFile } from './system-files'

/** Returns the mount points that this process sees (proc_pid_mountinfo(5)); none on other systems than Linux. */
export function listMountPoints(): readonly string[] {
  const lines = (readSystemFile('/proc/self/mountinfo') ?? '').split('\n')
  return lines.map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
}

/** White space and backslashes are written as `\040`. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
