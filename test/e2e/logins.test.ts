import { expect, test } from 'bun:test'
import { createAccount } from '../support/accounts'
import { basicAuth } from '../support/client'
import { serve, temporaryFolder } from '../support/executable'

test('many simultaneous logins do not keep a signed-in user waiting', async () => {
  using folder = temporaryFolder()
  const account = await createAccount({ dataDir: folder.path }, 'owner')
  await using server = await serve(folder.path)
  const owner = account.at(server.url)
  let answeredLogins = 0
  const logins = Array.from({ length: 24 }, async (_, index) => {
    const response = await fetch(new URL('/login', server.url), {
      headers: { authorization: basicAuth(`stranger${index}@nas.local`, 'x') },
    })
    answeredLogins++
    return response.status
  })
  await Promise.race(logins)
  // The order of the answers shows it, without looking at the clock: these answers would come after all logins if
  // checking a token waited for the threads that hash passwords. A token that was never seen is checked each time.
  for (let request = 0; request < 10; request++) {
    const unseen = `${owner.token.slice(0, -9)}${String(request).repeat(9)}`
    const response = await fetch(new URL('/users', server.url), {
      headers: { 'x-access-token': unseen },
    })
    expect(response.status).toBe(401)
  }
  expect((await owner.send('GET', '/users')).status).toBe(200)
  expect(answeredLogins).toBeLessThan(12)
  // On a busy machine, some would be answered too late, and are refused at once.
  const statuses = new Set(await Promise.all(logins))
  expect([...statuses].filter((status) => status !== 503)).toEqual([401])
}, 300_000)
