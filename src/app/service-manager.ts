import { escapeUnprintable } from '../domain/text'
import { sendDatagram } from '../files/datagram'

/** The service manager that started this process, as systemd does (sd_notify(3)). */
export interface ServiceManager {
  /** Tells it that the server is ready: only then `systemctl start` returns. */
  ready(): void
  /** Tells it that the server has begun to stop. */
  stopping(): void
  /** Shows it what the server does now, in one line. */
  status(text: string): void
}

/**
 * Returns the service manager that the environment names, and null without one that waits for messages. `onFailure` gets each
 * message that could not be sent.
 */
export function findServiceManager(onFailure: (message: string) => void): ServiceManager | null {
  const path = process.env['NOTIFY_SOCKET'] ?? ''
  if (path === '') return null
  // Child processes must not speak for the server.
  delete process.env['NOTIFY_SOCKET']
  const send = (message: string) => {
    if (!sendDatagram(path, message)) onFailure(message)
  }
  return {
    ready: () => send('READY=1'),
    stopping: () => send('STOPPING=1'),
    // A line end would begin another message, and systemd accepts 4 KB. `systemctl status` prints the text as it is.
    status(text) {
      const line = escapeUnprintable(text.replaceAll(/\s+/g, ' '))
      send(`STATUS=${line.slice(0, 1_000).toWellFormed()}`)
    },
  }
}
