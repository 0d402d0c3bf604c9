import { expect, test } from 'bun:test'
import { encode } from 'uqr'
import { createQrCode } from '../../cli/qr-code'
import { describeWelcome, printWelcome } from '../../cli/welcome'
import { type Welcome, welcomeOf } from '../../src/app/welcome'
import { captureOutput, withTerminal } from '../support/cli'

const settings = {
  publicUrl: null,
  dataDir: '/srv/snailpass',
  signUps: 'open',
  signUpDomains: [],
} as const

const addresses = [
  'http://192.168.1.20:5000/',
  'http://[fd00::2]:5000/',
  'https://192.168.1.20:5443/',
  'https://pi.local:5443/',
]

const linesOf = (
  change: Partial<Parameters<typeof welcomeOf>[0]> = {},
  { urls = addresses, isEmpty = true, file = null as string | null } = {},
) => describeWelcome(welcomeOf({ ...settings, ...change }, urls, { isEmpty }), file)

test('a new server says where the vault is and how the first account is created', () => {
  expect(linesOf()).toEqual([
    'The vault in a browser: https://192.168.1.20:5443/vault/',
    'Data: /srv/snailpass',
    'Sign-up: open to everyone who reaches the server',
    'Next: open https://192.168.1.20:5443/vault/ and create your account;',
    'then set SNAILPASS_SIGNUPS=invited, so that nobody else can',
  ])
  expect(linesOf({}, { file: '/etc/snailpass/snailpass.env' }).slice(-2)).toEqual([
    'then set SNAILPASS_SIGNUPS=invited in /etc/snailpass/snailpass.env',
    'and restart the server, so that nobody else can',
  ])
})

test.each([
  [{ signUps: 'invited' }, 'by invitation', /^Next: snailpass user invite EMAIL; then open https/],
  [{ signUps: 'closed' }, 'closed', /^Next: create your account with snailpass user add EMAIL$/],
  [
    { signUpDomains: ['nas.example', 'b.example'] },
    'for addresses of nas.example, b.example, and by invitation',
    /^Next: open https:\S+ and create your account$/,
  ],
] as const)('the first step is one that the sign-up %p permits', (change, who, step) => {
  const lines = linesOf(change)
  expect(lines.at(-2)).toBe(`Sign-up: ${who}`)
  expect(lines.at(-1)).toMatch(step)
})

test('a server with accounts needs no first step', () => {
  expect(linesOf({}, { isEmpty: false })).toEqual(linesOf().slice(0, 3))
})

test('a server that only this computer reaches says so, and has no code', () => {
  const urls = ['http://127.0.0.1:5000/', 'http://[::1]:5000/', 'http://localhost:5000/']
  expect(linesOf({}, { urls }).slice(0, 2)).toEqual([
    'Only this computer can reach the server.',
    'The vault in a browser: http://127.0.0.1:5000/vault/',
  ])
  const welcome: Welcome = welcomeOf(settings, urls, { isEmpty: true })
  expect(welcome.deviceUrl).toBeNull()
})

test.each([
  [null, addresses, 'http://192.168.1.20:5000/'],
  [null, addresses.slice(2), 'https://192.168.1.20:5443/'],
  [new URL('https://nas.example/pass/'), ['http://127.0.0.1:5000/'], 'https://nas.example/pass/'],
])(
  'the code leads to the public URL, else by plain HTTP to the page about the certificate',
  (publicUrl, urls, url) => {
    expect(welcomeOf({ ...settings, publicUrl }, urls, { isEmpty: true }).deviceUrl).toBe(url)
  },
)

test.each([
  ['a terminal', true, addresses, true],
  ['a file', false, addresses, false],
  ['a terminal that no other device could use', true, ['http://127.0.0.1:5000/'], false],
] as const)(
  'what is needed next is printed to %s, with a code: %p',
  async (_, isTTY, urls, hasCode) => {
    using _terminal = withTerminal(process.stderr, isTTY)
    using output = captureOutput()
    const welcome = welcomeOf(settings, urls, { isEmpty: true })
    await printWelcome(welcome, null)
    const lines = output.printed.stderr.split('\n').slice(0, -1)
    const text = describeWelcome(welcome, null)
    expect(lines.slice(-text.length)).toEqual([...text])
    const above = lines.slice(0, -text.length)
    const code = createQrCode(String(addresses[0]))
    expect(above).toHaveLength(hasCode ? code.length + 3 : 0)
    if (!hasCode) return
    expect(above.slice(0, 2)).toEqual([
      ...['', `Open ${addresses[0]} on your other devices, or scan this code:`],
    ])
    for (const [row, line] of code.entries()) expect(above[row + 2]).toContain(line)
    expect(above.at(-1)).toBe('')
  },
)

test('a code has the modules of its text, light on dark, with a border', () => {
  const text = 'http://192.168.1.20:5000/'
  const { data, size } = encode(text, { border: 2 })
  const lines = createQrCode(text)
  const isLight = (row: number, column: number) => {
    const block = lines[row >> 1]?.[column] ?? ''
    return block === '█' || block === (row % 2 === 0 ? '▀' : '▄')
  }
  expect(lines.map((line) => line.length)).toEqual(lines.map(() => size))
  expect(lines).toHaveLength(Math.ceil(size / 2))
  const drawn = data.map((row, y) => row.map((_, x) => !isLight(y, x)))
  expect(drawn).toEqual(data)
})
