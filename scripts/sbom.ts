/**
 * Prints the SBOM of a release as CycloneDX JSON (https://cyclonedx.org/docs/1.6/json/): Bun and every package of which
 * the bundler put a file into an executable. `bun scripts/sbom.ts SECONDS METAFILE...`: SECONDS since the epoch is its
 * timestamp, and each METAFILE is the bundler's metafile of a target, named after it, or `vault.json`, that of the web vault's script.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { name, version } from '../package.json'

/** An entry of bun.lock: `name@version`, source, dependencies, and the hash of its tarball. */
type LockedPackage = readonly [string, string, { dependencies?: Record<string, string> }, string]

const root = join(import.meta.dir, '..')
const [time = '', ...metafiles] = process.argv.slice(2)
// Bun wrote the file, so its format is trusted.
const lock = Bun.JSONC.parse(read('bun.lock')) as { packages: Record<string, LockedPackage> }

const keys = [...new Set(metafiles.flatMap(packagesIn))].sort((a, b) => (a < b ? -1 : 1))
const self = `pkg:generic/${name}@${version}`
const targets = metafiles.map((path) => basename(path, '.json')).filter((each) => each !== 'vault')
const runtimes = targets.map(runtimeOf)
const components = [...runtimes, ...keys.map(componentOf)]

const bom = {
  $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: {
    timestamp: new Date(Number(time) * 1000).toISOString(),
    component: {
      type: 'application',
      'bom-ref': self,
      name,
      version,
      licenses: [{ license: { id: 'MIT' } }],
      purl: self,
    },
  },
  components,
  dependencies: [
    { ref: self, dependsOn: components.map((component) => component['bom-ref']) },
    ...keys.map((key) => ({ ref: purlOf(key), dependsOn: dependenciesOf(key).map(purlOf) })),
  ],
}
process.stdout.write(`${JSON.stringify(bom, null, 2)}\n`)

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Returns the keys in bun.lock of the packages with a file in a build: `a`, or `a/b` for a copy of b that only `a` uses. */
function packagesIn(metafile: string): readonly string[] {
  const { inputs }: { inputs: Record<string, unknown> } = JSON.parse(readFileSync(metafile, 'utf8'))
  return Object.keys(inputs).flatMap((path) => {
    const parts = path.split('node_modules/').slice(1)
    const names = parts.map((part) => /^(?:@[^/]+\/)?[^/]+/.exec(part)?.[0] ?? '')
    return names.length === 0 ? [] : [names.join('/')]
  })
}

function requireLockedPackage(key: string): {
  name: string
  version: string
  entry: LockedPackage
} {
  const entry = lock.packages[key]
  if (entry === undefined) throw new Error(`bun.lock has no package ${key}`)
  const at = entry[0].lastIndexOf('@')
  return { name: entry[0].slice(0, at), version: entry[0].slice(at + 1), entry }
}

function purlOf(key: string): string {
  const found = requireLockedPackage(key)
  return purl(found.name, found.version)
}

function purl(packageName: string, packageVersion: string): string {
  return `pkg:npm/${packageName.replace('@', '%40')}@${packageVersion}`
}

function componentOf(key: string) {
  const found = requireLockedPackage(key)
  const { license }: { license: string } = JSON.parse(
    read(`node_modules/${nestedPath(key)}/package.json`),
  )
  return component(found.name, found.version, license, found.entry[3])
}

/** Returns the path of a package below node_modules. A copy that only one package uses is in that package's folder. */
function nestedPath(key: string): string {
  return (key.match(/(?:@[^/]+\/)?[^/]+/g) ?? []).join('/node_modules/')
}

/** Returns the dependencies of a package that are in an executable. */
function dependenciesOf(key: string): readonly string[] {
  const names = Object.keys(requireLockedPackage(key).entry[2].dependencies ?? {})
  return names.flatMap((needed) => {
    const found = [`${key}/${needed}`, needed].find((candidate) => keys.includes(candidate))
    return found === undefined ? [] : [found]
  })
}

/** Returns the component for Bun itself, from the line of a target in scripts/runtimes.txt. */
function runtimeOf(target: string) {
  const line = read('scripts/runtimes.txt')
    .split('\n')
    .find((text) => text.startsWith(`${target} `))
  const [, packageName = '', integrity = ''] = line?.split(' ') ?? []
  return component(packageName, Bun.version, 'MIT', integrity)
}

function component(packageName: string, packageVersion: string, license: string, hash: string) {
  const [group, short] = packageName.startsWith('@') ? packageName.split('/') : [null, packageName]
  return {
    type: 'library',
    'bom-ref': purl(packageName, packageVersion),
    ...(group !== null && { group }),
    name: short,
    version: packageVersion,
    licenses: [
      / (?:OR|AND|WITH) /.test(license) ? { expression: license } : { license: { id: license } },
    ],
    hashes: [
      {
        alg: 'SHA-512',
        content: Buffer.from(hash.replace(/^sha512-/, ''), 'base64').toString('hex'),
      },
    ],
    purl: purl(packageName, packageVersion),
  }
}
