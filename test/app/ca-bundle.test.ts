import { expect, test } from 'bun:test'
import { readCaBundle } from '../../src/app/ca-bundle'
import { createTestAuthority } from '../support/certificates'
import { createTemporaryFile } from '../support/settings-file'

const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

const hint = 'name a PEM file with certificates that the user who runs snailpass can read'

const refusal = (path: string, reason: string) =>
  expect.objectContaining({
    ...{ code: 'invalid', hint },
    message: expect.stringContaining(`SNAILPASS_ACME_CA (${path}) can't be used: ${reason}`),
  })

test('the certificates of a file are those of its PEM blocks, and nothing else in it', async () => {
  const [one, other] = [await createTestAuthority(), await createTestAuthority()]
  using file = createTemporaryFile(
    `# Our CAs\n${one.certificate}\ntext between\n${other.certificate}the end`,
  )
  expect(readCaBundle('SNAILPASS_MAIL_CA', file.path)).toBe(
    [one, other].map(({ certificate }) => `${certificate.trim()}\n`).join(''),
  )
})

test('a file without a usable certificate is refused, and the setting named', async () => {
  const { certificate } = await createTestAuthority()
  for (const [content, reason] of [
    ['', 'it contains no certificate'],
    ['a text', 'it contains no certificate'],
    [damaged, 'its certificate 1 is damaged'],
    [certificate + damaged, 'its certificate 2 is damaged'],
  ] as const) {
    using file = createTemporaryFile(content)
    expect(() => readCaBundle('SNAILPASS_ACME_CA', file.path)).toThrow(refusal(file.path, reason))
  }
  const missing = '/nonexistent/ca.pem'
  expect(() => readCaBundle('SNAILPASS_ACME_CA', missing)).toThrow(refusal(missing, 'ENOENT'))
})
