import { isAbsolute, resolve } from 'node:path'
import { InvalidSetting } from './values'

/**
 * Returns the absolute path of a file or folder. Throws InvalidSetting for a text that is hardly meant as the path that it
 * is: shells and other programs remove quotation marks and white space and expand `~`, settings do not.
 */
export function parsePath(kind: 'file' | 'folder', text: string): string {
  requireUsablePath(kind, text, { value: text })
  return resolve(text)
}

/** `parse` and `listPaths` of a setting that is one path. */
export function pathSetting(kind: 'file' | 'folder') {
  return {
    parse: (text: string) => parsePath(kind, text),
    listPaths: (text: string) => [text],
  }
}

/** The check of `parsePath`. `kind` is what the path should name; `value` is told with the error. */
export function requireUsablePath(
  kind: string,
  path: string,
  options: { value?: string } = {},
): void {
  if (path === '')
    throw new InvalidSetting(`not a ${kind}`, { ...options, hint: 'use the full path' })
  const fault = faults.find(({ pattern }) => pattern.test(path))
  if (fault === undefined) return
  throw new InvalidSetting(`not a ${kind}: ${fault.reason}`, { ...options, hint: fault.hint })
}

const faults: readonly { pattern: RegExp; reason: string; hint: string }[] = [
  {
    pattern: /["'`]/,
    reason: 'it contains quotation marks',
    hint: 'use a path without quotation marks; in environment variables and files of container tools, quotes are part of the value',
  },
  {
    pattern: /\p{Cc}/u,
    reason: 'it contains control characters',
    hint: 'use a path without line breaks, tabs and other control characters',
  },
  {
    // Some white space, such as a zero-width space, has no width and is no white space for regular expressions.
    pattern: /^[\s\p{Cf}]|[\s\p{Cf}]$/u,
    reason: 'it begins or ends with white space',
    hint: 'remove the white space',
  },
  {
    // It would be a folder `file:`.
    pattern: /^[a-z][\w+.-]+:\//i,
    reason: 'it is a URL',
    hint: 'use the full path',
  },
  {
    pattern: /(?:^|[/\\])~/,
    reason: '~ is not expanded',
    hint: 'use the full path',
  },
]

/** Returns a warning for each path that is relative. `from` is where the setting comes from: its name, with its file. */
export function listRelativePathWarnings(
  from: string,
  paths: readonly string[],
): readonly string[] {
  return paths
    .filter((path) => !isAbsolute(path))
    .map(
      (path) =>
        `${from} has the relative path "${path}", which depends on the folder in which snailpass is started: use ${resolve(path)}`,
    )
}
