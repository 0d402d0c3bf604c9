import { afterAll } from 'bun:test'
import { keepTemporaryFilesInMemory } from './memory-disk'
import { stopSharedServers } from './postgres'

keepTemporaryFilesInMemory()

// Tests of all files share their Postgres servers. In a worker of `--parallel` this hook would run after each file; there the
// servers stop when the worker ends.
if (process.env['BUN_TEST_WORKER_ID'] === undefined) afterAll(stopSharedServers)
