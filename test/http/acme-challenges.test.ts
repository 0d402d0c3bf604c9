import { expect, test } from 'bun:test'
import { startTestServer } from '../support/server'

test('an unknown challenge is answered 404 in the shape of every other error', async () => {
  await using server = await startTestServer()
  for (const token of ['x', 'a-token-of-an-authority', 'a'.repeat(3000)]) {
    const url = new URL(`/.well-known/acme-challenge/${token}`, server.url)
    const answer = await fetch(url)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({
      message: { error: 'Resource Not Found. Nobody waits for this token' },
    })
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
  }
  // The log has the pattern of the route, not the token in the path.
  expect(server.log.join('\n')).not.toContain('a-token')
})
