import { resolveObjectURL } from 'node:buffer'
import { Window } from 'happy-dom'
import { h, render } from 'preact'
import { act } from 'preact/test-utils'
import type { VaultKeys } from '../../src/web/vault/crypto/keys'
import type { OpenEntry } from '../../src/web/vault/model/entries'
import { VaultApp } from '../../src/web/vault/screens/app'
import type { App } from '../../src/web/vault/state/app'
import { createPageApp, noServer } from './page-app'
import { until } from './until'

/** What the screens take from the browser. */
const globals = [
  ...['document', 'location', 'HTMLElement', 'matchMedia', 'CSS', 'IntersectionObserver'],
  ...['requestAnimationFrame', 'cancelAnimationFrame'],
]

type Keys = Pick<KeyboardEventInit, 'key' | 'code' | 'ctrlKey' | 'shiftKey' | 'metaKey' | 'altKey'>

type Answer = object | number

/** A page of the web vault in a document without a browser, and without a server but for `answer`. */
export interface ShownPage extends Disposable {
  readonly app: App
  readonly state: ReturnType<typeof createPageApp>['state']
  /** What was asked of the server. */
  readonly asked: { readonly question: string; readonly body: unknown }[]
  /** The body that the server answers to a question such as `GET /login`; a status refuses, alone or as a member. It is away unless this is set. */
  answer: ((question: string) => Answer | Promise<Answer>) | null
  /** The files that the page offered, the oldest first. */
  readonly downloads: readonly Download[]
  /** Opens a vault of a server, as if its owner had signed in. */
  open(entries: readonly OpenEntry[], keys?: VaultKeys): Promise<void>
  /** Does something, and waits for what the page shows then, but not for Web Crypto. */
  act(work: () => unknown): Promise<void>
  /** Waits for what Web Crypto is needed for. */
  until(condition: () => boolean, what: string): Promise<void>
  /** What is shown within an element, line by line: `# heading`, `[button]`, `label: value`. */
  lines(selector?: string): readonly string[]
  press(name: string, within?: string): Promise<void>
  type(label: string, text: string, within?: string): Promise<void>
  /** Opens everything that is folded. */
  unfold(): Promise<void>
  /** Presses a key on what has the focus, or on an element. Returns whether the page took it. */
  key(init: Keys, selector?: string): Promise<boolean>
  /** Presses Esc in an open dialog, which a browser makes an event of. */
  cancel(): Promise<void>
}

interface Download {
  readonly name: string
  readonly type: string
  readonly text: string
}

export async function showPage(
  options: {
    readonly now?: number
    readonly url?: string
    /** What the page says of the server, in HTML. */
    readonly head?: string
    readonly isWide?: boolean
    /** Stands in for a sign-in, which takes a second. */
    readonly unlock?: App['unlock']
  } = {},
): Promise<ShownPage> {
  const { now = Date.UTC(2026, 10, 26, 12), isWide = true } = options
  const window = new Window({
    url: options.url ?? 'https://vault.example/vault/',
    width: isWide ? 1280 : 400,
  })
  // Popovers are always there for this document.
  const { prototype } = window.HTMLElement
  Object.defineProperty(prototype, 'hidePopover', { value: () => {}, configurable: true })
  const downloads: Download[] = []
  const { prototype: links } = window.HTMLAnchorElement
  const { click } = links
  // A link to a file of the page, which nothing else shows: it is in no document.
  links.click = function clickLink() {
    if (this.download === '') return click.call(this)
    const { download: name, href } = this
    const file = resolveObjectURL(href)
    void file?.text().then((text) => downloads.push({ name, type: file.type, text }))
  }
  window.document.head.innerHTML = options.head ?? ''
  const restore = globals.map((name) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, name)
    const value: unknown = Reflect.get(window, name)
    const bound = typeof value === 'function' && /^[a-z]/.test(name) ? value.bind(window) : value
    Object.defineProperty(globalThis, name, { value: bound, configurable: true, writable: true })
    return () => {
      if (before === undefined) Reflect.deleteProperty(globalThis, name)
      else Object.defineProperty(globalThis, name, before)
    }
  })
  const asked: { question: string; body: unknown }[] = []
  const created = createPageApp({
    now,
    async askServer(address, init) {
      const question = `${init.method} ${new URL(address, 'http://server/vault/').pathname}`
      asked.push({ question, body: typeof init.body === 'string' ? JSON.parse(init.body) : null })
      if (page.answer === null) return noServer(address, init)
      const answer = await page.answer(question)
      const [status, body] = typeof answer === 'number' ? [answer, {}] : [statusOf(answer), answer]
      return Response.json(body, { status })
    },
  })
  const { state } = created
  const app = { ...created.app, ...(options.unlock !== undefined && { unlock: options.unlock }) }

  /** Answers of the server come in their own turns. */
  const turns = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0))
  }
  const actAndWait = async (work: () => unknown) => {
    await act(async () => {
      await work()
      await turns()
    })
    // What an effect began.
    await act(turns)
  }

  const page: ShownPage = {
    ...{ app, state, asked, downloads, answer: null, act: actAndWait },
    async until(condition, what) {
      await until(condition, what)
      await actAndWait(() => {})
    },
    open: (entries, keys) => actAndWait(() => created.enter(entries, keys)),
    lines: (selector = 'body') => linesOf(elementAt(selector)),
    async press(name, within = 'body') {
      const found = [...elementAt(within).querySelectorAll('button, a, summary, input, label')]
      const element = found.find((each) => nameOf(each) === name)
      if (!(element instanceof HTMLElement)) throw new Error(`there is no ${name}`)
      await actAndWait(() => element.click())
    },
    async type(label, text, within = 'body') {
      const field = fieldsIn(elementAt(within)).find((each) => labelOf(each) === label)
      if (field === undefined) throw new Error(`there is no field ${label}`)
      await actAndWait(() => {
        Reflect.set(field, 'value', text)
        const type = field.tagName === 'SELECT' ? 'change' : 'input'
        Reflect.apply(field.dispatchEvent, field, [new window.Event(type, { bubbles: true })])
      })
    },
    async unfold() {
      await actAndWait(() => {
        for (const details of document.querySelectorAll('details')) {
          details.open = true
          Reflect.apply(details.dispatchEvent, details, [new window.Event('toggle')])
        }
      })
    },
    async key(init, selector) {
      const target = selector === undefined ? document.activeElement : elementAt(selector)
      const event = new window.KeyboardEvent('keydown', {
        bubbles: true,
        cancelable: true,
        ...init,
      })
      const at = target ?? document.body
      await actAndWait(() => Reflect.apply(at.dispatchEvent, at, [event]))
      return event.defaultPrevented
    },
    async cancel() {
      const dialog = elementAt('dialog')
      const event = new window.Event('cancel', { cancelable: true })
      await actAndWait(() => Reflect.apply(dialog.dispatchEvent, dialog, [event]))
    },
    [Symbol.dispose]() {
      void act(() => render(null, document.body))
      for (const undo of restore) undo()
      Reflect.deleteProperty(prototype, 'hidePopover')
      links.click = click
      void window.happyDOM.close()
    },
  }
  await actAndWait(() => render(h(VaultApp, { app }), document.body))
  return page
}

function statusOf(answer: object): number {
  return 'status' in answer ? Number(answer.status) : 200
}

function elementAt(selector: string): Element {
  const element = document.querySelector(selector)
  if (element === null) throw new Error(`there is no ${selector}`)
  return element
}

function fieldsIn(root: Element): readonly Element[] {
  return [...root.querySelectorAll('input, textarea, select')]
}

/** Returns the text of an element for a reader of the screen. */
function textOf(element: Element | null): string {
  const read = (node: Node): string => {
    if (node.nodeType === 3) return node.textContent ?? ''
    if (!(node instanceof HTMLElement) || node.getAttribute('aria-hidden') === 'true') return ''
    if (/^(?:SELECT|OUTPUT)$/.test(node.tagName)) return ''
    const text = [...node.childNodes].map(read).join('')
    return node.tagName === 'MARK' ? `«${text}»` : ` ${text} `
  }
  return element === null ? '' : read(element).replaceAll(/\s+/g, ' ').trim()
}

function labelOf(field: Element): string {
  const label = field.getAttribute('aria-label')
  if (label !== null) return label
  const named = field.id === '' ? null : document.querySelector(`label[for="${field.id}"]`)
  return textOf(named ?? field.closest('label'))
}

function nameOf(element: Element): string {
  if (element.tagName === 'INPUT') return labelOf(element)
  return element.getAttribute('aria-label') ?? textOf(element)
}

/** Elements within a line. */
const inline = new Set(['SPAN', 'B', 'I', 'KBD', 'SMALL', 'MARK', 'CODE', 'SVG'])

function linesOf(root: Element): readonly string[] {
  const lines: string[] = []
  let line = ''
  const flush = () => {
    const text = line.replaceAll(/\s+/g, ' ').trim()
    if (text !== '') lines.push(text)
    line = ''
  }
  const put = (text: string) => {
    flush()
    lines.push(text)
  }
  const visit = (node: Node) => {
    if (!(node instanceof HTMLElement)) {
      if (node.nodeType === 3) line += node.textContent
      return
    }
    const isHidden = node.hidden || node.getAttribute('aria-hidden') === 'true'
    if (isHidden || node.tagName === 'DATALIST') return
    if (node.tagName === 'BUTTON') return put(buttonLine(node))
    if (node.tagName === 'A') return put(`[${nameOf(node)} → ${node.getAttribute('href')}]`)
    if (/^(?:INPUT|TEXTAREA|SELECT)$/.test(node.tagName)) return put(fieldLine(node))
    const isInline = inline.has(node.tagName)
    if (!isInline) flush()
    if (/^H\d$/.test(node.tagName)) line += '# '
    if (node.tagName === 'MARK') line += '«'
    // A label is shown with its field.
    if (node.tagName === 'LABEL') for (const field of fieldsIn(node)) put(fieldLine(field))
    else for (const child of node.childNodes) visit(child)
    if (node.tagName === 'MARK') line += '»'
    if (node.getAttribute('role') === 'img') line += ` (${node.getAttribute('aria-label')})`
    if (!isInline) flush()
  }
  visit(root)
  flush()
  return lines
}

function buttonLine(button: Element): string {
  const attribute = (name: string) => button.getAttribute(name)
  const marks = [
    ...(attribute('aria-pressed') === 'true' ? ['pressed'] : []),
    ...(attribute('aria-current') === null ? [] : ['current']),
    ...(attribute('aria-disabled') === 'true' ? ['disabled'] : []),
    ...(/\b(?:copied|danger|primary)\b/.exec(button.className) ?? []),
  ]
  return `[${nameOf(button)}${marks.length === 0 ? '' : ` | ${marks.join(', ')}`}]`
}

function fieldLine(field: Element): string {
  const type = field.getAttribute('type') ?? field.tagName.toLowerCase()
  if (type === 'checkbox' || type === 'radio')
    return `${Reflect.get(field, 'checked') === true ? '(x)' : '( )'} ${labelOf(field)}${
      field.hasAttribute('disabled') ? ' (disabled)' : ''
    }`
  const isWrong = field.getAttribute('aria-invalid') === 'true'
  return `${labelOf(field)}: ${String(Reflect.get(field, 'value'))} (${type}${isWrong ? ', wrong' : ''})`
}
