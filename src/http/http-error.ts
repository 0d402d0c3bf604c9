/** A refusal of the wire itself, before any rule was asked: an unknown path, a malformed body. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly kind: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, kind: string, detail: string, headers: Record<string, string> = {}) {
    super(detail)
    this.status = status
    this.kind = kind
    this.headers = headers
  }
}

/** Members of a body that are not as they should be, each with what is wrong. */
export class FieldErrors extends Error {
  override readonly name = 'FieldErrors'
  readonly fields: Readonly<Record<string, string>>

  constructor(fields: Readonly<Record<string, string>>) {
    super('wrong members in the body')
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
