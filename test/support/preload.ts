import { afterAll } from 'bun:test'
import { endSharedServers } from './postgres'

// Of the whole run, not of each file: the tests share their Postgres servers.
afterAll(endSharedServers)
