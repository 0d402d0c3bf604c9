/** The load of the measurements: `wrk`, which takes a fraction of a core for what keeps a server busy. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../../test/support/executable'
import { runToolAsync } from './machine'

/** A request that is sent again and again. */
export interface LoadRequest {
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** The script of wrk that makes each request; absent for plain GETs. */
  readonly script?: string
  readonly connections?: number
}

/** Returns the requests a second that are answered. Throws if one of them fails. */
export async function measureRate(
  { url, headers = {}, script, connections = 32 }: LoadRequest,
  seconds: number,
): Promise<number> {
  using folder = temporaryFolder()
  const file = join(folder.path, 'load.lua')
  if (script !== undefined) writeFileSync(file, script)
  const output = await runToolAsync(
    ...['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s'],
    ...(script === undefined ? [] : ['-s', file]),
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    url.href,
  )
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${url.pathname} failed:\n${output}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1])
}

/** Returns the script of creations: a body for each, with an id that no other has. */
export function creationScript(body: object): string {
  const text = JSON.stringify({ ...body, id: 'ID' })
  return `local count = 0
request = function()
  count = count + 1
  local id = '${crypto.randomUUID().slice(0, 23)}-' .. string.format('%012x', count)
  local body = string.gsub('${text}', '"ID"', '"' .. id .. '"')
  return wrk.format('POST', nil, { ['content-type'] = 'application/json', ['x-access-token'] = wrk.headers['x-access-token'] }, body)
end
`
}

/** Returns the script of GETs of one path, each with the next of some session tokens. */
export function tokensScript(tokens: readonly string[]): string {
  const list = tokens.map((token) => `'${token}'`).join(',\n')
  return `local tokens = { ${list} }
local count = 0
request = function()
  count = count % #tokens + 1
  return wrk.format('GET', nil, { ['x-access-token'] = tokens[count] })
end
`
}
