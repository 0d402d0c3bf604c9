import { describe, expect, test } from 'bun:test'
import { t } from 'elysia'
import { FieldErrors, HttpError } from '../../src/http/http-error'
import { createBodyValidator } from '../../src/http/validate-body'
import { problem } from '../support/answers'

const schema = t.Object({
  id: t.String({ minLength: 1, maxLength: 4, description: 'for readers' }),
  cipher: t.String({ pattern: '^[^:]*:[^:]*$' }),
  email: t.String({ format: 'email' }),
  flag: t.Boolean(),
  hint: t.Optional(t.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 3 })),
})
const validate = createBodyValidator(schema)
const good = { id: 'abcd', cipher: 'a:b', email: 'a@b.cc', flag: false, hint: 'abc' }

/** Returns what is wrong with each member of a body. */
function problemsOf(body: unknown): unknown {
  try {
    validate(body)
    return {}
  } catch (error) {
    return error instanceof FieldErrors ? error.fields : error
  }
}

describe('a body', () => {
  test('is returned with the members of its schema, without any others', () => {
    expect(validate({ ...good, other: 1 })).toEqual(good)
    expect(validate({ ...good, flag: true, hint: null })).toEqual({
      ...good,
      flag: true,
      hint: null,
    })
    const { hint: _, ...withoutHint } = good
    expect(validate(withoutHint)).toEqual(withoutHint)
    // Nothing is inherited.
    const inherited = Object.create({ hint: 'abc' })
    expect(validate(Object.assign(inherited, withoutHint)).hint).toBeUndefined()
  })

  test.each([
    ['id', undefined, problem.missing],
    ['id', null, problem.missing],
    ['id', 5, problem.notString],
    ['id', true, problem.notString],
    ['flag', 'true', problem.notBoolean],
    ['flag', 0, problem.notBoolean],
    ['flag', null, problem.missing],
    ['hint', 5, problem.notString],
    ['hint', false, problem.notString],
    ['id', '', problem.empty],
    ['id', 'abcde', problem.tooLong(4)],
    ['id', '🐌🐌🐌🐌🐌', problem.tooLong(4)],
    ['id', 'abcdefghi', problem.tooLong(4)],
    ['hint', 'abcd', problem.tooLong(3)],
    ['id', 'a\0', problem.unstorable],
    ['id', '\ud83d', problem.unstorable],
    ['cipher', '', problem.wrongFormat],
    ['cipher', 'a', problem.wrongFormat],
    ['cipher', 'a:b:c', problem.wrongFormat],
    ['email', 'a', 'Not valid or does not exist'],
    ['email', '', 'Not valid or does not exist'],
  ])('with %s as %p is refused: %s', (name, value, text) => {
    expect(problemsOf({ ...good, [name]: value })).toEqual({ [name]: text })
  })

  test.each([
    ['id', '🐌🐌🐌🐌'],
    ['id', 'a'],
    ['hint', ''],
    ['hint', '🐌🐌🐌'],
    ['cipher', ':'],
    ['cipher', '\n:\n'],
    ['email', 'änne@müller.example'],
  ])('with %s as %p is accepted', (name, value) => {
    expect(problemsOf({ ...good, [name]: value })).toEqual({})
  })

  test('is checked for the types of all members first, then for the content of all', () => {
    const both = { ...good, id: '', cipher: 'x', flag: 1, hint: 7 }
    expect(problemsOf(both)).toEqual({ flag: problem.notBoolean, hint: problem.notString })
    expect(problemsOf({ ...both, flag: true, hint: 'abcd' })).toEqual({
      ...{ id: problem.empty, cipher: problem.wrongFormat, hint: problem.tooLong(3) },
    })
  })

  test('reports one problem of a member: its length before its text, and that before its format', () => {
    expect(problemsOf({ ...good, id: 'abcd\0', hint: 'abc\0' })).toEqual({
      ...{ id: problem.tooLong(4), hint: problem.tooLong(3) },
    })
    expect(problemsOf({ ...good, cipher: 'a\0' })).toEqual({ cipher: problem.unstorable })
  })

  test('that is null has no members, and any other value is no object', () => {
    const missing = { id: problem.missing, cipher: problem.missing, email: problem.missing }
    expect(problemsOf(null)).toEqual({ ...missing, flag: problem.missing })
    expect(problemsOf({})).toEqual({ ...missing, flag: problem.missing })
    for (const body of [[], [good], 'text', 5, true, undefined]) {
      const error = problemsOf(body)
      expect(error).toBeInstanceOf(HttpError)
      expect(error).toMatchObject({
        ...{ status: 400, kind: 'Malformed Body', message: 'The body must be a JSON object' },
      })
    }
  })
})
