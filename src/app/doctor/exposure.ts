import { isIP } from 'node:net'
import type { Settings } from '../../config/settings'
import type { Outcome } from './findings'

/** Whether strangers of the whole internet can make accounts. `addresses` are this machine's. */
export function checkExposure(settings: Settings, addresses: readonly string[]): Outcome {
  const { signUps, signUpDomains, publicUrl, listen } = settings
  const isOpen = signUps === 'open' && signUpDomains.length === 0
  const isAnywhere = ['0.0.0.0', '::'].includes(listen.hostname)
  const listening = isAnywhere ? addresses : [listen.hostname]
  const found = [
    ...(publicUrl === null ? [] : [publicUrl.hostname.replaceAll(/[[\]]/g, '')]),
    ...listening.map((address) => address.replaceAll(/[[\]]/g, '')),
  ].find(isPublic)
  const policy = isOpen ? 'everybody may sign up' : `sign-up is ${signUps}`
  if (found === undefined) return { fact: `${policy}, from private networks alone` }
  if (!isOpen) return { fact: `${policy}, and the server is reached as ${found}` }
  return {
    fact: `${policy}, and the server is reached as ${found}`,
    findings: [
      {
        what: `everybody on the internet may make an account here: the server is reached as ${found}`,
        why: 'strangers can fill the disk and use your server for themselves',
        fix: 'set SNAILPASS_SIGNUPS=invited and restart the server; `snailpass user invite EMAIL` lets somebody in',
      },
    ],
  }
}

/** Names of home networks and addresses of private use are not public (RFC 1918, 4193, 6598, 6762, 8375). */
export function isPublic(host: string): boolean {
  if (isIP(host) === 4) {
    return !/^(?:0\.|10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
      host,
    )
  }
  // What is global begins with 2 or 3.
  if (isIP(host) === 6) return /^[23]/i.test(host)
  return (
    /\./.test(host) && !/\.(?:local|lan|home|internal|localdomain|home\.arpa|test)\.?$/i.test(host)
  )
}
