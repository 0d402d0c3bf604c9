import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { contentSecurityPolicy } from '../../src/web/page'
import { createTestApi } from '../support/api'

// The vault is built when one of its files is first asked for.
setDefaultTimeout(300_000)

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

/** What a browser is shown. */
async function open(path: string, init: RequestInit = {}, deps = {}) {
  const { ask } = createTestApi(deps)
  const answer = await ask(path, { headers: browser, ...init })
  const text = await answer.text()
  return {
    status: answer.status,
    isPage: answer.headers.get('content-type') === 'text/html;charset=utf-8',
    title: /<h1>(.*?)<\/h1>/.exec(text)?.[1] ?? null,
    text,
    headers: answer.headers,
  }
}

describe('a browser', () => {
  test.each(['/nothing', '/nothing/at/all', '/vaults', '/vault/none.js', '/Confirm/x', '/ca/x'])(
    'that opens %s gets a page that leads to the start page',
    async (path) => {
      const { headers, text, ...shown } = await open(path)
      expect(shown).toEqual({
        status: 404,
        isPage: true,
        title: 'There is nothing at this address',
      })
      expect(headers.get('content-security-policy')).toBe(contentSecurityPolicy)
      expect(headers.get('cache-control')).toBe('no-store')
      expect(text).toContain('<a class="button" href="/">')
    },
  )

  test('gets a page below the path of the public URL', async () => {
    const { text } = await open('/nothing', {}, { publicUrl: new URL('https://nas.example/pass/') })
    expect(text).toContain('<a class="button" href="/pass/">')
  })

  test('gets a page for a page that failed, which reveals nothing', async () => {
    const { text, ...shown } = await open(
      '/ca',
      {},
      {
        authority: () => {
          throw new Error('secret detail')
        },
      },
    )
    expect(shown).toMatchObject({ status: 500, isPage: true, title: 'Something went wrong' })
    expect(text).not.toContain('secret detail')
  })

  test.each(['/records', '/users', '/healthz', '/login'])(
    'gets what clients get at %s, which is of the API',
    async (path) => {
      const asClient = await open(path, { headers: {} })
      const { isPage, status, text } = await open(path)
      expect({ isPage, status, text }).toEqual({
        ...{ isPage: false, status: asClient.status, text: asClient.text },
      })
    },
  )

  test('gets no page in answer to anything but GET and HEAD', async () => {
    expect(await open('/nothing', { method: 'POST' })).toMatchObject({ status: 404, isPage: false })
    expect(await open('/nothing', { method: 'HEAD' })).toMatchObject({ status: 404, isPage: true })
  })
})

test.each([{}, { accept: '*/*' }, { accept: 'application/json' }])(
  'a client that does not ask for HTML gets JSON: %p',
  async (headers) => {
    const { isPage, status, text } = await open('/nothing', { headers })
    expect({ isPage, status }).toEqual({ isPage: false, status: 404 })
    expect(JSON.parse(text)).toEqual({
      message: { error: 'Resource Not Found. There is nothing at this address' },
    })
  },
)
