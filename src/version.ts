import { version } from '../package.json'

/** Set by the build script; undefined when the sources run without a build. */
declare const BUILD_COMMIT: string | undefined
declare const BUILD_TIME: number | undefined

export { version }

/** The commit that the executable was built from, or `unbuilt`. */
export const commit = typeof BUILD_COMMIT === 'string' ? BUILD_COMMIT : 'unbuilt'

/** The time of that commit in milliseconds since 1970 (UTC), 0 if it is unknown. No right clock shows an earlier one. */
export const buildTime = typeof BUILD_TIME === 'number' ? BUILD_TIME * 1000 : 0

export const platform = `${process.platform}-${process.arch}`
