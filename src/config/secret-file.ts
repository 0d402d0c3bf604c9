import { errorMessage } from '../domain/errors'
import { accessHint } from './access-hint'
import { isWorldReadable, readTextFile, UnusableFile } from './text-file'
import { InvalidSetting } from './values'

/** Returns the name of the variable that takes the path of a file with the text of a setting. */
export function fileVariantOf(name: string): string {
  return `${name}_FILE`
}

const maxKibibytes = 64

export interface SecretFileContent {
  /** Without its last line end, which editors and `echo` add. */
  readonly text: string
  readonly isWorldReadable: boolean
}

/** Reads a file that contains one secret. Throws InvalidSetting, without any of the content. */
export function readSecretFile(path: string): SecretFileContent {
  const { text, mode } = readFile(path)
  const secret = text.replace(/\r?\n$/, '')
  // UTF-16 has them. The environment of a child process can't.
  if (secret.includes('\0')) {
    throw new InvalidSetting('the file contains NUL characters', {
      hint: 'write the secret into the file as UTF-8 text',
    })
  }
  if (secret === '') {
    throw new InvalidSetting('the file is empty', {
      hint: 'write the secret into the file, or remove the setting',
    })
  }
  return { text: secret, isWorldReadable: isWorldReadable(mode) }
}

function readFile(path: string) {
  try {
    return readTextFile(path, maxKibibytes)
  } catch (cause) {
    if (cause instanceof UnusableFile) {
      throw new InvalidSetting(cause.message, {
        hint: 'name a file that contains only the secret',
      })
    }
    throw new InvalidSetting(`can't read the file: ${errorMessage(cause)}`, {
      hint:
        accessHint(path, cause) ??
        'name a file that contains the secret and that the user who runs snailpass may read',
    })
  }
}
