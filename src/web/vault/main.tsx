/** The script of the web vault begins here. */
import { render } from 'preact'
import { connectToServer } from './api/server'
import { type EmergencyCopy, parseEmergencyCopy } from './crypto/emergency-copy'
import { VaultApp } from './screens/app'
import { createApp } from './state/app'
import { copyElementId } from './state/emergency-file'

const channel = new BroadcastChannel(`snailpass ${location.pathname}`)
const app = createApp({
  api: connectToServer((address, init) => fetch(address, init)),
  clock: () => Date.now(),
  storage: openStorage(),
  preferredLanguages: navigator.languages,
  clipboard: {
    write: (text) => navigator.clipboard.writeText(text),
    hasFocus: () => document.hasFocus(),
  },
  history: {
    push: (number) => history.pushState(number, ''),
    replace: (number) => history.replaceState(number, ''),
  },
  tell: (message) => channel.postMessage(message),
})

/** How often an open vault is compared with the server while it is seen, in milliseconds. */
const refreshInterval = 60_000
let refreshed = Date.now()

/** How often the page is compared with that of the server. */
const compareInterval = 300_000
let compared = Date.now()

function refresh(): void {
  refreshed = Date.now()
  void app.live.value?.refresh()
  if (refreshed - compared >= compareInterval && app.live.value !== null) void comparePage()
}

/** After an upgrade of the server, an open tab runs the script from before. */
async function comparePage(): Promise<void> {
  compared = refreshed
  const script = document.querySelector('script[src]')?.getAttribute('src') ?? ''
  const page = await app.api.readFile('')
  if (page.ok && page.value.includes('<script')) app.hasNewPage.value = !page.value.includes(script)
}

channel.addEventListener('message', ({ data }) => app.autoLock.receive(data))
for (const event of ['pointerdown', 'keydown', 'wheel'])
  document.addEventListener(event, () => app.autoLock.noteActivity(), {
    passive: true,
    capture: true,
  })
window.addEventListener('popstate', ({ state }) => app.arrive(state))
addEventListener('focus', () => {
  app.tick()
  refresh()
})
document.addEventListener('visibilitychange', () => {
  if (document.hidden) app.autoLock.noteHidden()
  else app.tick()
})
// A page that the browser keeps for the back button would come back open.
window.addEventListener('pagehide', ({ persisted }) => {
  if (persisted) app.lock('hidden')
})
setInterval(() => {
  app.tick()
  if (!document.hidden && Date.now() - refreshed >= refreshInterval) refresh()
}, 1000)

addEventListener('beforeunload', (event) => {
  // The browser asks, in its own words.
  if (app.isAtWork()) event.preventDefault()
})

history.replaceState(0, '')
const element = document.getElementById(copyElementId)
if (element === null) {
  render(<VaultApp app={app} />, document.body)
} else {
  const copy = readCopy(element.textContent)
  document.body.replaceChildren()
  render(<VaultApp app={app} copy={copy} />, document.body)
}

/** An emergency file is this script with a copy beside it. */
function readCopy(text: string): EmergencyCopy | null {
  try {
    return parseEmergencyCopy(JSON.parse(text))
  } catch {
    return null
  }
}

/** A browser that is told to store nothing throws. */
function openStorage(): Storage | null {
  try {
    return localStorage
  } catch {
    return null
  }
}
