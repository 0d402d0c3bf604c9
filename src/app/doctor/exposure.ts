import { BlockList, isIP } from 'node:net'
import type { Settings } from '../../config/settings'
import type { Outcome } from './findings'

/** Networks that no packet of the internet comes from, by family. Apart: in one list, IPv4 would be in ::/3 as well. */
const reserved = {
  ipv4: listOf('ipv4', [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ]),
  // What is global begins with 2 or 3, but for examples.
  ipv6: listOf('ipv6', [
    ['::', 3],
    ['2001:db8::', 32],
    ['4000::', 2],
    ['8000::', 1],
  ]),
}

function listOf(family: 'ipv4' | 'ipv6', networks: readonly [string, number][]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, family)
  return list
}

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

/** Names of home networks and addresses that no packet of the internet reaches (RFC 6890, 6761, 6762, 8375). */
export function isPublic(host: string): boolean {
  if (isIP(host) === 4) return !reserved.ipv4.check(host, 'ipv4')
  if (isIP(host) === 6) return !reserved.ipv6.check(host, 'ipv6')
  return (
    /\./.test(host) && !/\.(?:local|lan|home|internal|localdomain|home\.arpa|test)\.?$/i.test(host)
  )
}
