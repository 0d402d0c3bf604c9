import { hostname, networkInterfaces } from 'node:os'

/** Names and addresses by which this machine is reached, those that others can use first. IPv6 in brackets. */
export function ownHosts(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  const outward = addresses.filter(({ internal }) => !internal)
  const inward = addresses.filter(({ internal }) => internal)
  const written = [...outward, ...inward].map(({ address, family }) =>
    family === 'IPv6' ? `[${address.split('%')[0]}]` : address,
  )
  const name = hostname().toLowerCase()
  return [...written, name, `${name}.local`, 'localhost']
}
