import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { executable, temporaryFolder } from '../support/executable'
import { hasNetworkNamespaces } from '../support/network-namespaces'
import { waitForExit } from '../support/wait-for-exit'

/**
 * Runs a command against a server of Postgres that asks for the password, on an isolated network in which this machine has
 * the server's address. Returns what the command printed, and then what the server got.
 */
async function runAgainst(host: string, request: string, args: readonly string[]) {
  using folder = temporaryFolder()
  const script = `
    ip link set lo up
    ip addr add "$HOST/32" dev lo
    "$BUN" "$FAKE" "$HOST" "$REQUEST" >"$FOLDER/got" & server=$!
    until grep -q listening "$FOLDER/got" 2>/dev/null; do sleep 0.05; done
    "$SNAILPASS" "$@" --data-dir "$FOLDER/data" || true
    kill $server
    cat "$FOLDER/got"
  `
  const child = Bun.spawn(
    ['unshare', '--map-root-user', '--net', 'sh', '-euc', script, 'sh', ...args],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: '/nonexistent',
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
        BUN: process.execPath,
        FAKE: join(import.meta.dir, '..', 'support', 'fake-postgres.ts'),
        FOLDER: folder.path,
        HOST: host,
        REQUEST: request,
        SNAILPASS: executable,
        SNAILPASS_CONFIG: '/dev/null',
        SNAILPASS_LISTEN: '127.0.0.1:0',
        SNAILPASS_DATABASE_URL: `postgres://u:hush@${host}/d`,
      },
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  return await waitForExit(child)
}

describe.skipIf(!hasNetworkNamespaces)('a Postgres server without verified TLS', () => {
  test.each(['clear', 'md5'])('gets no password over a public address: %s', async (request) => {
    for (const args of [['user', 'list'], ['serve']]) {
      const { stdout, stderr } = await runAgainst('203.0.113.5', request, args)
      expect(stdout).toBe('listening\n')
      expect(stderr).toMatch(
        /error: postgres:\/\/203\.0\.113\.5\/d can't be used: 203\.0\.113\.5 \(203\.0\.113\.5\) asks for the password (?:in clear|by MD5) over an unverified connection; it was not sent\nhint: add \?sslmode=verify-full/,
      )
      expect(stderr).not.toContain('hush')
    }
  })

  test.each([
    ['10.1.2.3', 'clear', /got p...\thush\0/s],
    ['192.168.7.7', 'md5', /got p...\(md5[0-9a-f]{32}\0/s],
  ])('gets it within a private network, with a warning: %s', async (host, request, got) => {
    const { stdout, stderr } = await runAgainst(host, request, ['serve'])
    expect(stdout).toMatch(got)
    expect(stderr).toMatch(
      /warn {2}Postgres asked for the password in clear or by MD5, .* address=[\d.]+\n/,
    )
  })
})
