import { describe, expect, test } from 'bun:test'
import { describeFailure, runOrThrow, runProgram } from '../../src/service/process'
import { captureError } from '../support/capture-error'
import { createFakePrograms } from '../support/fake-programs'

describe('a program that is run', () => {
  test('returns its output, its errors and its exit code', async () => {
    const script = 'echo out; echo err >&2; exit 3'
    expect(await runProgram('sh', ['-c', script])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
      hasTimedOut: false,
    })
  })

  test('does not get the environment of the operator, nor the current folder', async () => {
    process.env['SNAILPASS_SECRET_KEY'] = 'of the operator'
    try {
      const { stdout } = await runProgram('sh', ['-c', 'env; echo "CWD=$(pwd)"'])
      const lines = stdout.trimEnd().split('\n')
      const ours = lines.filter((line) => !/^(?:PWD|OLDPWD|SHLVL|_)=/.test(line))
      expect(new Set(ours)).toEqual(
        new Set([
          `PATH=${process.env['PATH']}:/usr/local/sbin:/usr/sbin:/sbin`,
          `HOME=${process.env['HOME'] ?? '/'}`,
          'LC_ALL=C',
          'CWD=/',
        ]),
      )
    } finally {
      delete process.env['SNAILPASS_SECRET_KEY']
    }
  })

  test('finds programs without a PATH, and has a home without one', async () => {
    const before = process.env
    process.env = {}
    try {
      expect((await runProgram('/bin/sh', ['-c', 'echo $PATH $HOME'])).stdout).toBe(
        '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin /\n',
      )
    } finally {
      process.env = before
    }
  })

  // Only root can become another user.
  test.skipIf(process.getuid?.() !== 0)('has the user and the home of the service', async () => {
    const runAs = { uid: 65_534, gid: 65_533, home: '/of the service' }
    const script = 'echo $(id -u) $(id -G) "$HOME" $VARIABLE'
    const run = async (groups: readonly number[]) =>
      await runProgram('sh', ['-c', script], {
        ...{ runAs: { ...runAs, groups }, environment: { VARIABLE: 'of the service' } },
      })
    expect((await run([])).stdout).toBe('65534 65533 /of the service of the service\n')
    expect((await run([41, 42])).stdout).toBe('65534 65533 41 42 /of the service of the service\n')
  })

  test('is killed after its timeout, and not before', async () => {
    const ignoring = 'trap "" TERM; echo begun; exec sleep 1000'
    expect(await runProgram('sh', ['-c', ignoring], { timeout: 50 })).toMatchObject({
      code: null,
      hasTimedOut: true,
    })
    expect(await runProgram('sh', ['-c', 'exit 0'], { timeout: 60_000 })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
      hasTimedOut: false,
    })
  })

  test('keeps its standard input open, and may leave it unread', async () => {
    // `read` would end at once at the end of the input.
    const reading = 'read line; echo ended'
    expect(await runProgram('sh', ['-c', reading], { timeout: 200 })).toMatchObject({
      stdout: '',
      hasTimedOut: true,
    })
    expect((await runProgram('sh', ['-c', 'exec 0<&-; exit 0'])).code).toBe(0)
  })

  test('that is missing or can not be run is reported', async () => {
    expect(await captureError(runProgram('/nonexistent/x', [], { timeout: 60_000 }))).toMatchObject(
      {
        code: 'unavailable',
        message: expect.stringMatching(/^\/nonexistent\/x can't be run: /),
        hint: 'check that it is installed and on PATH, and that it is built for this machine',
        cause: expect.any(Error),
      },
    )
  })
})

describe('a program that must succeed', () => {
  test('returns its output', async () => {
    expect(await runOrThrow('sh', ['-c', 'echo done'])).toBe('done\n')
  })

  test('is reported with its last lines if it fails', async () => {
    using fake = createFakePrograms({ tool: 'echo one; echo; echo two >&2; exit 7' })
    expect(await captureError(runOrThrow('tool', ['a', '-b']))).toMatchObject({
      code: 'unavailable',
      message: 'tool a -b failed (7)\n  one\n  two',
      hint: 'fix what its output above says, and run this again',
    })
    expect(fake.calls()).toEqual(['tool a -b'])
  })
})

test('a failure is described by its end and the last six lines', () => {
  const stdout = '1\n2\n3\n \n'
  const stderr = '4\n5\n6\n7\n'
  const ended = { stdout, stderr, hasTimedOut: false }
  const lines = ['  2', '  3', '  4', '  5', '  6', '  7']
  expect(describeFailure('x', { ...ended, code: 1 })).toEqual(['x failed (1)', ...lines])
  expect(describeFailure('x', { ...ended, code: 0 })).toEqual(['x failed (0)', ...lines])
  expect(describeFailure('x', { ...ended, code: null })).toEqual(['x failed (killed)', ...lines])
  expect(describeFailure('x', { ...ended, code: null, hasTimedOut: true })).toEqual([
    'x timed out',
    ...lines,
  ])
  expect(describeFailure('x', { code: 1, stdout: '', stderr: '', hasTimedOut: false })).toEqual([
    'x failed (1)',
  ])
})

test('a program that asks whether this process lives gets one answer, when the question is a whole line', async () => {
  const script =
    'printf "go"; sleep 0.2; echo " on?"; read -r answer; echo "got $answer"; echo "go on?"; read -r -t 0.3 more || echo "no more"'
  const { code, stdout } = await runProgram('bash', ['-c', script], { question: 'go on?' })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'go on?\ngot yes\ngo on?\nno more\n' })
})
