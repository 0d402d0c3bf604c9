/** `fetch` of the browser; in tests that of a server. */
export type Fetch = (address: string, init: RequestInit) => Promise<Response>

export interface WholeAnswer {
  readonly status: number
  readonly ok: boolean
  readonly headers: Headers
  readonly text: string
}

/** What a slow network still sends in a millisecond, in bytes. */
const slowest = 32

/**
 * Sends one request, and returns the whole answer; null if there is none. A server that is silent for `timeout` milliseconds, not
 * counting the time that the body of the request takes in a slow network, counts as gone.
 */
export async function exchange(request: {
  readonly fetch: Fetch
  readonly address: string
  readonly init: RequestInit
  readonly timeout: number
}): Promise<WholeAnswer | null> {
  const { fetch, address, init, timeout } = request
  const giveUp = new AbortController()
  const wait = (time: number) => setTimeout(() => giveUp.abort(), time)
  const size = typeof init.body === 'string' ? init.body.length : 0
  let timer = wait(timeout + size / slowest)
  try {
    const response = await fetch(address, { ...init, signal: giveUp.signal })
    const { status, ok, headers } = response
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    let text = ''
    while (reader !== undefined) {
      clearTimeout(timer)
      timer = wait(timeout)
      const part = await reader.read()
      if (part.done) break
      text += decoder.decode(part.value, { stream: true })
    }
    return { status, ok, headers, text: text + decoder.decode() }
  } catch {
    return null
  } finally {
    clearTimeout(timer)
  }
}
