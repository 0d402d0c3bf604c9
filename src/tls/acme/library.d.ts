/** Parts of the library. Its main module also loads node-forge, which is an eighth of all code and used for nothing. */
declare module 'acme-client/src/axios' {
  import { axios } from 'acme-client'
  export default axios
}

declare module 'acme-client/src/client' {
  import { Client } from 'acme-client'
  export default Client
}
