import { Command } from 'commander'
import {
  findCertificate,
  renewCertificate,
  requireAuthority,
  type ServedCertificate,
} from '../../src/app/operations/certificates'
import { tlsKeys } from '../../src/config/settings'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { formatFields, formatJsonTime, formatTime } from '../format'
import { confirm } from '../prompts'
import { info, out, outJson, outText } from '../terminal'

export function tlsCommand(): Command {
  return new Command('tls')
    .description('manage the HTTPS certificate and its certificate authority (CA)')
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
    .description('print the HTTPS certificate and its CA: names, validity and fingerprints')
    .option('--json', 'print JSON')
  return withConfigOptions(command, tlsKeys)
    .addHelpText(
      'after',
      `
A device that installs the CA certificate shows its fingerprint: compare that
with CA SHA-256, which \`snailpass tls ca --fingerprint\` prints as well.

Example:
  snailpass tls show --json`,
    )
    .action(async (options: { json?: true }) => {
      const served = await findCertificate(openCommandTargets(command).settings)
      if (options.json === true) return outJson(toJson(served))
      for (const line of linesOf(served)) out(line)
      if (!served.isServed) {
        info('HTTPS is off: turn it on with SNAILPASS_LISTEN_TLS=0.0.0.0:5443.')
      }
    })
}

function caCommand(): Command {
  const command = new Command('ca')
    .description('print the CA certificate (PEM), for devices to install')
    .option('--fingerprint', 'print its SHA-256 fingerprint instead')
    .option('--json', 'print both as JSON')
  return withConfigOptions(command, tlsKeys)
    .addHelpText(
      'after',
      `
The CA certificate is not secret. Devices can also download it from a running
server, at /ca.

Example:
  snailpass tls ca > snailpass-ca.crt`,
    )
    .action(async (options: { fingerprint?: true; json?: true }) => {
      const { pem, sha256 } = await requireAuthority(openCommandTargets(command).settings)
      if (options.json === true) return outJson({ pem, sha256 })
      outText(options.fingerprint === true ? sha256 : pem)
    })
}

function renewCommand(): Command {
  const command = new Command('renew')
    .description('issue a new certificate now; running servers switch to it')
    .option('--authority', 'also create a new CA, which every device has to install')
    .option('--yes', 'do not ask for confirmation')
  return withConfigOptions(command, tlsKeys)
    .addHelpText(
      'after',
      `
Servers do this automatically when a third of the certificate's lifetime is
left, and when it lacks a name or an address of this machine. Create a new CA if
the key of the current one was stolen or lost, if it expires, or if it may not
issue certificates for the current name of this machine.

Example:
  snailpass tls renew --data-dir /srv/snailpass`,
    )
    .action(async (options: { authority?: true; yes?: true }) => {
      const { authority, leaf, isNewAuthority, unpermittedNames } = await renewCertificate(
        openCommandTargets(command),
        {
          authority: options.authority === true,
          async consent() {
            if (options.yes === true) return
            await confirm(
              'Every device has to install the new certificate authority; until then it rejects this server.',
            )
          },
        },
      )
      if (isNewAuthority) {
        info(`New certificate authority, for devices to install: ${authority.info.sha256}`)
      }
      if (unpermittedNames.length > 0) {
        info(
          `warning: the certificate authority may not issue certificates for ${unpermittedNames.join(', ')}`,
        )
      }
      info(`New certificate, valid until ${formatTime(leaf.info.notAfter)}, for:`)
      for (const name of leaf.info.names) out(name)
    })
}

/** Times are ISO 8601 in UTC. */
function toJson({ mode, isServed, certificate, authority }: ServedCertificate) {
  return {
    mode,
    is_served: isServed,
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
    ca:
      authority === null
        ? null
        : {
            file: authority.file,
            subject: authority.subject,
            ...validityOf(authority),
            sha256: authority.sha256,
            permitted_names: [...authority.permits.domains, ...authority.permits.networks],
          },
  }
}

function validityOf({ notBefore, notAfter }: { notBefore: number; notAfter: number }) {
  return {
    valid_from: formatJsonTime(notBefore),
    expires: formatJsonTime(notAfter),
  }
}

function linesOf({ mode, isServed, certificate, authority }: ServedCertificate): readonly string[] {
  const lines: (readonly [string, string])[] = [['mode', mode]]
  if (certificate === null) {
    const origin =
      mode === 'acme'
        ? 'a server with --listen-tls orders it, and logs why if that fails'
        : `it is issued at the first start${isServed ? '' : ' with --listen-tls'}`
    lines.push(['certificate', `none yet: ${origin}`])
  } else {
    lines.push(
      ['certificate', certificate.file],
      ['names', certificate.names.join(', ')],
      ['issuer', certificate.issuer],
      ['valid', `${formatTime(certificate.notBefore)} to ${formatTime(certificate.notAfter)}`],
      ['SHA-256', certificate.sha256],
    )
  }
  if (authority !== null) {
    const { domains, networks } = authority.permits
    lines.push(
      ['CA certificate', authority.file],
      ['subject', authority.subject],
      ['permitted names', [...domains, ...networks].join(', ')],
      ['valid', `${formatTime(authority.notBefore)} to ${formatTime(authority.notAfter)}`],
      ['CA SHA-256', authority.sha256],
    )
  }
  return formatFields(lines)
}
