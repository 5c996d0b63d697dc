import assert from 'node:assert/strict'
import { PermanentError } from '../../src/core/errors.ts'
import type { VectorStore } from '../../src/vectors/store.ts'
import type { Define } from './contract.ts'
import { axis, failure, keyOf, spec, tilted, track, unit } from './given.ts'

/** Five tracks whose cosine to axis 0 falls from track 1 to track 5; track 4 is hidden, track 2 has two segments. */
const library = [
  track(1, [axis(0)]),
  track(2, [tilted(0, 1, 0.9), tilted(0, 1, 0.3)]),
  track(3, [tilted(0, 2, 0.8)]),
  track(4, [tilted(0, 3, 0.7)], { available: false }),
  track(5, [tilted(0, 4, -0.6)]),
]

/** Searching. */
export function searchContract(define: Define): void {
  const onLibrary = (sentence: string, body: (store: VectorStore) => Promise<void>) => {
    define(sentence, async (store) => {
      await store.ensure(spec)
      await store.replace(spec.name, library)
      await body(store)
    })
  }
  finding(onLibrary)
  filtering(onLibrary)
  refusing(onLibrary)

  define('an empty collection is searched without finding anything', async (store) => {
    await store.ensure(spec)
    assert.deepEqual(await store.search(spec.name, axis(0), { k: 5 }), [])
    assert.deepEqual(await store.search(spec.name, axis(0), { k: 5, trackIds: ['x'], exclude: ['y'] }), [])
  })
}

async function rows(store: VectorStore, options: Parameters<VectorStore['search']>[2]) {
  const hits = await store.search(spec.alias, axis(0), options)
  return hits.map(({ key, segment }) => `${Number.parseInt(key, 16)}:${segment}`)
}

function finding(define: Define): void {
  define('the nearest rows come first, with their score and all they carry', async (store) => {
    const hits = await store.search(spec.alias, axis(0), { k: 3 })
    const scores = [1, 0.9, 0.8]
    hits.forEach(({ score }, index) => {
      assert.ok(Math.abs(score - (scores[index] ?? 9)) < 1e-5, `score ${score}`)
    })
    assert.deepEqual(
      hits.map(({ score: _, ...rest }) => rest),
      [1, 2, 3].map((number) => ({
        key: keyOf(number),
        segment: 0,
        trackId: `id-${number}`,
        name: `artist - title ${number}`,
        available: true,
        offsetSeconds: 0,
      })),
    )
  })

  define('each segment is found for itself, with its own offset', async (store) => {
    const hits = await store.search(spec.name, tilted(0, 1, 0.3), { k: 1 })
    assert.deepEqual([hits[0]?.key, hits[0]?.segment, hits[0]?.offsetSeconds], [keyOf(2), 1, 15])
  })

  define('k larger than the rows finds them all, opposite ones last', async (store) => {
    assert.deepEqual(await rows(store, { k: 4096 }), ['1:0', '2:0', '3:0', '2:1', '5:0'])
  })

  define('the opposite vector has score -1', async (store) => {
    await store.replace(spec.name, [track(6, [axis(6)])])
    const query = axis(6).map((value) => -value)
    const hit = (await store.search(spec.name, query, { k: 10 })).at(-1)
    assert.equal(hit?.key, keyOf(6))
    assert.ok(Math.abs(hit.score + 1) < 1e-5 && hit.score >= -1)
  })

  define('the length of the query does not matter', async (store) => {
    const query = axis(0).map((value) => value * 1234.5)
    const [hit] = await store.search(spec.name, query, { k: 1 })
    assert.equal(hit?.key, keyOf(1))
    assert.ok(Math.abs(hit.score - 1) < 1e-5)
  })

  define('searches asked at once are all answered', async (store) => {
    const answers = await Promise.all(
      library.map(({ segments }) =>
        store.search(spec.name, segments[0]?.embedding ?? axis(0), { k: 1, includeUnavailable: true }),
      ),
    )
    assert.deepEqual(
      answers.map(([hit]) => hit?.key),
      library.map(({ key }) => key),
    )
  })
}

function filtering(define: Define): void {
  define('hidden tracks are found only when they are asked for', async (store) => {
    const all = ['1:0', '2:0', '3:0', '4:0', '2:1', '5:0']
    assert.deepEqual(await rows(store, { k: 10, includeUnavailable: true }), all)
    assert.deepEqual(
      await rows(store, { k: 10, includeUnavailable: false }),
      all.filter((row) => row !== '4:0'),
    )
    const update = { key: keyOf(4), trackId: 'id-4', name: 'n', available: true }
    await store.update(spec.name, [update, { ...update, key: keyOf(1), available: false }])
    assert.deepEqual(await rows(store, { k: 10 }), ['2:0', '3:0', '4:0', '2:1', '5:0'])
  })

  define('excluded tracks are left out and the hits are still k', async (store) => {
    assert.deepEqual(await rows(store, { k: 2, exclude: [keyOf(1), keyOf(2), keyOf(99)] }), ['3:0', '5:0'])
    assert.deepEqual(await rows(store, { k: 2, exclude: [] }), ['1:0', '2:0'])
    assert.deepEqual(await rows(store, { k: 2, exclude: library.map(({ key }) => key) }), [])
  })

  define('only the given library ids are considered', async (store) => {
    assert.deepEqual(await rows(store, { k: 10, trackIds: ['id-2', 'id-4', 'id-5', 'absent'] }), [
      '2:0',
      '2:1',
      '5:0',
    ])
    assert.deepEqual(await rows(store, { k: 1, trackIds: ['id-5'] }), ['5:0'])
    assert.deepEqual(await rows(store, { k: 10, trackIds: [] }), [])
    assert.deepEqual(
      await rows(store, { k: 10, trackIds: ['id-2', 'id-4'], exclude: [keyOf(2)], includeUnavailable: true }),
      ['4:0'],
    )
  })

  define('two tracks may carry one library id', async (store) => {
    await store.replace(spec.name, [track(7, [tilted(0, 5, 0.5)], { trackId: 'id-1' })])
    assert.deepEqual(await rows(store, { k: 10, trackIds: ['id-1'] }), ['1:0', '7:0'])
  })

  define('many tracks can be excluded, or named', async (store) => {
    const many = Array.from({ length: 3000 }, (_, index) =>
      track(index + 100, [unit(index), unit(index + 1)]),
    )
    await store.replace(spec.name, many)
    const exclude = many.map(({ key }) => key)
    assert.deepEqual(await rows(store, { k: 4096, exclude }), ['1:0', '2:0', '3:0', '2:1', '5:0'])
    assert.deepEqual(await rows(store, { k: 1, exclude: [...exclude, keyOf(1)] }), ['2:0'])
    const trackIds = many.map(({ trackId }) => trackId)
    const hits = await store.search(spec.name, unit(2000), { k: 2, trackIds })
    assert.deepEqual(
      new Set(hits.map(({ key, segment }) => `${key}:${segment}`)),
      new Set([`${keyOf(2100)}:0`, `${keyOf(2099)}:1`]),
    )
  })
}

function refusing(define: Define): void {
  define('a query of another dim, not finite or of length 0 is refused', async (store) => {
    for (const query of [
      unit(1, 7),
      unit(1, 9),
      new Float32Array(0),
      axis(0).with(1, Number.NaN),
      axis(0).with(1, Number.NEGATIVE_INFINITY),
      new Float32Array(8),
    ]) {
      await assert.rejects(store.search(spec.name, query, { k: 1 }), failure(PermanentError, spec.name))
    }
  })

  define('k outside 1 to 4096 is refused', async (store) => {
    for (const k of [0, -1, 1.5, 4097, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(store.search(spec.name, axis(0), { k }), failure(PermanentError, `${k}`))
    }
  })
}
