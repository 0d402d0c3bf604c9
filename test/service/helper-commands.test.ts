import { describe, expect, test } from 'bun:test'
import { CombinedError } from '../../src/domain/errors'
import { createHelperCommands, type HelperCommands } from '../../src/service/helper-commands'
import { layoutOf } from '../../src/service/paths'
import { captureError } from '../support/capture-error'
import { createFakePrograms } from '../support/fake-programs'

const layout = layoutOf({ prefix: '/srv/x', hasService: false })
const settings = '/srv/x/etc/snailpass/snailpass.env'
const asRoot = { systemUser: null, unitVariables: {} }

/** Runs a helper command of an executable that is a shell script. Returns how it was called and the result or error. */
async function call<T>(script: string, work: (commands: HelperCommands) => Promise<T>) {
  using fake = createFakePrograms({ snailpass: script })
  const commands = createHelperCommands(fake.pathOf('snailpass'), layout, asRoot)
  const result = await work(commands).catch((error: unknown) => error)
  return { calls: fake.calls(), result }
}

const preflight = {
  dataDir: '/data',
  endpoints: [
    { address: { hostname: '::', port: 5000 }, isTls: false },
    { address: { path: '/run/x' }, isTls: true },
  ],
  engine: 'postgres',
  database: 'postgres://db/x',
  content: 'original',
  pending: ['0002'],
  folders: ['/data'],
  isServed: true,
}

const print = (value: unknown) => `cat <<'END'\n${JSON.stringify(value)}\nEND`

/** Each command with the arguments that it must pass and the result if the executable prints a path. */
const commandCalls: readonly [
  name: string,
  work: (commands: HelperCommands) => Promise<unknown>,
  args: string,
  result: unknown,
][] = [
  ['copy', ({ copyDatabase }) => copyDatabase('/c'), 'service step copy /c', undefined],
  [
    'put-back',
    ({ restoreCopy }) => restoreCopy({ copy: '/c', replacedCopy: '/r' }),
    'service step put-back /c /r',
    undefined,
  ],
  ['clear', ({ dropTables }) => dropTables({ keep: false }), 'service step clear', '/path'],
  [
    'clear and keep',
    ({ dropTables }) => dropTables({ keep: true }),
    'service step clear --keep',
    '/path',
  ],
  ['trial', ({ smokeTest }) => smokeTest(60_000), 'service step trial', undefined],
  ['backup', ({ backUp }) => backUp(null), 'backup', '/path'],
  ['backup to a file', ({ backUp }) => backUp('/b'), 'backup --plain --to /b', '/path'],
  ['restore', ({ restore }) => restore('/b'), 'restore /b --yes', undefined],
]

describe('a helper command calls the executable as every version understands it', () => {
  test.each(commandCalls)('%s', async (_name, work, args, result) => {
    expect(await call('echo " /path "', work)).toEqual({
      calls: [`snailpass ${args} --config ${settings}`],
      result,
    })
  })

  test('and a copy that there is none of is null', async () => {
    const { result } = await call('', ({ dropTables }) => dropTables({ keep: true }))
    expect(result).toBeNull()
  })

  test('and reads what it prints of the settings and the database', async () => {
    expect(await call(print(preflight), (commands) => commands.preflight())).toEqual({
      calls: [`snailpass service step outlook --config ${settings}`],
      result: preflight,
    })
    for (const content of ['nothing', 'ours']) {
      for (const engine of ['sqlite', 'postgres']) {
        const other = { ...preflight, content, engine, isServed: false, endpoints: [] }
        const { result } = await call(print({ ...other, extra: 1 }), (each) => each.preflight())
        expect(result).toEqual(other)
      }
    }
  })
})

const [first] = preflight.endpoints

test.each<[string, unknown]>([
  ['nothing', ''],
  ['a list', []],
  ...Object.keys(preflight).map(
    (name) => [`no ${name}`, { ...preflight, [name]: undefined }] as [string, unknown],
  ),
  ...Object.keys(preflight).map(
    (name) => [`a number as ${name}`, { ...preflight, [name]: 5 }] as [string, unknown],
  ),
  ['an unknown engine', { ...preflight, engine: 'mysql' }],
  ['an unknown content', { ...preflight, content: 'theirs' }],
  ['a number among the migrations', { ...preflight, pending: ['a', 5] }],
  ['a number among the folders', { ...preflight, folders: [5] }],
  ['an endpoint without TLS', { ...preflight, endpoints: [{ address: { path: '/x' } }] }],
  ['an endpoint without an address', { ...preflight, endpoints: [first, { isTls: true }] }],
  [
    'an address without a port',
    { ...preflight, endpoints: [{ address: { hostname: 'x' }, isTls: true }] },
  ],
  [
    'an address without a host',
    { ...preflight, endpoints: [{ address: { port: 5 }, isTls: true }] },
  ],
])('what the executable prints is refused if it is or has %s', async (_name, printed) => {
  const { result } = await call(print(printed), (commands) => commands.preflight())
  expect(result).toMatchObject({
    code: 'unavailable',
    message: `another version printed what this one can't read: ${JSON.stringify(printed)}\n`,
    hint: 'run the installer of the version whose upgrade was interrupted',
  })
})

describe('a helper command that fails', () => {
  const failing = (script: string) => call(script, (commands) => commands.copyDatabase('/c'))

  test.each(commandCalls)('is never taken for one that succeeded: %s', async (_name, work) => {
    const { result } = await call('echo /path; echo "error: one" >&2; exit 1', work)
    expect(result).toMatchObject({ code: 'unavailable', message: 'one' })
  })

  test('reports the error and hint of the executable, without its other lines', async () => {
    const { result } = await failing(
      'echo "warning: w" >&2; echo "error: one" >&2; echo "hint: do" >&2; echo "error: two" >&2; echo "hint: this" >&2; exit 2',
    )
    expect(result).toMatchObject({ code: 'unavailable', message: 'one\ntwo', hint: 'do\nthis' })
  })

  test('reports several errors one by one, each with its own hint', async () => {
    const lines = ['hint: stray', 'error: a', 'error: b', 'hint: c', 'log', 'hint: d', 'error: e']
    const script = [...lines, 'error: f', 'hint: g', 'error: h'].map(
      (line) => `echo "${line}" >&2;`,
    )
    const { result } = await failing(`${script.join('')} exit 2`)
    expect(result).toBeInstanceOf(CombinedError)
    const errors = result instanceof CombinedError ? result.errors : []
    expect(errors.map(({ code, message, hint }) => ({ code, message, hint }))).toEqual([
      { code: 'unavailable', message: 'a\nb', hint: 'c\nd' },
      { code: 'unavailable', message: 'e\nf', hint: 'g' },
      { code: 'unavailable', message: 'h', hint: null },
    ])
  })

  test('reports an error without a hint', async () => {
    const { result } = await failing('echo "error: one" >&2; exit 1')
    expect(result).toMatchObject({ code: 'unavailable', message: 'one', hint: null })
  })

  test('reports the last lines if there is no error', async () => {
    const { result } = await failing('echo out; echo "no error: x" >&2; exit 9')
    expect(result).toMatchObject({
      code: 'unavailable',
      message: 'snailpass service step copy /c failed (9)\n  out\n  no error: x',
      hint: null,
    })
  })

  test('reports a timeout, which only the smoke test has', async () => {
    const script = 'echo "error: half" >&2; exec sleep 1000'
    const { result } = await call(script, ({ smokeTest }) => smokeTest(300))
    expect(result).toMatchObject({
      code: 'unavailable',
      message: 'snailpass service step trial timed out\n  error: half',
    })
  })

  test('is reported if there is no executable', async () => {
    const commands = createHelperCommands('/nonexistent/x', layout, asRoot)
    expect(await captureError(commands.preflight())).toMatchObject({ code: 'unavailable' })
  })
})
