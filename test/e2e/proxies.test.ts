import { expect, test } from 'bun:test'
import { temporaryFolder } from '../support/executable'
import { proxyAspects, tryProxy } from '../support/proxy-trial'
import { hasProxy } from '../support/reverse-proxies'

/* The others are tried by scripts/test-proxies.sh. */

test.skipIf(!hasProxy('nginx'))(
  'nginx as documented never answers in place of the server, and passes everything else on',
  async () => {
    using folder = temporaryFolder()
    const findings = await tryProxy('nginx', folder.path)
    expect(proxyAspects.map((aspect) => findings[aspect])).toEqual(proxyAspects.map(() => null))
  },
  60_000,
)
