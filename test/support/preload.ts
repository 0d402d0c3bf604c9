/**
 * `@peculiar/x509` needs this library when it is evaluated. In which order Bun evaluates CommonJS modules depends on the files that
 * a process has run before, and a module that fails once fails in each further file.
 */
import 'reflect-metadata'
import { keepTemporaryFilesInMemory } from './memory-disk'

keepTemporaryFilesInMemory()
