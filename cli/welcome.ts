import type { Welcome } from '../src/app/welcome'
import { info, infoPicture } from './terminal'

/** Prints what a person needs next once a server runs. `settingsFile` is the one that the server reads, null for none. */
export async function printWelcome(welcome: Welcome, settingsFile: string | null): Promise<void> {
  const { deviceUrl } = welcome
  if (deviceUrl !== null && process.stderr.isTTY) {
    const { createQrCode } = await import('./qr-code')
    info('')
    info(`Open ${deviceUrl} on your other devices, or scan this code:`)
    infoPicture(createQrCode(deviceUrl))
    info('')
  }
  for (const line of describeWelcome(welcome, settingsFile)) info(line)
}

/** Returns the lines that stand below the code. */
export function describeWelcome(
  { deviceUrl, vaultUrl, dataDir, signUps, isEmpty }: Welcome,
  settingsFile: string | null,
): readonly string[] {
  return [
    ...(deviceUrl === null ? ['Only this computer can reach the server.'] : []),
    ...(vaultUrl === null ? [] : [`The vault in a browser: ${vaultUrl}`]),
    `Data: ${dataDir}`,
    `Sign-up: ${describeSignUps(signUps)}`,
    ...(isEmpty ? firstStep(signUps, vaultUrl ?? 'the address above', settingsFile) : []),
  ]
}

function describeSignUps({ mode, domains }: Welcome['signUps']): string {
  if (mode !== 'open') return mode === 'invited' ? 'by invitation' : 'closed'
  return domains.length === 0
    ? 'open to everyone who reaches the server'
    : `for addresses of ${domains.join(', ')}, and by invitation`
}

/** How the first account is created, on a server without one. */
function firstStep(
  { mode, domains }: Welcome['signUps'],
  place: string,
  settingsFile: string | null,
): readonly string[] {
  if (mode === 'closed') return ['Next: create your account with snailpass user add EMAIL']
  if (mode === 'invited')
    return [`Next: snailpass user invite EMAIL; then open ${place} and create your account`]
  const next = `Next: open ${place} and create your account`
  if (domains.length > 0) return [next]
  const setting = 'then set SNAILPASS_SIGNUPS=invited'
  return settingsFile === null
    ? [`${next};`, `${setting}, so that nobody else can`]
    : [
        `${next};`,
        `${setting} in ${settingsFile}`,
        'and restart the server, so that nobody else can',
      ]
}
