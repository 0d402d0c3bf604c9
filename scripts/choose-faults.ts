/** Chooses the faults that scripts/mutants.ts tries. */
import { type CheckoutCopy, withTexts } from './checkout-copy'
import { type Fault, faultsOf } from './faults'
import { createRandom } from './random'

export interface PlacedFault extends Fault {
  readonly path: string
  readonly seed: number
}

/** Returns random faults in these files that neither the types nor the linter refuse. The same seed returns the same ones. */
export async function chooseFaults(
  copy: CheckoutCopy,
  paths: readonly string[],
  { seed, count }: { seed: number; count: number },
): Promise<readonly PlacedFault[]> {
  const random = createRandom(seed)
  const lines = paths.flatMap((path) => {
    const inFile = Map.groupBy(faultsOf(copy.read(path)), ({ line }) => line)
    return [...inFile.values()].map((ofLine) => ({ path, ofLine }))
  })
  const chosen: PlacedFault[] = []
  while (chosen.length < count && lines.length > 0) {
    // Those in different files are checked together, since each check takes seconds.
    const batch = new Map<string, PlacedFault>()
    while (batch.size < Math.min(20, count - chosen.length) && lines.length > 0) {
      const [line] = lines.splice(Math.floor(random() * lines.length), 1)
      if (line === undefined || batch.has(line.path)) continue
      const fault = line.ofLine[Math.floor(random() * line.ofLine.length)]
      if (fault !== undefined) batch.set(line.path, { ...fault, path: line.path, seed })
    }
    chosen.push(...(await findValid(copy, [...batch.values()])))
  }
  return chosen
}

/** Returns the faults that the types and the linter accept. */
async function findValid(
  copy: CheckoutCopy,
  batch: readonly PlacedFault[],
): Promise<readonly PlacedFault[]> {
  if (batch.length === 0) return []
  const paths = batch.map(({ path }) => path)
  const biome = ['bun', 'node_modules/@biomejs/biome/bin/biome', 'lint', '--max-diagnostics=none']
  const checks = await withTexts(copy, batch, async () => [
    await copy.run(['bun', 'check'], { timeout: 120_000 }),
    await copy.run([...biome, '--error-on-warnings', ...paths], { timeout: 120_000 }),
  ])
  if (checks.every(({ status }) => status === 'succeeded')) return batch
  const output = checks.map((check) => check.output).join('\n')
  const accepted = batch.filter(({ path }) => !output.includes(path))
  // The error can be in a file that uses the changed one.
  if (accepted.length === batch.length) {
    if (batch.length === 1) return []
    const middle = Math.ceil(batch.length / 2)
    return [
      ...(await findValid(copy, batch.slice(0, middle))),
      ...(await findValid(copy, batch.slice(middle))),
    ]
  }
  return await findValid(copy, accepted)
}
