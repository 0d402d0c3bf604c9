import { version } from '../package.json'

/** Set by the build script; undefined when the sources run without a build. */
declare const BUILD_COMMIT: string | undefined

export { version }

/** The commit that the executable was built from, or `unbuilt`. */
export const commit = typeof BUILD_COMMIT === 'string' ? BUILD_COMMIT : 'unbuilt'

export const platform = `${process.platform}-${process.arch}`
