import { afterAll } from 'bun:test'
import { endSharedServer } from './postgres'

// Of the whole run, not of each file: the tests share one Postgres server.
afterAll(endSharedServer)
