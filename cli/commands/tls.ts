import { Command } from 'commander'
import {
  findCertificate,
  renewCertificate,
  requireAuthority,
  type ServedCertificate,
} from '../../src/app/operations/certificates'
import { systemRuntime } from '../../src/app/runtime'
import { tlsKeys } from '../../src/config/settings'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { confirm, info, out, outJson } from '../terminal'

export function tlsCommand(): Command {
  return new Command('tls')
    .description('the certificate of HTTPS, and the authority that makes it')
    .helpCommand(false)
    .addCommand(showCommand())
    .addCommand(caCommand())
    .addCommand(renewCommand())
    .addHelpText(
      'after',
      `
Example:
  snailpass tls show --data-dir /srv/snailpass`,
    )
}

function showCommand(): Command {
  const command = new Command('show')
    .description('print the certificate of HTTPS: names, validity and fingerprints')
    .option('--json', 'print JSON, for scripts')
  return withConfigOptions(command, tlsKeys)
    .addHelpText(
      'after',
      `
The fingerprint of the authority is the one to compare with on a device that installs it.

Example:
  snailpass tls show --json`,
    )
    .action(async (options: { json?: true }) => {
      const served = await findCertificate(loadCommandSettings(command))
      if (options.json === true) return outJson(toJson(served))
      for (const line of linesOf(served)) out(line)
      if (!served.isServed) {
        info('The settings leave HTTPS off: SNAILPASS_LISTEN_TLS=0.0.0.0:5443 turns it on.')
      }
    })
}

function caCommand(): Command {
  const command = new Command('ca')
    .description('print the certificate of the authority, in PEM, for devices to install')
    .option('--fingerprint', 'print its SHA-256 fingerprint instead')
  return withConfigOptions(command, tlsKeys)
    .addHelpText(
      'after',
      `
Nothing of it is secret. Devices can also get it from a running server, at /ca.

Example:
  snailpass tls ca > snailpass-ca.crt`,
    )
    .action(async (options: { fingerprint?: true }) => {
      const { pem, sha256 } = await requireAuthority(loadCommandSettings(command))
      out(options.fingerprint === true ? sha256 : pem.trimEnd())
    })
}

function renewCommand(): Command {
  const command = new Command('renew')
    .description('make a new certificate at once, beside running servers, which take it')
    .option('--authority', 'make a new authority as well, which every device has to install')
    .option('--yes', 'do not ask')
  return withConfigOptions(command, tlsKeys)
    .addHelpText(
      'after',
      `
A server does this by itself when a third of the time is left, and when a name or an address
of this machine is missing. A new authority is for one whose key was stolen or lost, which
expires, or which does not speak for the name that this machine has now.

Example:
  snailpass tls renew --data-dir /srv/snailpass`,
    )
    .action(async (options: { authority?: true; yes?: true }) => {
      const { authority, leaf, isNewAuthority, unpermittedNames } = await renewCertificate(
        loadCommandSettings(command),
        systemRuntime,
        {
          authority: options.authority === true,
          async consent() {
            if (options.yes === true) return
            await confirm(
              'Every device has to install the new authority; until then it refuses this server.',
              'renew',
            )
          },
        },
      )
      if (isNewAuthority) {
        info(`There is a new authority, for devices to install: ${authority.info.sha256}`)
      }
      if (unpermittedNames.length > 0) {
        info(`warning: the authority does not speak for ${unpermittedNames.join(', ')}`)
      }
      info(`There is a new certificate, until ${timeOf(leaf.info.notAfter)}, for:`)
      for (const name of leaf.info.names) out(name)
    })
}

/** Times are ISO 8601 in UTC. */
function toJson({ mode, isServed, certificate, authority }: ServedCertificate) {
  return {
    mode,
    served: isServed,
    certificate:
      certificate === null
        ? null
        : {
            file: certificate.file,
            subject: certificate.subject,
            issuer: certificate.issuer,
            names: certificate.names,
            ...validityOf(certificate),
            sha256: certificate.sha256,
          },
    authority:
      authority === null
        ? null
        : {
            file: authority.file,
            subject: authority.subject,
            ...validityOf(authority),
            sha256: authority.sha256,
            permits: [...authority.permits.domains, ...authority.permits.networks],
          },
  }
}

function validityOf({ notBefore, notAfter }: { notBefore: number; notAfter: number }) {
  return {
    not_before: new Date(notBefore).toISOString(),
    not_after: new Date(notAfter).toISOString(),
  }
}

function linesOf({ mode, certificate, authority }: ServedCertificate): readonly string[] {
  const lines: (readonly [string, string])[] = [['mode', mode]]
  if (certificate === null) {
    const origin =
      mode === 'acme'
        ? 'a server with --listen-tls orders it, and tells in its log why none comes'
        : 'it is made at the first start with --listen-tls'
    lines.push(['certificate', `none yet: ${origin}`])
  } else {
    lines.push(
      ['certificate', certificate.file],
      ['for', certificate.names.join(', ')],
      ['made by', certificate.issuer],
      ['valid', `${timeOf(certificate.notBefore)} to ${timeOf(certificate.notAfter)}`],
      ['SHA-256', certificate.sha256],
    )
  }
  if (authority !== null) {
    const { domains, networks } = authority.permits
    lines.push(
      ['authority', authority.file],
      ['name', authority.subject],
      ['may speak for', [...domains, ...networks].join(', ')],
      ['valid', `${timeOf(authority.notBefore)} to ${timeOf(authority.notAfter)}`],
      ['SHA-256', authority.sha256],
    )
  }
  return lines.map(([label, value]) => `${label.padEnd(15)}${value}`)
}

function timeOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
