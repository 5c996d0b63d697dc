import assert from 'node:assert/strict'
import { PermanentError } from '../../src/core/errors.ts'
import type { TrackVectors, VectorStore } from '../../src/vectors/store.ts'
import type { Define } from './contract.ts'
import { axis, failure, keyOf, spec, track, unit } from './given.ts'

/** Strings that have broken stores before. */
const oddStrings = [
  `it's "quoted"`,
  'back\\slash \\" \\\\ \\n',
  'Sigur Rós - Ágætis byrjun',
  '椎名林檎 - 丸ノ内サディスティック',
  '👩‍🎤🎶 𝄞',
  'e\u0301 is not \u00e9',
  'tab\tnew\nline\rreturn\u0001\u001f\u007f',
  '%_*?[a-z]',
  `'); drop table collections; --`,
  '{"json": [1, null]} {{y}}',
  ' leading and trailing ',
  '',
]

/** Replacing, and what is refused. */
export function writeContract(define: Define): void {
  const onCollection = (sentence: string, body: (store: VectorStore) => Promise<void>) => {
    define(sentence, async (store) => {
      await store.ensure(spec)
      await body(store)
    })
  }
  replacing(onCollection)
  refusing(onCollection)
}

function replacing(define: Define): void {
  define('a replaced track reads back as it was given', async (store) => {
    const given = track(1, [axis(0), axis(1), axis(2)], { available: false })
    await store.replace(spec.name, [given])
    assert.deepEqual(await store.get(spec.name, given.key), given)
  })

  define('replacing twice leaves one copy', async (store) => {
    const given = [track(1, [axis(0), axis(1)]), track(2, [axis(2)])]
    await store.replace(spec.name, given)
    await store.replace(spec.name, given)
    assert.deepEqual(await store.count(spec.name), { rows: 3, tracks: 2 })
    assert.equal((await store.search(spec.name, axis(0), { k: 10 })).length, 3)
  })

  define('a replacement with more or fewer segments leaves exactly its own rows', async (store) => {
    await store.replace(spec.name, [track(9, [axis(7)])])
    for (const count of [2, 5, 1, 3]) {
      const given = track(
        1,
        Array.from({ length: count }, (_, index) => axis((index + count) % 7)),
        {
          available: count !== 5,
          name: `name ${count}`,
          fingerprint: `fingerprint ${count}`,
          trackId: `id ${count}`,
        },
      )
      await store.replace(spec.name, [given])
      assert.deepEqual(await store.get(spec.name, given.key), given)
      assert.deepEqual(await store.count(spec.name), { rows: count + 1, tracks: 2 })
      const hits = await store.search(spec.name, axis(0), { k: 100, includeUnavailable: true })
      assert.equal(hits.length, count + 1)
      const visible = await store.search(spec.name, axis(0), { k: 100 })
      assert.equal(visible.length, count === 5 ? 1 : count + 1)
    }
  })

  define('replacing no tracks changes nothing', async (store) => {
    await store.replace(spec.name, [track(1, [axis(0)])])
    await store.replace(spec.name, [])
    assert.deepEqual(await store.count(spec.name), { rows: 1, tracks: 1 })
  })

  define('a key that is given twice in one call counts as its last', async (store) => {
    const last = track(1, [axis(3)], { name: 'last' })
    await store.replace(spec.name, [track(1, [axis(0), axis(1)]), track(2, [axis(2)]), last])
    assert.deepEqual(await store.get(spec.name, keyOf(1)), last)
    assert.deepEqual(await store.count(spec.name), { rows: 2, tracks: 2 })
  })

  define('the arrays of the caller may be views and stay as they are', async (store) => {
    const memory = new Float32Array(24)
    memory.set(axis(2), 8)
    const view = memory.subarray(8, 16)
    await store.replace(spec.name, [track(1, [view])])
    assert.deepEqual(view, axis(2))
    assert.deepEqual((await store.get(spec.name, keyOf(1)))?.segments[0]?.embedding, axis(2))
    const query = memory.subarray(8, 16)
    assert.equal((await store.search(spec.name, query, { k: 1 })).length, 1)
    assert.deepEqual(query, axis(2))
  })

  define('5,000 tracks are replaced in one call, and again', async (store) => {
    const given = Array.from({ length: 5000 }, (_, number) => track(number, [unit(number)]))
    await store.replace(spec.name, given)
    assert.deepEqual(await store.count(spec.name), { rows: 5000, tracks: 5000 })
    const again = given.map((old, number) => ({
      ...old,
      segments: track(number, [unit(number + 1)]).segments,
    }))
    await store.replace(spec.name, again)
    assert.deepEqual(await store.count(spec.name), { rows: 5000, tracks: 5000 })
    const [hit] = await store.search(spec.name, unit(4000), { k: 1 })
    assert.equal(hit?.key, keyOf(3999))
  })

  define('odd strings in names, library ids and fingerprints are kept as they are', async (store) => {
    const strings = [...oddStrings, 'long '.repeat(1000)]
    const given = strings.map((text, number) =>
      track(number, [unit(number)], { name: text, trackId: text, fingerprint: text }),
    )
    await store.replace(spec.name, given)
    for (const [number, text] of strings.entries()) {
      const wanted = given[number]
      assert.deepEqual((await store.get(spec.name, keyOf(number)))?.name, text)
      const hits = await store.search(spec.name, unit(number), { k: 50, trackIds: [text] })
      assert.deepEqual(
        hits.map(({ key, trackId, name }) => ({ key, trackId, name })),
        [{ key: wanted?.key, trackId: text, name: text }],
      )
    }
    await store.update(
      spec.name,
      given.map(({ key, name, trackId, available }) => ({ key, name: `${name}'`, trackId, available })),
    )
    const stored = await store.stored(
      spec.name,
      given.map(({ key }) => key),
    )
    assert.deepEqual(new Set(stored.map(({ name }) => name)), new Set(strings.map((text) => `${text}'`)))
  })

  define('odd keys are keys like others', async (store) => {
    const keys = oddStrings.filter((text) => text !== '')
    const given = keys.map((key, number) => track(number, [unit(number)], { key }))
    await store.replace(spec.name, given)
    assert.equal((await store.stored(spec.name, keys)).length, keys.length)
    for (const one of given) assert.equal((await store.get(spec.name, one.key))?.key, one.key)
    const [first = '', ...rest] = keys
    const hits = await store.search(spec.name, unit(0), { k: 50, exclude: [first] })
    assert.deepEqual(new Set(hits.map(({ key }) => key)), new Set(rest))
    assert.equal(await store.remove(spec.name, keys), keys.length)
    assert.deepEqual(await store.count(spec.name), { rows: 0, tracks: 0 })
  })
}

function refusing(define: Define): void {
  const bad: Array<[string, TrackVectors]> = [
    ['of another dim', track(2, [axis(0), unit(1, 9)])],
    ['that is empty', track(2, [new Float32Array(0)])],
    ['with NaN', track(2, [axis(0).with(3, Number.NaN)])],
    ['with an infinity', track(2, [axis(0).with(3, Number.POSITIVE_INFINITY)])],
    ['of length 0', track(2, [new Float32Array(8)])],
    ['of length 1.01', track(2, [axis(0).map((value) => value * 1.01)])],
    ['of length 0.99', track(2, [axis(0), axis(1).map((value) => value * 0.99)])],
    ['missing altogether', track(2, [])],
  ]
  for (const [what, wrong] of bad) {
    define(`a vector ${what} is refused by track, and no track of the call is changed`, async (store) => {
      const before = [track(1, [axis(0)]), track(2, [axis(1), axis(2)]), track(3, [axis(3)])]
      await store.replace(spec.name, before)
      const call = store.replace(spec.name, [track(1, [axis(6)]), wrong, track(4, [axis(6)])])
      await assert.rejects(call, failure(PermanentError, spec.name, wrong.key))
      for (const old of before) assert.deepEqual(await store.get(spec.name, old.key), old)
      assert.deepEqual(await store.count(spec.name), { rows: 4, tracks: 3 })
    })
  }

  define('a vector within 1e-3 of unit length is accepted', async (store) => {
    const nearly = [0.9995, 1.0005].map((length) => unit(1).map((value) => value * length))
    await store.replace(spec.name, [track(1, nearly)])
    const hits = await store.search(spec.name, unit(1), { k: 2 })
    assert.equal(hits.length, 2)
    for (const { score } of hits) assert.ok(Math.abs(score - 1) < 1e-5)
    for (const { embedding } of (await store.get(spec.name, keyOf(1)))?.segments ?? []) {
      embedding.forEach((value, index) => {
        assert.ok(Math.abs(value - (unit(1)[index] ?? 0)) < 1e-3)
      })
    }
  })
}
