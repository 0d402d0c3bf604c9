/** A request that is refused before any rule of the domain is called: a missing header, a malformed body. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  /** The first words of the error text (wire contract); the message is the rest. */
  readonly kind: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, kind: string, detail: string, headers: Record<string, string> = {}) {
    super(detail)
    this.status = status
    this.kind = kind
    this.headers = headers
  }
}

/** A body with invalid members. */
export class FieldErrors extends Error {
  override readonly name = 'FieldErrors'
  /** What is wrong with each invalid member, in the texts of the wire contract. */
  readonly fields: Readonly<Record<string, string>>

  constructor(fields: Readonly<Record<string, string>>) {
    super('invalid members in the body')
    this.fields = fields
  }
}

export function malformedBody(detail: string): HttpError {
  return new HttpError(400, 'Malformed Body', detail)
}

export function missingParameter(detail: string): HttpError {
  return new HttpError(400, 'Missing Parameter', detail)
}

export function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, 'Payload Too Large', `The body is larger than ${maxBytes} bytes`)
}
