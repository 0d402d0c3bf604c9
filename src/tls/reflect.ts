/**
 * `@peculiar/x509` needs this library when it is evaluated. The bundler evaluates the CommonJS modules that a file imports
 * after the other ones, so it needs a file of its own, which is imported first.
 */
import 'reflect-metadata'
