/** An answer of the server in a form that a test can compare as a whole. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Reads an answer with a JSON body. */
export async function answerOf(response: Response | Promise<Response>): Promise<Answer> {
  const received = await response
  return { status: received.status, body: await received.json() }
}

/** A success without data, as on the wire. */
export function success(status: 200 | 201, text: string): Answer {
  return { status, body: { message: { success: text } } }
}

/** A failure, as on the wire. `error` is `KIND. DETAIL`. */
export function failure(status: number, error: string): Answer {
  return { status, body: { message: { error } } }
}

/** The answer to a body with invalid members: what is wrong with each of them, in the order of the schema. */
export function fieldErrors(problems: Readonly<Record<string, string>>): Answer {
  const list = Object.entries(problems).map(([member, text]) => `${member}: ${text}`)
  const error = `Invalid Parameter. ${list.join('; ')}`
  return { status: 400, body: { message: { error, ...problems } } }
}

/** What is wrong with a member of a body, as on the wire. */
export const problem = {
  missing: "This JSON body argument is missing at all or it's value is null",
  notString: 'This JSON body argument must be a string',
  notBoolean: 'This JSON body argument must be true or false',
  empty: 'This JSON body argument is an empty string',
  unstorable: "This JSON body argument holds characters that can't be stored",
  wrongFormat: 'This JSON body argument is in wrong format. Correct format is IV:Data',
  tooLong: (max: number) => `This JSON body argument is longer than ${max} characters`,
}
