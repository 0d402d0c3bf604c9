/** A signed-in user, who sends requests over real HTTP. */
export interface Client {
  readonly userId: string
  readonly token: string
  /** Sends a request with the user's session token and `body` as JSON. */
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>
}

const aCiphertext = '9EVyUnWNQDH6vHHLE6yJMw==:yfNpDOxbKqTLVoggLnWNIw=='

export function basicAuth(email: string, masterPasswordHash: string): string {
  return `Basic ${Buffer.from(`${email}:${masterPasswordHash}`).toString('base64')}`
}

/** Creates an account `NAME@nas.local` and signs it in. */
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

/** Signs a user in, who has an account already. */
export async function logIn(
  origin: URL,
  user: { userId: string; email: string; masterPasswordHash: string },
): Promise<Client> {
  const login = await fetch(new URL('/login', origin), {
    headers: { authorization: basicAuth(user.email, user.masterPasswordHash) },
  })
  if (login.status !== 200) throw new Error(`sign-in: ${login.status} ${await login.text()}`)
  const token = String((await login.json()).token)
  return { userId: user.userId, token, send: createSender(origin, token) }
}

/** Returns a function that sends requests with a session token. */
export function createSender(origin: URL, token: string): Client['send'] {
  return (method, path, body, headers) =>
    fetch(new URL(path, origin), {
      method,
      headers: { 'x-access-token': token, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
}

/** Sends the head of a request and the first bytes of its body. The function that it returns sends the rest. */
export function beginRequest(
  origin: URL,
  token: string,
  [method, path]: readonly [string, string],
  body: object,
): () => Promise<Response> {
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const rest = Promise.withResolvers<void>()
  const answer = fetch(new URL(path, origin), {
    method,
    headers: { 'x-access-token': token, 'content-type': 'application/json' },
    body: new ReadableStream({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, 20))
        await rest.promise
        controller.enqueue(bytes.subarray(20))
        controller.close()
      },
    }),
  })
  return () => {
    rest.resolve()
    return answer
  }
}

/** Returns a valid body of a record with a new id, with some members changed. */
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

/** Returns a valid body of a note with a new id, with some members changed. */
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

/** Returns a valid body of an additional field with a new id, with some members changed. */
export function aField(recordId: string, change: Record<string, unknown> = {}) {
  return {
    id: crypto.randomUUID(),
    name: aCiphertext,
    value: aCiphertext,
    record_id: recordId,
    ...change,
  }
}
