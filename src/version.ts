import { version } from '../package.json'

/** Set by the build script; absent when the sources run by themselves. */
declare const BUILD_COMMIT: string | undefined

export { version }

/** The commit that the executable was built from. */
export const commit = typeof BUILD_COMMIT === 'string' ? BUILD_COMMIT : 'unbuilt'

export const platform = `${process.platform}-${process.arch}`
