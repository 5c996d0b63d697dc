import assert from 'node:assert/strict'
import { PermanentError } from '../../src/core/errors.ts'
import type { VectorStore } from '../../src/vectors/store.ts'
import type { Define } from './contract.ts'
import { axis, failure, keyOf, nextSpec, pagesOf, spec, track } from './given.ts'

/** Collections, aliases and names. */
export function collectionContract(define: Define): void {
  define('a new store has no collections', async (store) => {
    assert.deepEqual(await store.collections(), [])
  })

  define('ensure creates a collection behind its alias, and may be repeated', async (store) => {
    await store.ensure(spec)
    await store.ensure(spec)
    assert.deepEqual(await store.collections(), [
      { name: spec.name, alias: spec.alias, dim: spec.dim, modelId: spec.modelId },
    ])
    assert.deepEqual(await store.count(spec.name), { rows: 0, tracks: 0 })
  })

  define('ensure keeps the rows of an existing collection', async (store) => {
    await store.ensure(spec)
    await store.replace(spec.name, [track(1, [axis(0)])])
    await store.ensure(spec)
    assert.deepEqual(await store.count(spec.name), { rows: 1, tracks: 1 })
  })

  define('ensure refuses another dim or model and names both values', async (store) => {
    await store.ensure(spec)
    await store.replace(spec.name, [track(1, [axis(0)])])
    await assert.rejects(store.ensure({ ...spec, dim: 16 }), failure(PermanentError, spec.name, '8', '16'))
    await assert.rejects(
      store.ensure({ ...spec, modelId: 'another/model' }),
      failure(PermanentError, spec.name, spec.modelId, 'another/model'),
    )
    assert.deepEqual(await store.count(spec.name), { rows: 1, tracks: 1 })
  })

  define('ensure leaves an alias where it points', async (store) => {
    await store.ensure(spec)
    await store.ensure(nextSpec)
    assert.deepEqual(
      (await store.collections()).map(({ name, alias }) => [name, alias]).sort(),
      [
        [spec.name, spec.alias],
        [nextSpec.name, null],
      ].sort(),
    )
  })

  define('ensure refuses impossible names and dims and creates nothing', async (store) => {
    for (const name of [
      '',
      'a-b',
      'a b',
      'ä',
      'x; drop table collections',
      'a"b',
      "a'b",
      'x'.repeat(201),
      'a\nb',
    ]) {
      await assert.rejects(store.ensure({ ...spec, name }), failure(PermanentError))
      await assert.rejects(store.ensure({ ...spec, alias: name }), failure(PermanentError))
    }
    for (const dim of [0, -1, 1.5, Number.NaN, 1_000_000]) {
      await assert.rejects(store.ensure({ ...spec, dim }), failure(PermanentError, spec.name))
    }
    await assert.rejects(store.ensure({ ...spec, alias: spec.name }), failure(PermanentError, spec.name))
    assert.deepEqual(await store.collections(), [])
  })

  define('a name cannot be an alias and a collection at once', async (store) => {
    await store.ensure(spec)
    await assert.rejects(
      store.ensure({ ...nextSpec, name: spec.alias, alias: 'other' }),
      failure(PermanentError, spec.alias),
    )
    await assert.rejects(store.ensure({ ...nextSpec, alias: spec.name }), failure(PermanentError, spec.name))
    await assert.rejects(store.switchAlias(spec.name, spec.name), failure(PermanentError, spec.name))
  })

  define('switchAlias shows readers the other collection, and may be repeated', async (store) => {
    await store.ensure(spec)
    await store.ensure(nextSpec)
    await store.replace(spec.name, [track(1, [axis(0)])])
    await store.replace(nextSpec.name, [track(2, [axis(0)]), track(3, [axis(1)])])
    assert.deepEqual(await found(store, spec.alias), [keyOf(1)])
    await store.switchAlias(spec.alias, nextSpec.name)
    await store.switchAlias(spec.alias, nextSpec.name)
    assert.deepEqual(await found(store, spec.alias), [keyOf(2), keyOf(3)])
    assert.deepEqual(await found(store, spec.name), [keyOf(1)])
    const aliases = new Map((await store.collections()).map(({ name, alias }) => [name, alias]))
    assert.equal(aliases.get(spec.name), null)
    assert.equal(aliases.get(nextSpec.name), spec.alias)
  })

  define('switchAlias creates a missing alias and refuses a missing collection', async (store) => {
    await store.ensure(spec)
    await store.replace(spec.name, [track(1, [axis(0)])])
    await store.switchAlias('another_alias', spec.name)
    assert.deepEqual(await found(store, 'another_alias'), [keyOf(1)])
    await assert.rejects(store.switchAlias(spec.alias, 'absent'), failure(PermanentError, 'absent'))
    await assert.rejects(store.switchAlias('bad alias', spec.name), failure(PermanentError, 'bad alias'))
    assert.deepEqual(await found(store, spec.alias), [keyOf(1)])
  })

  define('drop is refused while an alias points at the collection', async (store) => {
    await store.ensure(spec)
    await store.ensure(nextSpec)
    await store.replace(spec.name, [track(1, [axis(0)])])
    await assert.rejects(store.drop(spec.name), failure(PermanentError, spec.name, spec.alias))
    await assert.rejects(store.drop(spec.alias), failure(PermanentError, spec.alias))
    assert.deepEqual(await store.count(spec.name), { rows: 1, tracks: 1 })
    await store.switchAlias(spec.alias, nextSpec.name)
    await store.drop(spec.name)
    assert.deepEqual(
      (await store.collections()).map(({ name }) => name),
      [nextSpec.name],
    )
    await assert.rejects(store.count(spec.name), failure(PermanentError, spec.name))
  })

  define('dropping what does not exist is no error', async (store) => {
    await store.drop('absent')
    await store.ensure(spec)
    await store.ensure(nextSpec)
    await store.drop(nextSpec.name)
    await store.drop(nextSpec.name)
    assert.equal((await store.collections()).length, 1)
  })

  define('a collection that is dropped and made again is empty', async (store) => {
    await store.ensure(spec)
    await store.ensure(nextSpec)
    await store.replace(nextSpec.name, [track(1, [axis(0)])])
    await store.drop(nextSpec.name)
    await store.ensure({ ...nextSpec, modelId: 'another' })
    assert.deepEqual(await store.count(nextSpec.name), { rows: 0, tracks: 0 })
    assert.deepEqual(await found(store, nextSpec.name), [])
  })

  define('two collections with the same tracks do not touch each other', async (store) => {
    await store.ensure(spec)
    await store.ensure(nextSpec)
    await store.replace(spec.name, [track(1, [axis(0)]), track(2, [axis(1)])])
    await store.replace(nextSpec.name, [track(1, [axis(5)])])
    await store.remove(spec.name, [keyOf(1)])
    await store.update(spec.name, [{ key: keyOf(1), trackId: 'x', name: 'x', available: false }])
    assert.deepEqual(await store.get(nextSpec.name, keyOf(1)), track(1, [axis(5)]))
    assert.deepEqual(await store.count(spec.name), { rows: 1, tracks: 1 })
  })

  define('every call on a collection that does not exist names it in a PermanentError', async (store) => {
    await store.ensure(spec)
    const calls: Array<(name: string) => Promise<unknown>> = [
      (name) => store.replace(name, [track(1, [axis(0)])]),
      (name) => store.replace(name, []),
      (name) => store.remove(name, [keyOf(1)]),
      (name) => store.update(name, [{ key: keyOf(1), trackId: 'x', name: 'x', available: true }]),
      (name) => store.search(name, axis(0), { k: 1 }),
      (name) => store.get(name, keyOf(1)),
      (name) => store.stored(name, [keyOf(1)]),
      (name) => store.count(name),
      (name) => pagesOf(store, name),
    ]
    for (const call of calls) {
      await assert.rejects(call('absent'), failure(PermanentError, 'absent'))
      await assert.rejects(call(`x"'; drop table collections`), failure(PermanentError))
    }
  })

  define('calls that write do not follow an alias', async (store) => {
    await store.ensure(spec)
    await assert.rejects(
      store.replace(spec.alias, [track(1, [axis(0)])]),
      failure(PermanentError, spec.alias),
    )
    await assert.rejects(store.remove(spec.alias, [keyOf(1)]), failure(PermanentError, spec.alias))
    await assert.rejects(store.update(spec.alias, []), failure(PermanentError, spec.alias))
  })

  define('calls that read follow an alias', async (store) => {
    await store.ensure(spec)
    const given = track(1, [axis(0), axis(1)])
    await store.replace(spec.name, [given])
    assert.deepEqual(await store.get(spec.alias, given.key), given)
    assert.deepEqual(await store.stored(spec.alias, [given.key]), await store.stored(spec.name, [given.key]))
    assert.deepEqual(await store.count(spec.alias), { rows: 2, tracks: 1 })
    assert.deepEqual(await pagesOf(store, spec.alias), await pagesOf(store, spec.name))
  })

  define('a closed store may be closed again and refuses every call', async (store) => {
    await store.ensure(spec)
    const underWay = store.replace(spec.name, [track(1, [axis(0)])])
    const counted = store.count(spec.name)
    await Promise.all([store.close(), store.close()])
    await underWay
    assert.deepEqual(await counted, { rows: 1, tracks: 1 })
    await store.close()
    await assert.rejects(store.count(spec.name), failure(PermanentError, 'closed'))
    await assert.rejects(store.replace(spec.name, []), failure(PermanentError, 'closed'))
    await assert.rejects(pagesOf(store, spec.name), failure(PermanentError, 'closed'))
  })
}

async function found(store: VectorStore, collection: string): Promise<string[]> {
  return (await store.search(collection, axis(0), { k: 10 })).map(({ key }) => key).sort()
}
