import { describe, expect, test } from 'bun:test'
import { temporaryFolder } from '../support/executable'
import { hasNetworkNamespaces, runOnTwoHosts } from '../support/network-namespaces'

/** Returns shell code that waits until a file contains a text. */
const until = (text: string, file = 'log') =>
  `tries=0; until grep -qs '${text}' ${file}; do sleep 0.05; tries=$((tries + 1)); [ $tries -lt 400 ]; done`

// A network namespace keeps the announcements of the test off the real network.
describe.skipIf(!hasNetworkNamespaces)('the executable on a local network', () => {
  test('is found by another host, with its address and port, until it says goodbye', async () => {
    using folder = temporaryFolder()
    const { code, stdout, stderr } = await runOnTwoHosts(
      folder.path,
      `cd ${folder.path}
       serve 2>log & server=$!
       ${until('announced on the local network')}
       neighbour snailpass.local/A _snailpass._tcp.local/PTR until='A snailpass.local' until=TXT
       there curl -sS --resolve snailpass.local:5000:10.77.0.1 http://snailpass.local:5000/readyz; echo
       neighbour until='A snailpass.local 0 ' >goodbye & asking=$!
       ${until('listening', 'goodbye')}
       kill -TERM $server
       wait $server; echo "ended with $?"
       wait $asking; cat goodbye`,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [before = '', after = ''] = stdout.split('ended with 0')
    expect(before).toContain('A snailpass.local 120 10.77.0.1\n')
    expect(before).toMatch(
      /^PTR _snailpass\._tcp\.local 4500 SnailPass on \S+\._snailpass\._tcp\.local$/m,
    )
    expect(before).toMatch(/^SRV .* 120 .*"port":5000.*"target":"snailpass\.local"/m)
    expect(before).toMatch(/^TXT .* 4500 txtvers=1 path=\/ tls=no$/m)
    expect(before).toContain('{"status":"ready"}')
    expect(after).toContain('A snailpass.local 0 10.77.0.1\n')
  }, 300_000)

  test('leaves its name to a host that has it, and logs that', async () => {
    using folder = temporaryFolder()
    const { stdout } = await runOnTwoHosts(
      folder.path,
      `cd ${folder.path}
       neighbour claim=snailpass.local until='A snailpass-2.local' >heard & asking=$!
       ${until('listening', 'heard')}
       serve 2>log & server=$!
       wait $asking; cat heard
       kill -TERM $server
       wait $server; echo "ended with $?"
       cat log`,
    )
    expect(stdout).toContain('ended with 0')
    expect(stdout).toMatch(
      /warn +another host has the name snailpass\.local: announcing snailpass-2\.local instead/,
    )
    expect(stdout).toContain('announced on the local network as snailpass-2.local')
    expect(stdout).toContain('A snailpass-2.local 120 10.77.0.1')
    expect(stdout).not.toContain('A snailpass.local 120 10.77.0.1')
  }, 300_000)

  test('serves without a network to announce itself on', async () => {
    using folder = temporaryFolder()
    const { code, stdout } = await runOnTwoHosts(
      folder.path,
      `cd ${folder.path}
       ip link del here
       serve 2>log & server=$!
       ${until('not announced')}
       curl -sS http://127.0.0.1:5000/readyz
       kill -TERM $server
       wait $server; echo "ended with $?"
       cat log`,
    )
    expect(code).toBe(0)
    expect(stdout).toContain('{"status":"ready"}ended with 0')
    expect(stdout).toMatch(/warn +not announced: no network interface leads to a listener/)
  })
})
