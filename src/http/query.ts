import { missingParameter } from './http-error'

/** The parameter `id` of a request; of a repeated one, the first (contract). Throws a WireRefusal when it is missing or empty. */
export function parseIdParameter(request: Request, noun: string): string {
  const id = new URL(request.url).searchParams.get('id')
  if (id === null || id === '') throw missingParameter(`${noun} id is missing in URI arguments`)
  return id
}
