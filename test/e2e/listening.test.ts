import { describe, expect, test } from 'bun:test'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { run, temporaryFolder } from '../support/executable'
import { hasNetworkNamespaces, runOnTwoHosts } from '../support/network-namespaces'

/**
 * Shell code: `start OPTIONS` prints what the log of a server says from "listening" on, and its warnings; `stop` ends it;
 * `fail OPTIONS` prints the error of one that does not start.
 */
const functions = `
  unset SNAILPASS_MDNS
  start() {
    : >log
    "$SNAILPASS" serve "$@" 2>>log & server=$!
    tries=0; until grep -q 'started snailpass' log; do sleep 0.05; tries=$((tries + 1)); [ $tries -lt 400 ]; done
    # The lines behind it are written at once.
    sleep 0.1
    sed -nE 's/^\\S+ (warn|error)/\\1/p; s/.*listening on /listens /p' log
  }
  stop() { kill -TERM $server; wait $server; }
  unprivileged() { setpriv --bounding-set=-all --inh-caps=-all "$@"; }
  fail() { "$SNAILPASS" serve "$@" 2>&1 | sed -n '/^error:/,$p'; }

`

/** Copies the data folder of the first version, with modes that no server warns about. */
function copyOldData(dataDir: string): void {
  cpSync(join(import.meta.dir, '../data/0.1.0/data'), dataDir, { recursive: true })
  const modes = 'find "$0" -type d -exec chmod 700 {} + ; find "$0" -type f -exec chmod 600 {} +'
  Bun.spawnSync(['sh', '-euc', modes, dataDir])
}

async function runOnHost(dataDir: string, script: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runOnTwoHosts(
    dataDir,
    `${functions} mkdir -p -m 700 '${dataDir}'; cd '${dataDir}/..'; ${script}`,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.trim().split('\n')
}

const plain = ['listens http://0.0.0.0:5000/', 'listens http://[::]:5000/']
const tls = ['listens https://0.0.0.0:5443/', 'listens https://[::]:5443/']

// A network namespace has ports of its own, so that the defaults meet no other server.
describe.skipIf(!hasNetworkNamespaces)('the executable listens', () => {
  test('by IPv4 and IPv6, and by HTTPS in a new installation, now and later', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    const ask = (host: string) =>
      `curl -sSgk 'https://${host}:5443/readyz'; curl -sSg 'http://${host}:5000/readyz'; echo;`
    const lines = await runOnHost(
      dataDir,
      `start; ${ask('127.0.0.1')} ${ask('[::1]')} stop
       start; stop; grep -c 'created certificate authority' log || true
       start --listen :5001; stop`,
    )
    const ready = '{"status":"ready"}{"status":"ready"}'
    const own = ['listens http://0.0.0.0:5001/', 'listens http://[::]:5001/']
    expect(lines).toEqual([...plain, ...tls, ready, ready, ...plain, ...tls, '0', ...own])
  }, 300_000)

  test('by HTTP alone for data of an earlier version, which had HTTPS when it was told to', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    copyOldData(dataDir)
    const lines = await runOnHost(
      dataDir,
      'start; stop; start --listen-tls 5443; stop; start; stop',
    )
    expect(lines).toEqual([...plain, ...plain, ...tls, ...plain])
  }, 300_000)

  test('by IPv4 alone on a machine without IPv6, and says nothing of it', async () => {
    using folder = temporaryFolder()
    const lines = await runOnHost(
      join(folder.path, 'data'),
      `echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
       start; stop
       start --listen 5001 --listen-tls 5002; stop
       fail --listen '[::1]:5000'`,
    )
    expect(lines).toEqual([
      'listens http://0.0.0.0:5000/',
      'listens https://0.0.0.0:5443/',
      'listens http://0.0.0.0:5001/',
      'listens https://0.0.0.0:5002/',
      expect.stringMatching(/^error: can't listen on \[::1\]:5000: EADDRNOTAVAIL/),
      'hint: check that it is an address of this machine, or use another one with --listen',
    ])
  }, 300_000)

  test('without what others have: HTTPS and IPv6 that nobody asked for. Says who has it, and how to get a low port', async () => {
    using folder = temporaryFolder()
    const other = `Bun.serve({ port: 5443, hostname: '127.0.0.1', fetch }); Bun.serve({ port: 5000, hostname: '::1', fetch }); console.log('up')`
    const lines = await runOnHost(
      join(folder.path, 'data'),
      `"$BUN" -e "${other}" >other & other_program=$!
       until grep -qs up other; do sleep 0.05; done
       start; stop
       fail --listen 5000
       fail --listen 127.0.0.1:1 --listen-tls 5443
       kill $other_program
       # Port 80 needs a capability that root has here.
       start --listen 80; stop
       unprivileged "$SNAILPASS" serve --listen 80 2>&1 | sed -n '/^error:/,$p'`,
    )
    const by = 'port \\d+ is already in use by bun\\S* \\(process \\d+\\)'
    expect(lines).toEqual([
      expect.stringMatching(
        new RegExp(
          `^warn  clients reach this server by IPv4 only: can't listen on \\[::\\]:5000: ${by} hint=`,
        ),
      ),
      expect.stringMatching(
        new RegExp(`^warn  HTTPS is off: can't listen on 0\\.0\\.0\\.0:5443: ${by} hint=`),
      ),
      'listens http://0.0.0.0:5000/',
      expect.stringMatching(new RegExp(`^error: can't listen on \\[::\\]:5000: ${by}$`)),
      'hint: stop the program that uses it, or use another port with --listen',
      expect.stringMatching(new RegExp(`^error: can't listen on 0\\.0\\.0\\.0:5443: ${by}$`)),
      'hint: stop the program that uses it, or use another port with --listen-tls',
      'listens http://0.0.0.0/',
      'listens http://[::]/',
      "error: can't listen on 0.0.0.0:80: ports below 1024 need the capability CAP_NET_BIND_SERVICE",
      expect.stringMatching(
        /^hint: with --listen use a port from 1024 on, .*`sudo setcap cap_net_bind_service=\+ep \S+snailpass`$/,
      ),
    ])
  }, 300_000)
})

describe.skipIf(!hasNetworkNamespaces)('over the default listener', () => {
  /**
   * A network with global addresses. The other host reaches the first address from the same /64, and the second one from
   * another network.
   */
  const network = `
    ip addr add 2001:db8:77::1/64 dev here nodad
    ip addr add 2001:db8:55::1/128 dev here nodad
    there ip addr add 2001:db8:77::2/64 dev there nodad
    there ip addr add 2001:db8:99::2/64 dev there nodad
    ip route add 2001:db8:99::/64 dev here
    there ip route add 2001:db8:55::1 dev there src 2001:db8:99::2
    # What a client gets by HTTP at a sign-in, a sign-up and the page, and by HTTPS at a sign-in.
    ask() {
      for path in login users; do there curl -sSg -w ' %{http_code}\\n' -u a@b.cc:x -X $([ $path = login ] && echo GET || echo POST) "http://$1:5000/$path"; done
      there curl -sSg "http://$1:5000/" | grep -o 'class="address">[^<]*' | cut -d'>' -f2
      there curl -sgk -o /dev/null -w '%{http_code}\\n' -u a@b.cc:x "https://$1:5443/login" || true
    }
  `
  const allowed = [
    '{"message":{"error":"Authentication Error. Incorrect credentials"}} 401',
    '{"message":{"error":"Malformed Body. The Content-Type must be application/json"}} 400',
  ]
  const refused = [
    '{"message":{"error":"Access Denied. Sign in over HTTPS: this connection can be overheard"}} 403',
    '{"message":{"error":"Access Denied. Sign in over HTTPS: this connection can be overheard"}} 403',
  ]
  const askAll = `ask 10.77.0.1; ask '[2001:db8:77::1]'; ask '[2001:db8:55::1]'`
  const doctor = `"$SNAILPASS" doctor 2>&1 | grep 'sign-up  ' || true`

  test('clients with IPv6 from other networks sign in by HTTPS alone', async () => {
    using folder = temporaryFolder()
    const lines = await runOnHost(
      join(folder.path, 'data'),
      `${network} start >/dev/null; ${askAll}; ${doctor}; stop`,
    )
    expect(lines).toEqual([
      ...[...allowed, 'http://10.77.0.1:5000/', '401'],
      ...[...allowed, 'http://[2001:db8:77::1]:5000/', '401'],
      ...[...refused, 'https://[2001:db8:55::1]:5443/', '401'],
      expect.stringMatching(
        /^! +sign-up +.* reachable as 2001:db8:\S+; other networks have to use HTTPS over IPv6$/,
      ),
    ])
  }, 300_000)

  test('so they do after an upgrade, where HTTPS is off; a listener that was asked for refuses nobody', async () => {
    using folder = temporaryFolder()
    const dataDir = join(folder.path, 'data')
    copyOldData(dataDir)
    const lines = await runOnHost(
      dataDir,
      `${network} start >/dev/null; ask '[2001:db8:55::1]'; ${doctor}; stop
       start --listen 5000 >/dev/null; ask '[2001:db8:55::1]'; stop`,
    )
    expect(lines).toEqual([
      ...[...refused, 'http://[2001:db8:55::1]:5000/', '000'],
      expect.stringMatching(
        /^ok +sign-up +.*from private networks only; other networks have to use HTTPS over IPv6, which is off$/,
      ),
      ...[...allowed, 'http://[2001:db8:55::1]:5000/', '000'],
    ])
  }, 300_000)
})

describe('the installer', () => {
  test('prints the line that turns HTTPS on after an upgrade, and not where the operator has decided', async () => {
    using folder = temporaryFolder()
    const install = async (...settings: readonly string[]) => {
      await Bun.write(
        join(prefix, 'etc/snailpass/snailpass.env'),
        [`SNAILPASS_DATA_DIR=${prefix}/var/lib/snailpass`, ...settings, ''].join('\n'),
      )
      const { code, stderr } = await run(['service', 'install', '--prefix', prefix])
      expect(code, stderr).toBe(0)
      return /HTTPS is off.*:\n {2}(\S+)/.exec(stderr)?.[1] ?? null
    }
    const prefix = join(folder.path, 'prefix')
    expect(await install()).toBeNull()
    copyOldData(join(prefix, 'var/lib/snailpass'))
    expect(await install()).toBe('SNAILPASS_LISTEN_TLS=0.0.0.0:5443,[::]:5443')
    expect(await install('SNAILPASS_LISTEN=192.168.1.5:80')).toBe(
      'SNAILPASS_LISTEN_TLS=192.168.1.5:5443',
    )
    expect(await install('SNAILPASS_LISTEN_TLS=off')).toBeNull()
  }, 300_000)
})
