/** What a client does, over real HTTP, with as little ado as a test can bear. */
export interface Client {
  readonly userId: string
  readonly token: string
  send(method: string, path: string, body?: unknown): Promise<Response>
}

const aCiphertext = '9EVyUnWNQDH6vHHLE6yJMw==:yfNpDOxbKqTLVoggLnWNIw=='

export function basicAuth(email: string, masterPasswordHash: string): string {
  return `Basic ${Buffer.from(`${email}:${masterPasswordHash}`).toString('base64')}`
}

/** Signs a new user up and in. */
export async function signUpAndLogIn(origin: URL, name: string): Promise<Client> {
  const email = `${name}@nas.local`
  const masterPasswordHash = Buffer.from(`hash of ${name}`).toString('base64')
  const userId = crypto.randomUUID()
  const response = await fetch(new URL('/users', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: userId, email, master_password_hash: masterPasswordHash, hint: '' }),
  })
  if (response.status !== 201)
    throw new Error(`sign-up: ${response.status} ${await response.text()}`)
  return await logIn(origin, { userId, email, masterPasswordHash })
}

export async function logIn(
  origin: URL,
  user: { userId: string; email: string; masterPasswordHash: string },
): Promise<Client> {
  const login = await fetch(new URL('/login', origin), {
    headers: { authorization: basicAuth(user.email, user.masterPasswordHash) },
  })
  const token = String((await login.json()).token)
  return { userId: user.userId, token, send: createSender(origin, token) }
}

/** Sends as whoever has a token, as after a restart of the server. */
export function createSender(origin: URL, token: string): Client['send'] {
  return (method, path, body) =>
    fetch(new URL(path, origin), {
      method,
      headers: { 'x-access-token': token, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
}

export function aRecord(change: Record<string, unknown> = {}) {
  return {
    id: crypto.randomUUID(),
    name: aCiphertext,
    login: aCiphertext,
    password: aCiphertext,
    is_favorite: false,
    is_deleted: false,
    ...change,
  }
}

export function aNote(change: Record<string, unknown> = {}) {
  return {
    id: crypto.randomUUID(),
    name: aCiphertext,
    content: aCiphertext,
    is_favorite: false,
    is_deleted: false,
    ...change,
  }
}

export function aField(recordId: string, change: Record<string, unknown> = {}) {
  return {
    id: crypto.randomUUID(),
    name: aCiphertext,
    value: aCiphertext,
    record_id: recordId,
    ...change,
  }
}
