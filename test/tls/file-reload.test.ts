import { describe, expect, setDefaultTimeout, spyOn, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import * as promises from 'node:fs/promises'
import { join } from 'node:path'
import { startFileSource } from '../../src/tls/file-source'
import { parseKeyPair } from '../../src/tls/key-pair'
import * as roots from '../../src/tls/roots'
import { captureError } from '../support/capture-error'
import { createTestAuthority } from '../support/certificates'
import { temporaryFolder } from '../support/executable'
import { steppedTiming } from '../support/stepped-timing'
import { createTestLog } from '../support/tls'
import { until } from '../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const start = Date.UTC(2026, 10, 23, 16, 31, 4)
const second = 1_000
const day = 24 * 3600 * second
const authority = await createTestAuthority()
const issue = async (notBefore: number, notAfter: number) => {
  const names = ['vault.example.org']
  const { certificate, key } = await authority.issue({ names, notBefore, notAfter })
  return { certificate: certificate + authority.certificate, key }
}
const good = await issue(start - day, start + 89 * day)
const next = await issue(start - day, start + 89 * day)

/** Starts a source of two files. The test ends each of its waits. */
async function startTestSource(first: { certificate: string; key: string }, now = start) {
  const folder = temporaryFolder()
  const paths = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') }
  const put = ({ certificate, key }: typeof first) => {
    writeFileSync(paths.cert, certificate)
    writeFileSync(paths.key, key)
  }
  put(first)
  const timing = steppedTiming(now)
  const { log, lines } = createTestLog()
  const { clock, wait } = timing
  const source = await startFileSource(paths, { publicName: null, clock, wait, log })
  return {
    source,
    timing,
    paths,
    put,
    entries: () =>
      lines.map((line) => {
        const { time: _, ...entry } = JSON.parse(line)
        return entry
      }),
    /** Ends a wait of two seconds. Returns after the check that follows. */
    async check() {
      expect(await timing.nextWait()).toBe(2 * second)
      timing.endWait()
      await timing.nextWait()
    },
    async [Symbol.asyncDispose]() {
      await source.stop()
      folder[Symbol.dispose]()
    },
  }
}

describe('changed files', () => {
  test('are read at once when someone asks for it, and so are those that can not be used', async () => {
    await using setup = await startTestSource(good)
    const { source, put, timing } = setup
    await timing.nextWait()
    put(next)
    source.checkNow()
    await until(() => source.current().cert === next.certificate, 'the new certificate')
    put(good)
    await setup.check()
    expect(source.current().cert).toBe(next.certificate)
    put({ certificate: good.certificate, key: next.key })
    source.checkNow()
    await until(() => setup.entries().some(({ level }) => level === 'error'), 'the failure')
    expect(source.current()).toMatchObject({ cert: next.certificate, key: next.key })
    await timing.nextWait()
    source.checkNow()
    await timing.nextWait()
    expect(setup.entries()).toHaveLength(2)
  })

  test('are read once two checks have found them the same', async () => {
    await using setup = await startTestSource(good)
    const { source, put, check } = setup
    await check()
    put(next)
    await check()
    expect(source.current().cert).toBe(good.certificate)
    await check()
    expect(source.current()).toMatchObject({ cert: next.certificate, key: next.key })
    expect(setup.entries()).toEqual([
      {
        level: 'info',
        message: 'loaded a new certificate',
        file: setup.paths.cert,
        until: '2027-02-20',
      },
    ])
    await check()
    expect(setup.entries()).toHaveLength(1)
  })

  test('are read by a later check if they change while they are read', async () => {
    await using setup = await startTestSource(good)
    const { source, put, check, paths } = setup
    put(next)
    await check()
    const { readFile } = promises
    {
      using _ = spyOn(promises, 'readFile').mockImplementation(((
        path: string,
        encoding: 'utf8',
      ) => {
        if (path === paths.key) writeFileSync(paths.cert, `${next.certificate}\n`)
        return readFile(path, encoding)
      }) as typeof readFile)
      await check()
    }
    expect(source.current().cert).toBe(good.certificate)
    expect(setup.entries()).toEqual([])
    await check()
    await check()
    expect(source.current().cert).toBe(next.certificate)
  })

  test('that are damaged again after a repair are reported again', async () => {
    await using setup = await startTestSource(good)
    const { put, check } = setup
    const problems = () => setup.entries().filter(({ level }) => level === 'error').length
    for (const expected of [1, 2]) {
      put({ ...good, certificate: 'nonsense' })
      await check()
      await check()
      await check()
      expect(problems()).toBe(expected)
      put(next)
      await check()
      await check()
    }
    expect(setup.source.current().cert).toBe(next.certificate)
  })

  test('that are missing keep the old certificate in use', async () => {
    await using setup = await startTestSource(good)
    rmSync(setup.paths.key)
    await setup.check()
    await setup.check()
    await setup.check()
    expect(setup.entries()).toEqual([
      {
        level: 'error',
        message: 'certificate reload failed',
        reason: expect.stringMatching(/^can't read .*key\.pem: ENOENT/),
        hint: 'check that SNAILPASS_TLS_KEY names the file, and that the user who runs snailpass may read it and its folder',
      },
    ])
    expect(setup.source.current().cert).toBe(good.certificate)
  })
})

const life = { notBefore: start - 100 * day, notAfter: start }
const ending = await issue(life.notBefore, life.notAfter)

describe('a certificate', () => {
  test.each([
    [
      'a millisecond before its start',
      life.notBefore - 1,
      'error',
      'is not valid before 2026-08-15: clients reject it',
    ],
    ['at its start', life.notBefore, null, null],
    ['with two weeks left', start - 14 * day, null, null],
    [
      'a millisecond later',
      start - 14 * day + 1,
      'warn',
      'expires on 2026-11-23 and has not been renewed',
    ],
    [
      'a millisecond before its end',
      start - 1,
      'warn',
      'expires on 2026-11-23 and has not been renewed',
    ],
    ['at its end', start, 'error', 'expired on 2026-11-23: clients reject it'],
  ])('is reported %s as it has to be', async (_, now, level, message) => {
    await using setup = await startTestSource(ending, now)
    expect(setup.entries()).toEqual(
      level === null ? [] : [{ level, message: `the certificate ${setup.paths.cert} ${message}` }],
    )
  })

  test('of twelve days is late with two days left', async () => {
    const short = await issue(start - 12 * day, start)
    await using setup = await startTestSource(short, start - 2 * day)
    expect(setup.entries()).toEqual([])
    setup.timing.setClock(start - 2 * day + 1 - 2 * second)
    await setup.check()
    expect(setup.entries()).toMatchObject([{ level: 'warn' }])
  })

  test('that is not valid does not replace one that is, which the log says once', async () => {
    await using setup = await startTestSource(good)
    setup.put(await issue(start - 2 * day, start - day))
    for (let checks = 0; checks < 3; checks++) await setup.check()
    expect(setup.entries()).toEqual([
      {
        level: 'error',
        message: 'certificate reload failed',
        reason: `the new certificate ${setup.paths.cert} expired on 2026-11-22`,
        hint: 'check that the program which renews it writes to this file, and that the clock of this machine is right',
      },
    ])
    expect(setup.source.current().cert).toBe(good.certificate)
  })

  test('counts as publicly trusted as long as its own chain is', async () => {
    using _ = spyOn(roots, 'findPublicPart').mockImplementation((chain) =>
      next.certificate.startsWith(String(chain[0])) ? chain : null,
    )
    await using setup = await startTestSource(good)
    expect(setup.source.isPubliclyTrusted()).toBeFalse()
    setup.put(next)
    await setup.check()
    await setup.check()
    expect(setup.source.isPubliclyTrusted()).toBeTrue()
  })
})

describe('a key', () => {
  const paths = { cert: 'CERT', key: 'KEY' }

  test.each([
    [
      'with the header of old programs',
      generateKeyPairSync('rsa', { modulusLength: 2048 })
        .privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' })
        .toString(),
    ],
    ['of PKCS #8', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA'],
  ])('that is encrypted is refused: %s', async (_, key) => {
    const error = await captureError(
      (async () => parseKeyPair({ cert: good.certificate, key }, paths))(),
    )
    expect(error).toMatchObject({
      code: 'unavailable',
      message: 'KEY is encrypted with a passphrase',
      hint: "a server can't ask for it: decrypt the key with `openssl pkey -in 'KEY' -out KEY`, and protect it with `chmod 600 KEY`",
    })
  })
})
