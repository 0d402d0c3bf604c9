import { createFakePrograms } from './fake-programs'

/** Has systemd print these properties of the unit of the service, until the returned object is disposed. */
export function createFakeUnit(properties: Readonly<Record<string, string>>) {
  const lines = Object.entries(properties).flatMap(([name, value]) =>
    value.split('\n').map((line) => `${name}=${line}`),
  )
  return createFakePrograms({ systemctl: `cat <<'END'\n${lines.join('\n')}\nEND` })
}

/** Returns what systemd prints for ExecStart of a server with these options. */
export function formatExecStart(options: string): string {
  return `{ path=/x ; argv[]=/x serve ${options} ; ignore_errors=no ; pid=0 }`
}
