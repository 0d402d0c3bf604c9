import { aField, aRecord, type Client } from '../../test/support/client'

/** The vault of the measurements: records with fields each. */
export const vaultRecords = 200
export const fieldsPerRecord = 2

/** Fills the vault of a client. Returns the ids of its records. */
export async function fillVault(client: Client): Promise<readonly string[]> {
  const ids: string[] = []
  for (let index = 0; index < vaultRecords; index++) {
    const record = aRecord()
    await create(client, '/records', record)
    for (let field = 0; field < fieldsPerRecord; field++)
      await create(client, '/additional_fields', aField(record.id))
    ids.push(record.id)
  }
  return ids
}

async function create(client: Client, path: string, body: object): Promise<void> {
  const answer = await client.send('POST', path, body)
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  await answer.bytes()
}
