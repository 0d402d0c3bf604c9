import { describe, expect, test } from 'bun:test'
import type { Endpoint } from '../../src/config/listen-address'
import {
  findReadinessProblem,
  hasEphemeralPort,
  startAndWaitUntilReady,
} from '../../src/service/readiness'
import { createSystemUser, findSystemUser, removeSystemUser } from '../../src/service/system-user'
import {
  disableService,
  enableService,
  lastLogLines,
  reloadUnits,
  serviceState,
  startService,
  stopService,
} from '../../src/service/systemd'
import { captureError } from '../support/capture-error'
import { createFakePrograms } from '../support/fake-programs'

const show =
  'systemctl show snailpass --property=ActiveState,ActiveEnterTimestamp,NRestarts,Job,StatusText'
const journal = 'journalctl --unit snailpass --lines 8 --no-pager --output cat'

describe('systemd', () => {
  test('is told exactly what is meant', async () => {
    using fake = createFakePrograms({ systemctl: '' })
    await reloadUnits()
    await enableService()
    await startService()
    await stopService()
    await disableService()
    expect(fake.calls()).toEqual([
      'systemctl daemon-reload',
      'systemctl enable --quiet snailpass',
      'systemctl reset-failed snailpass',
      'systemctl start --no-block snailpass',
      'systemctl stop snailpass',
      'systemctl disable --quiet --now snailpass',
    ])
  })

  test.each<[string, () => Promise<unknown>]>([
    ['daemon-reload', reloadUnits],
    ['enable --quiet snailpass', enableService],
    ['start --no-block snailpass', startService],
    ['stop snailpass', stopService],
    ['disable --quiet --now snailpass', disableService],
    [show.slice('systemctl '.length), serviceState],
  ])('that refuses is reported: %s', async (args, work) => {
    using _fake = createFakePrograms({ systemctl: 'echo "Access denied" >&2; exit 4' })
    expect(await captureError(work())).toMatchObject({
      code: 'unavailable',
      message: `systemctl ${args} failed (4)\n  Access denied`,
    })
  })

  test('has reset a failed state before it starts the service', async () => {
    const slow = '[ "$1" != reset-failed ] || { sleep 0.1; echo reset >>"$(dirname "$0")/../log"; }'
    using fake = createFakePrograms({ systemctl: slow })
    await startService()
    expect(fake.calls()).toEqual([
      'systemctl reset-failed snailpass',
      'reset',
      'systemctl start --no-block snailpass',
    ])
  })

  test('may not know a failed state to reset', async () => {
    using fake = createFakePrograms({ systemctl: '[ "$1" != reset-failed ]' })
    await startService()
    expect(fake.calls()).toHaveLength(2)
  })

  test('tells the state of the service', async () => {
    using fake = createFakePrograms({
      systemctl:
        "printf 'NRestarts=2\\nActiveState=activating\\nActiveEnterTimestamp=Tue 10:00 a=b\\nJob=7\\nStatusText=error: a=b\\n'",
    })
    expect(await serviceState()).toEqual({
      activeState: 'activating',
      since: 'Tue 10:00 a=b',
      restarts: 2,
      isPending: true,
      message: 'error: a=b',
    })
    expect(fake.calls()).toEqual([show])
  })

  test('that tells nothing knows no service', async () => {
    using _fake = createFakePrograms({ systemctl: "printf 'NRestarts=\\n'" })
    expect(await serviceState()).toEqual({
      activeState: '',
      since: '',
      restarts: 0,
      isPending: false,
      message: '',
    })
  })

  test('has the last lines of the log, or none', async () => {
    {
      using fake = createFakePrograms({ journalctl: "printf 'one\\ntwo\\n\\n'" })
      expect(await lastLogLines()).toBe('one\ntwo')
      expect(fake.calls()).toEqual([journal])
    }
    {
      using _fake = createFakePrograms({ journalctl: 'echo x; exit 1' })
      expect(await lastLogLines()).toBe('')
    }
  })
})

const endpoint: Endpoint = { address: { hostname: '127.0.0.1', port: 5000 }, isTls: false }
const other: Endpoint = { address: { path: '/run/x' }, isTls: false }

describe('waiting for a service', () => {
  /** Returns the error, the waits and the endpoints that were asked, with a service in the given states one after the other. */
  async function waitFor(
    states: readonly string[],
    { answers = [], timeout = 1_000 }: { answers?: readonly (string | null)[]; timeout?: number },
  ) {
    const lines = states.map((state, index) => `  ${index + 1}) printf '${state}' ;;`).join('\n')
    using fake = createFakePrograms({
      systemctl: `[ "$1" = show ] || exit 0
count=$(grep -c 'systemctl show' "$(dirname "$0")/../log")
case $count in
${lines}
  *) printf '${states.at(-1) ?? ''}' ;;
esac`,
      journalctl: "printf 'line one\\nline two\\n'",
    })
    const waits: number[] = []
    const asked: Endpoint[] = []
    const error = await captureError(
      startAndWaitUntilReady([endpoint, other], {
        async checkReadiness(found) {
          asked.push(found)
          return answers[asked.length - 1] ?? null
        },
        readyTimeout: timeout,
        wait: async (milliseconds) => void waits.push(milliseconds),
      }),
    )
    return { error, waits, asked, calls: fake.calls() }
  }

  const active = 'ActiveState=active\\nNRestarts=0\\n'
  const activating = (restarts: number) => `ActiveState=activating\\nNRestarts=${restarts}\\n`

  test('ends once it is active and the server is ready at its first endpoint', async () => {
    const { error, waits, asked, calls } = await waitFor([activating(0), active, active], {
      answers: ['status 503', null],
    })
    expect(error).toBeNull()
    expect(waits).toEqual([200, 200])
    expect(asked).toEqual([endpoint, endpoint])
    expect(calls).toEqual([
      'systemctl reset-failed snailpass',
      'systemctl start --no-block snailpass',
      show,
      show,
      show,
    ])
  })

  test.each(['failed', 'inactive'])('ends if it is %s', async (state) => {
    const { error, waits, asked } = await waitFor([activating(0), `ActiveState=${state}\\n`], {})
    expect(error).toMatchObject({
      code: 'unavailable',
      message: 'the service does not become ready\n  line one\n  line two',
      hint: 'see the whole log with `journalctl -u snailpass`',
    })
    expect(waits).toEqual([200])
    expect(asked).toEqual([])
  })

  test('tells what the server has told systemd, with its hints, in place of the log', async () => {
    const text = 'error: No space is left hint: free space error: another hint: do that'
    const failed = `ActiveState=activating\\nNRestarts=2\\nStatusText=${text}\\n`
    const { error, calls } = await waitFor([failed, activating(3)], {})
    expect(error).toMatchObject({
      message: 'the service does not become ready\n  No space is left\n  another',
      hint: 'free space\ndo that\nsee the whole log with `journalctl -u snailpass`',
    })
    expect(calls).not.toContain(journal)
  })

  test.each([['inactive'], ['failed']])(
    'waits while systemd has not yet begun to start one that is %s',
    async (state) => {
      const pending = `ActiveState=${state}\\nJob=12\\n`
      const { error, waits } = await waitFor([pending, pending, active], {})
      expect(error).toBeNull()
      expect(waits).toEqual([200, 200])
    },
  )

  test('ends if systemd has restarted it three times', async () => {
    const states = [0, 1, 2, 3, 4].map(activating)
    const { error, waits } = await waitFor(states, {})
    expect(error).toMatchObject({ message: expect.stringContaining('does not become ready\n') })
    expect(waits).toHaveLength(3)
  })

  test('ends after the timeout, with the last problem of the server', async () => {
    const answers = Array.from({ length: 9 }, (_, index) => `problem ${index}`)
    const { error, waits, asked, calls } = await waitFor([active], { answers, timeout: 1_000 })
    expect(error).toMatchObject({
      message: 'the service does not become ready: problem 5\n  line one\n  line two',
    })
    expect(waits).toEqual([200, 200, 200, 200, 200])
    expect(asked).toHaveLength(6)
    expect(calls.at(-1)).toBe(journal)
  })
})

test('readiness is that of the first endpoint', async () => {
  const asked: Endpoint[] = []
  const check = async (found: Endpoint) => {
    asked.push(found)
    return 'status 503'
  }
  expect(await findReadinessProblem([other, endpoint], check)).toBe('status 503')
  expect(asked).toEqual([other])
  expect(await findReadinessProblem([], check)).toBe('the server has no listener')
  expect(asked).toEqual([other])
})

test('a port that the system chooses is one that nobody knows', () => {
  const at = (port: number) => ({ address: { hostname: 'x', port }, isTls: false })
  expect([at(0), at(1), other].map(hasEphemeralPort)).toEqual([true, false, false])
})

function requireUser(name: string) {
  const user = findSystemUser(name)
  if (user === null) throw new Error(`there is no user ${name}`)
  return user
}

describe('the system user', () => {
  test('is found by its whole name', () => {
    expect(findSystemUser('root')).toEqual({ uid: 0, gid: 0, home: '/root', groups: [] })
    expect(findSystemUser('roo')).toBeNull()
    expect(findSystemUser('oot')).toBeNull()
    expect(findSystemUser('')).toBeNull()
  })

  /** None of this machine's own programs may run. */
  const all = { useradd: '', adduser: '', addgroup: '', userdel: '', deluser: '' }

  // `nobody` exists on every machine, so it is found after the fake programs have "created" it.
  const nobody = requireUser('nobody')

  test('is created with useradd, without a login', async () => {
    using fake = createFakePrograms(all)
    expect(await createSystemUser('nobody', '/var/lib/x')).toEqual(nobody)
    expect(fake.calls()).toEqual([
      'useradd --system --user-group --home-dir /var/lib/x --no-create-home --shell /usr/sbin/nologin nobody',
    ])
  })

  /** A shell that does not find some programs, which this machine may have. */
  const shellWithout = (...missing: string[]) =>
    `case "$3" in ${missing.join('|')}) exit 1 ;; esac\nexec /bin/sh "$@"`

  test('is created with the adduser of BusyBox otherwise', async () => {
    using fake = createFakePrograms({ ...all, sh: shellWithout('useradd') })
    expect(await createSystemUser('nobody', '/var/lib/x')).toEqual(nobody)
    expect(fake.calls().filter((call) => !call.startsWith('sh '))).toEqual([
      'addgroup -S nobody',
      'adduser -S -D -H -h /var/lib/x -s /sbin/nologin -G nobody nobody',
    ])
  })

  test('is not created without either of them', async () => {
    using fake = createFakePrograms({ ...all, sh: shellWithout('useradd', 'adduser') })
    expect(await captureError(createSystemUser('nobody', '/x'))).toMatchObject({
      code: 'unavailable',
      message: 'neither useradd nor adduser is installed',
      hint: 'install one of them, or install below a folder of your own with --prefix',
    })
    expect(fake.calls().filter((call) => !call.startsWith('sh '))).toEqual([])
  })

  test('that can not be created is reported', async () => {
    using _fake = createFakePrograms({
      ...all,
      useradd: 'echo "cannot lock /etc/passwd" >&2; exit 1',
    })
    expect(await captureError(createSystemUser('nobody', '/x'))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^useradd --system .* failed \(1\)\n {2}cannot lock/),
    })
  })

  test('is not created in a group that can not be created', async () => {
    using fake = createFakePrograms({
      ...all,
      sh: shellWithout('useradd'),
      addgroup: 'echo "in use" >&2; exit 1',
    })
    expect(await captureError(createSystemUser('nobody', '/x'))).toMatchObject({
      message: 'addgroup -S nobody failed (1)\n  in use',
    })
    expect(fake.calls().some((call) => call.startsWith('adduser'))).toBeFalse()
  })

  test.each(['userdel', 'deluser'])('that %s can not remove is reported', async (tool) => {
    const failing = { ...all, [tool]: 'exit 8' }
    const shell = tool === 'deluser' ? { sh: shellWithout('userdel') } : {}
    using _fake = createFakePrograms({ ...failing, ...shell })
    expect(await captureError(removeSystemUser('no-such-user'))).toMatchObject({
      code: 'unavailable',
      message: `${tool} no-such-user failed (8)`,
    })
  })

  test('that is missing after it was created is a bug', async () => {
    using _fake = createFakePrograms(all)
    const error = await captureError(createSystemUser('no-such-user', '/x'))
    expect(String(error)).toBe('Error: the user no-such-user was created and is not in /etc/passwd')
  })

  test('is removed with userdel, or with the deluser of BusyBox', async () => {
    {
      using fake = createFakePrograms(all)
      await removeSystemUser('no-such-user')
      expect(fake.calls()).toEqual(['userdel no-such-user'])
    }
    using fake = createFakePrograms({ ...all, sh: shellWithout('userdel') })
    await removeSystemUser('no-such-user')
    expect(fake.calls().filter((call) => !call.startsWith('sh '))).toEqual(['deluser no-such-user'])
  })
})
