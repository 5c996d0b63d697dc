import assert from 'node:assert/strict'
import { PermanentError } from '../../src/core/errors.ts'
import type { VectorStore } from '../../src/vectors/store.ts'
import type { Define } from './contract.ts'
import { axis, failure, keyOf, pagesOf, spec, track, unit } from './given.ts'

/** Removing, updating, and reading back what was written. */
export function tracksContract(define: Define): void {
  const onCollection = (sentence: string, body: (store: VectorStore) => Promise<void>) => {
    define(sentence, async (store) => {
      await store.ensure(spec)
      await body(store)
    })
  }
  removingAndUpdating(onCollection)
  reading(onCollection)
}

function removingAndUpdating(define: Define): void {
  define('remove returns how many rows went and leaves the others', async (store) => {
    await store.replace(spec.name, [
      track(1, [axis(0), axis(1)]),
      track(2, [axis(0)]),
      track(3, [axis(0), axis(1), axis(2)]),
    ])
    assert.equal(await store.remove(spec.name, [keyOf(1), keyOf(3), keyOf(3), keyOf(77)]), 5)
    assert.equal(await store.remove(spec.name, [keyOf(1), keyOf(3)]), 0)
    assert.equal(await store.remove(spec.name, []), 0)
    assert.deepEqual(await store.count(spec.name), { rows: 1, tracks: 1 })
    assert.equal(await store.get(spec.name, keyOf(1)), null)
    assert.deepEqual(
      (await store.search(spec.name, axis(0), { k: 10 })).map(({ key }) => key),
      [keyOf(2)],
    )
  })

  define('a removed track can come back', async (store) => {
    const given = track(1, [axis(0), axis(1)])
    await store.replace(spec.name, [given])
    await store.remove(spec.name, [given.key])
    await store.replace(spec.name, [given])
    assert.deepEqual(await store.get(spec.name, given.key), given)
  })

  define(
    'update rewrites attributes of all rows, keeps vectors and returns the tracks it found',
    async (store) => {
      const given = track(1, [unit(1), unit(2)])
      await store.replace(spec.name, [given, track(2, [unit(3)])])
      const update = { key: given.key, trackId: 'new id', name: 'new name', available: false }
      const absent = { ...update, key: keyOf(77) }
      const first = { ...update, name: 'overruled' }
      assert.equal(await store.update(spec.name, [first, update, absent]), 1)
      assert.equal(await store.update(spec.name, [update]), 1)
      assert.equal(await store.update(spec.name, []), 0)
      const after = await store.get(spec.name, given.key)
      assert.deepEqual({ ...after, segments: [] }, { ...given, ...update, segments: [] })
      after?.segments.forEach(({ embedding, offsetSeconds }, segment) => {
        assert.equal(offsetSeconds, segment * 15)
        embedding.forEach((value, index) => {
          assert.ok(Math.abs(value - (given.segments[segment]?.embedding[index] ?? 2)) < 1e-6)
        })
      })
      const hits = await store.search(spec.name, unit(1), { k: 10, includeUnavailable: true })
      const own = hits.filter(({ key }) => key === given.key)
      assert.deepEqual(
        own.map(({ name, trackId, available }) => [name, trackId, available]),
        [
          ['new name', 'new id', false],
          ['new name', 'new id', false],
        ],
      )
      assert.deepEqual(await store.count(spec.name), { rows: 3, tracks: 2 })
    },
  )

  define('thousands of tracks are updated in one call', async (store) => {
    const given = Array.from({ length: 4000 }, (_, number) => track(number, [unit(number)]))
    await store.replace(spec.name, given)
    const updates = given.map(({ key }, number) => ({
      key,
      trackId: `moved-${number}`,
      name: `renamed ${number}`,
      available: number % 2 === 0,
    }))
    assert.equal(await store.update(spec.name, updates), 4000)
    const all = (await pagesOf(store, spec.name)).flat()
    assert.deepEqual(
      all.map(({ key, trackId, name, available }) => ({ key, trackId, name, available })),
      updates,
    )
    const hits = await store.search(spec.name, unit(3), { k: 4000 })
    assert.equal(hits.length, 2000)
    assert.ok(hits.every(({ available }) => available))
  })
}

function reading(define: Define): void {
  define('get of an absent track is null', async (store) => {
    assert.equal(await store.get(spec.name, keyOf(1)), null)
  })

  define('stored tells of the tracks that are there and leaves the others out', async (store) => {
    await store.replace(spec.name, [track(1, [axis(0), axis(1)]), track(2, [axis(0)], { available: false })])
    const stored = await store.stored(spec.name, [keyOf(2), keyOf(77), keyOf(1), keyOf(1)])
    const { segments: _, ...first } = track(1, [])
    const { segments: __, ...second } = track(2, [], { available: false })
    assert.deepEqual(
      stored.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
      [
        { ...first, segments: 2 },
        { ...second, segments: 1 },
      ],
    )
    assert.deepEqual(await store.stored(spec.name, []), [])
  })

  define('tracks come in pages by key, ascending, none empty', async (store) => {
    assert.deepEqual(await pagesOf(store, spec.name), [])
    const numbers = Array.from({ length: 25 }, (_, index) => (index * 7) % 25)
    await store.replace(
      spec.name,
      numbers.map((number) => track(number, [axis(0), axis(1)])),
    )
    const pages = await pagesOf(store, spec.name, 10)
    assert.deepEqual(
      pages.map(({ length }) => length),
      [10, 10, 5],
    )
    assert.deepEqual(
      pages.flat().map(({ key, segments }) => [key, segments]),
      Array.from({ length: 25 }, (_, number) => [keyOf(number), 2]),
    )
    assert.deepEqual(
      (await pagesOf(store, spec.name, 5)).map(({ length }) => length),
      [5, 5, 5, 5, 5],
    )
    assert.equal((await pagesOf(store, spec.name)).length, 1)
    for (const size of [0, -1, 1.5]) {
      await assert.rejects(pagesOf(store, spec.name, size), failure(PermanentError))
    }
  })

  define('rows written during an iteration neither stop nor repeat it', async (store) => {
    await store.replace(
      spec.name,
      Array.from({ length: 30 }, (_, index) => track(index * 10, [axis(0)])),
    )
    const seen: string[] = []
    const added = [5, 205].values()
    for await (const page of store.tracks(spec.name, 7)) {
      seen.push(...page.map(({ key }) => key))
      const { value: next = 280 } = added.next()
      await store.replace(spec.name, [track(next, [axis(1)]), track(280, [axis(1), axis(2)])])
      await store.remove(spec.name, [keyOf(10)])
    }
    assert.deepEqual(seen, [...new Set(seen)].sort())
    for (let number = 20; number < 300; number += 10) assert.ok(seen.includes(keyOf(number)))
    assert.ok(seen.includes(keyOf(205)), 'a key still to come is seen')
    assert.ok(!seen.includes(keyOf(5)), 'a key already passed is not')
  })

  define('an iteration may be left early', async (store) => {
    await store.replace(
      spec.name,
      Array.from({ length: 30 }, (_, number) => track(number, [axis(0)])),
    )
    for await (const page of store.tracks(spec.name, 7)) {
      assert.equal(page.length, 7)
      break
    }
    assert.equal(await store.remove(spec.name, [keyOf(0)]), 1)
  })
}
