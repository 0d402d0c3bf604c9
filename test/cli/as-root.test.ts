import { afterEach, beforeEach, describe, expect, type Mock, spyOn, test } from 'bun:test'
import { adviseRoot, rootHint } from '../../cli/as-root'
import { CombinedError, DomainError } from '../../src/domain/errors'
import { captureError } from '../support/capture-error'

const asTyped = (...args: string[]) => ({
  program: '/usr/local/bin/snailpass',
  args,
  environment: {},
})

describe('the hint to run a command as root', () => {
  test('repeats the command, quoted for a shell', () => {
    expect(rootHint(asTyped('user', 'show', 'you@example.org'))).toBe(
      'run it as root: sudo snailpass user show you@example.org',
    )
    expect(rootHint(asTyped('backup', 'verify', "/srv/a folder/it's.sqlite", '*', '$HOME'))).toBe(
      "run it as root: sudo snailpass backup verify '/srv/a folder/it'\\''s.sqlite' '*' '$HOME'",
    )
  })

  test('names the file of a program that sudo would not find', () => {
    const program = '/home/anna/my downloads/snailpass'
    expect(rootHint({ ...asTyped('audit'), program })).toBe(
      "run it as root: sudo '/home/anna/my downloads/snailpass' audit",
    )
  })

  test('keeps the settings of the environment, without their values', () => {
    const environment = {
      PATH: '/bin',
      SNAILPASS_DATA_DIR: '/srv/x',
      SNAILPASS_SECRET_KEY: 'a secret',
      MAIL_PASSWORD: 'another secret',
      MAIL: '/var/mail/anna',
    }
    expect(rootHint({ ...asTyped('audit'), environment })).toBe(
      'run it as root: sudo --preserve-env=SNAILPASS_DATA_DIR,SNAILPASS_SECRET_KEY,MAIL_PASSWORD snailpass audit',
    )
  })

  test.each(['postgres://me:horse@db/x', 'postgresql://db/x?sslmode=require&password=horse'])(
    'does not repeat a command with a password: %s',
    (url) => {
      expect(rootHint(asTyped('copy', url, 'sqlite:/x'))).toBe('run it as root, with sudo')
    },
  )

  test('repeats a URL without a password', () => {
    expect(rootHint(asTyped('copy', 'sqlite:/x', 'postgres://me@db:5432/x'))).toEndWith(
      ' sudo snailpass copy sqlite:/x postgres://me@db:5432/x',
    )
  })
})

describe('an error of a command', () => {
  let user: Mock<() => number>
  beforeEach(() => {
    user = spyOn(process, 'getuid').mockReturnValue(1000)
  })
  afterEach(() => user.mockRestore())

  const refusal = (code: string, more: object = { path: '/srv/x' }) =>
    Object.assign(new Error(`${code}: no`), { code, syscall: 'open', ...more })
  const failure = (cause: unknown) =>
    new DomainError('unavailable', ["can't read it", 'at all'], { hint: 'look there', cause })
  const advised = {
    code: 'unavailable',
    lines: ["can't read it", 'at all'],
    hint: 'run it as root: sudo snailpass audit',
  }

  test.each(['EACCES', 'EPERM'])('says to be root where a file is closed (%s)', (code) => {
    expect(adviseRoot(failure(refusal(code)), asTyped('audit'))).toMatchObject(advised)
    const outer = failure(new DomainError('invalid', 'inner', { cause: refusal(code) }))
    expect(adviseRoot(outer, asTyped('audit'))).toMatchObject(advised)
  })

  test.each([
    ['another failure', refusal('ENOENT')],
    ['a refused connection', refusal('EACCES', { address: '192.0.2.1', port: 25 })],
    ['no cause', undefined],
  ])('keeps its hint for %s', (_, cause) => {
    const error = failure(cause)
    expect(adviseRoot(error, asTyped('audit'))).toBe(error)
  })

  test.each([[['serve']], [['service', 'step', 'outlook', '--config', '/etc/x']]])(
    'of %p keeps its hint: root is the wrong user',
    (args) => {
      const error = failure(refusal('EACCES'))
      expect(adviseRoot(error, asTyped(...args))).toBe(error)
    },
  )

  test('of another command that begins like these is advised', () => {
    const error = failure(refusal('EACCES'))
    for (const args of [['service', 'status'], ['server']]) {
      expect(adviseRoot(error, asTyped(...args))).toMatchObject({
        hint: `run it as root: sudo snailpass ${args.join(' ')}`,
      })
    }
  })

  test('keeps its hint for root, and where there are no such users', () => {
    const error = failure(refusal('EACCES'))
    user.mockReturnValue(0)
    expect(adviseRoot(error, asTyped('audit'))).toBe(error)
  })

  test('that combines several is advised one by one', () => {
    const other = new DomainError('invalid', 'another one', { hint: 'do that' })
    const error = new CombinedError('invalid', [failure(refusal('EACCES')), other])
    expect(adviseRoot(error, asTyped('audit'))).toMatchObject({
      code: 'invalid',
      errors: [advised, { message: 'another one', hint: 'do that' }],
    })
  })

  test('that is a bug is left as it is', async () => {
    const bug = await captureError(Promise.reject(refusal('EACCES')))
    expect(adviseRoot(bug, asTyped('audit'))).toBe(bug)
  })
})
