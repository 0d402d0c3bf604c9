/**
 * A host on the network of a server under test, with another implementation of multicast DNS. Prints `listening` and then each
 * record that it receives, one per line. Arguments: NAME/TYPE is queried repeatedly; `claim=NAME` claims a name; it ends once
 * it has printed the text of each `until=TEXT`, and in any case after twenty seconds.
 */
import multicastDns from 'multicast-dns'

const options = process.argv.slice(2)
const optionsOf = (name: string) =>
  options
    .filter((option) => option.startsWith(`${name}=`))
    .map((option) => option.slice(name.length + 1))
const [claimed] = optionsOf('claim')
const awaited = new Set(optionsOf('until'))
const address = '10.77.0.2'

const mdns = multicastDns({ interface: address, bind: '0.0.0.0' })
const end = () => {
  clearInterval(queryTimer)
  clearTimeout(timeout)
  mdns.destroy()
}
const queryTimer = setInterval(sendQueries, 500)
const timeout = setTimeout(end, 20_000)

function sendQueries() {
  for (const option of options) {
    const [name = '', type] = option.split('/')
    if (type === 'A' || type === 'AAAA' || type === 'PTR' || type === 'SRV') mdns.query(name, type)
  }
}

function printLine(line: string) {
  process.stdout.write(`${line}\n`)
  for (const text of awaited) if (line.includes(text)) awaited.delete(text)
  if (awaited.size === 0) end()
}

mdns.on('response', ({ answers, additionals }, from) => {
  if (from.address === address) return
  for (const record of [...(answers ?? []), ...(additionals ?? [])]) {
    if (!('data' in record)) continue
    const data = Array.isArray(record.data) ? record.data.join(' ') : record.data
    const text = typeof data === 'string' ? data : JSON.stringify(data)
    printLine(`${record.type} ${record.name} ${record.ttl} ${text}`)
  }
})
mdns.on('query', ({ questions }) => {
  if (claimed === undefined || questions?.some(({ name }) => name === claimed) !== true) return
  mdns.respond([{ name: claimed, type: 'A', ttl: 120, data: address, flush: true }])
})
mdns.on('ready', () => {
  printLine('listening')
  sendQueries()
})
