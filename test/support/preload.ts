/**
 * `@peculiar/x509` needs this library when it is evaluated. Bun evaluates CommonJS modules as they are loaded: on a busy machine
 * not always in the order of the imports, and one that fails once fails in all files of the process.
 */
import 'reflect-metadata'
import { keepTemporaryFilesInMemory } from './memory-disk'

keepTemporaryFilesInMemory()
