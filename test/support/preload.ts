import { afterAll } from 'bun:test'
import { stopSharedServers } from './postgres'

// Of the whole run, not of each file: the tests share their Postgres servers.
afterAll(stopSharedServers)
