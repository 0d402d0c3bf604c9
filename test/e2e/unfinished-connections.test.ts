import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { createAccount } from '../support/accounts'
import { aRecord } from '../support/client'
import { run, serve, temporaryFolder } from '../support/executable'

/**
 * Sends texts one after another on one connection, and closes its own side if `isHalfClosed`. Returns all that comes back until the
 * connection closes, or until the server has had time for an answer.
 */
function exchange(
  port: number,
  texts: readonly string[],
  { isHalfClosed }: { isHalfClosed: boolean },
): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }, async () => {
      for (const text of texts) {
        socket.write(text)
        await Bun.sleep(20)
      }
      if (isHalfClosed) socket.end()
    })
    socket.on('data', (bytes) => {
      received += bytes.toString()
      const answers = received.match(/HTTP\/1\.1 \d+ /g)?.length
      if (answers === texts.join('').match(/ HTTP\/1\.1\r\n/g)?.length) socket.destroy()
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

test('a client that pipelines requests or closes its side has its answer, or nothing was done', async () => {
  using folder = temporaryFolder()
  const environment = { SNAILPASS_RATE_LIMITS: 'off' }
  const account = await createAccount({ dataDir: folder.path, environment }, 'owner')
  await using server = await serve(folder.path, environment)
  const port = Number(server.url.port)
  const owner = account.at(server.url)
  const post = (path: string, body: object) => {
    const text = JSON.stringify(body)
    return `POST ${path} HTTP/1.1\r\nHost: pi\r\nx-access-token: ${owner.token}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  }
  let accounts = 1
  const signUp = () =>
    post('/users', {
      ...{ id: crypto.randomUUID(), email: `u${accounts++}@nas.local` },
      ...{ master_password_hash: 'x', hint: null },
    })
  const add = () => post('/records', aRecord())
  const get = `GET /users HTTP/1.1\r\nHost: pi\r\nx-access-token: ${owner.token}\r\n\r\n`

  const answers: string[] = []
  for (const isHalfClosed of [true, false]) {
    for (const texts of [
      [signUp()],
      [add()],
      [signUp() + get],
      [add() + get],
      [signUp() + signUp()],
      [add() + add()],
      [signUp(), get],
      [add(), get],
      // The second one is not complete.
      [signUp() + get.slice(0, 30)],
      [add() + add().slice(0, -5)],
    ]) {
      const isComplete = texts.join('').endsWith('\r\n\r\n') || texts.join('').endsWith('}')
      if (!isHalfClosed && !isComplete) continue
      answers.push(await exchange(port, texts, { isHalfClosed }))
    }
  }
  const created = answers.join('\n').match(/HTTP\/1\.1 201 /g)?.length ?? 0
  const records = await (await owner.send('GET', '/records')).json()
  const listed = await run(['user', 'list', '--json', '--data-dir', folder.path])
  // One account was there before.
  expect(records.length + JSON.parse(listed.stdout).length - 1).toBe(created)
  expect(created).toBeGreaterThan(0)
  // The server goes on for others.
  expect((await owner.send('GET', '/users')).status).toBe(200)
}, 300_000)
