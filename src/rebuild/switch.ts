import { collectionAlias, collectionName, type Model } from '../core/model.ts'
import type { VectorStore } from '../vectors/store.ts'

/**
 * Gives every model its collection. A model whose identity changed gets a new collection beside the old one: readers keep the
 * old one, whole, until `switchFinished` (I4).
 */
export async function ensureCollections(
  models: readonly Model[],
  store: Pick<VectorStore, 'ensure'>,
): Promise<void> {
  for (const model of models) {
    const { dim, modelId } = model
    await store.ensure({ name: collectionName(model), alias: collectionAlias(model), dim, modelId })
  }
}

/**
 * Points readers at the collection of each model that has nothing left to do, and drops the ones it replaces. Returns the
 * switches made. Harmless to repeat; a crash in between leaves a collection without alias, which the next call drops.
 */
export async function switchFinished(
  models: readonly Model[],
  pending: (model: string) => number,
  store: Pick<VectorStore, 'collections' | 'switchAlias' | 'drop'>,
): Promise<Array<{ alias: string; collection: string }>> {
  const switches: Array<{ alias: string; collection: string }> = []
  const existing = await store.collections()
  for (const model of models) {
    if (pending(model.name) > 0) continue
    const alias = collectionAlias(model)
    const collection = collectionName(model)
    const current = existing.find((each) => each.alias === alias)
    if (current !== undefined && current.name !== collection) {
      await store.switchAlias(alias, collection)
      switches.push({ alias, collection })
    }
    const old = existing.filter(({ name }) => name.startsWith(`${alias}__`) && name !== collection)
    for (const { name } of old) await store.drop(name)
  }
  return switches
}
