import { expect, test } from 'bun:test'
import { checkServer } from '../../../src/app/doctor/server'
import { loadConfig } from '../../../src/config/load'
import { freePort } from '../../support/free-port'

/** Starts a program that answers as `respond` says. Returns what the doctor finds there. */
async function checkAt(listen: string, respond: (() => Response) | null = null) {
  const url = new URL(`http://${listen}`)
  const server =
    respond === null
      ? null
      : Bun.serve({ hostname: url.hostname, port: Number(url.port), fetch: respond })
  try {
    const environment = { SNAILPASS_LISTEN: listen }
    return await checkServer(loadConfig({ environment, flags: {}, file: null }).settings)
  } finally {
    await server?.stop(true)
  }
}

test('the doctor asks the running server whether it is ready', async () => {
  const listen = `127.0.0.1:${freePort()}`
  expect(await checkAt(listen)).toEqual({ fact: `no server answers at http://${listen}` })
  expect(await checkAt(listen, () => new Response('hello'))).toEqual({
    fact: `no server answers at http://${listen}`,
  })
  const ready = { fact: `the server at http://${listen} is ready`, findings: [] }
  expect(await checkAt(listen, () => Response.json({ status: 'ready' }))).toEqual(ready)
  const warnings = [
    { kind: 'unlisted_proxy', detail: '10.0.0.2 forwards requests' },
    // The doctor looks at these itself.
    ...['low_space', 'backup_folder', 'failed_backup', 'stale_backup', 'implausible_clock'].map(
      (kind) => ({ kind, detail: 'x' }),
    ),
    { kind: 'open_files', detail: '81 of 100' },
  ]
  const warning = () => Response.json({ status: 'ready', warnings })
  expect(await checkAt(listen, warning)).toEqual({
    ...ready,
    findings: ['unlisted_proxy: 10.0.0.2 forwards requests', 'open_files: 81 of 100'].map(
      (text) => ({
        what: `the running server warns: ${text}`,
        why: 'it serves requests, but needs attention',
        fix: 'find what to do in its log: journalctl -u snailpass',
      }),
    ),
  })
  const error = 'Service Unavailable. The database is not responding: disk I/O error'
  const refusal = () => Response.json({ message: { error } }, { status: 503 })
  expect(await checkAt(listen, refusal)).toEqual({
    fact: `the server at http://${listen} is not ready`,
    findings: [
      {
        what: 'the running server is not ready: The database is not responding: disk I/O error',
        why: 'it refuses requests of clients',
        fix: 'find the reason in its log: journalctl -u snailpass',
      },
    ],
  })
  expect(await checkAt('127.0.0.1:0')).toEqual({
    fact: 'its port is chosen at each start: it was not asked',
  })
})
