import type { Socket, TCPSocketListener } from 'bun'

/** A proxy to a server whose connections can be cut, refused and frozen, as in a network that fails. */
export interface Proxy extends Disposable {
  readonly port: number
  /** Cuts every connection. New ones are accepted. */
  cut(): void
  /** Cuts every connection and refuses new ones. */
  close(): void
  /** Forwards nothing and keeps connections open, as when a cable was pulled out. */
  freeze(): void
  /** Accepts and forwards connections again. */
  open(): void
}

interface Pipe {
  upstream: Socket<undefined> | null
  early: Uint8Array[]
}

export function startProxy(target: { hostname: string; port: number }): Proxy {
  let state: 'open' | 'closed' | 'frozen' = 'open'
  const downstreams = new Set<Socket<Pipe>>()
  const cutAll = () => {
    for (const socket of downstreams) {
      socket.data.upstream?.terminate()
      socket.terminate()
    }
    downstreams.clear()
  }
  const listener: TCPSocketListener<Pipe> = Bun.listen<Pipe>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      async open(socket) {
        socket.data = { upstream: null, early: [] }
        if (state === 'closed') {
          socket.terminate()
          return
        }
        downstreams.add(socket)
        const upstream = await Bun.connect({
          ...target,
          socket: {
            data: (_, bytes) => {
              if (state === 'open') socket.write(bytes)
            },
            close: () => void socket.end(),
            error: () => void socket.terminate(),
          },
        }).catch(() => null)
        if (upstream === null) {
          socket.terminate()
          return
        }
        socket.data.upstream = upstream
        for (const bytes of socket.data.early) upstream.write(bytes)
      },
      data({ data }, bytes) {
        if (state === 'frozen') return
        if (data.upstream === null) data.early.push(bytes)
        else data.upstream.write(bytes)
      },
      close(socket) {
        downstreams.delete(socket)
        socket.data.upstream?.end()
      },
    },
  })
  return {
    port: listener.port,
    cut: cutAll,
    close() {
      state = 'closed'
      cutAll()
    },
    freeze() {
      state = 'frozen'
    },
    open() {
      // Bytes were dropped while frozen, so the rest of these streams would make no sense.
      if (state === 'frozen') cutAll()
      state = 'open'
    },
    [Symbol.dispose]() {
      cutAll()
      listener.stop(true)
    },
  }
}
