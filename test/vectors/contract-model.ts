import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { AttributeUpdate, SearchOptions, TrackVectors, VectorStore } from '../../src/vectors/store.ts'
import type { Define } from './contract.ts'
import { dim, keyOf, pagesOf, unit } from './given.ts'

type Step =
  | { readonly call: 'replace'; readonly tracks: readonly TrackVectors[] }
  | { readonly call: 'remove'; readonly keys: readonly string[] }
  | { readonly call: 'update'; readonly updates: readonly AttributeUpdate[] }
  | { readonly call: 'search'; readonly query: Float32Array; readonly options: SearchOptions }
  | { readonly call: 'switch' }

/** What the store should hold, in the plainest form: two collections of tracks and the one the alias points at. */
interface Model {
  readonly collections: [Map<string, TrackVectors>, Map<string, TrackVectors>]
  aliased: 0 | 1
}

const key = fc.integer({ min: 0, max: 6 }).map(keyOf)
const text = fc.oneof(fc.constantFrom('id-1', 'id-2', "it's"), fc.string({ unit: 'grapheme', maxLength: 5 }))
const vector = fc.integer({ min: 1, max: 12 }).map((seed) => unit(seed))
const attributes = { trackId: text, name: text, available: fc.boolean() }
const segment = fc.record({
  offsetSeconds: fc.integer({ min: 0, max: 100 }),
  durationSeconds: fc.integer({ min: 1, max: 100 }),
  embedding: vector,
})
const anyTrack: fc.Arbitrary<TrackVectors> = fc.record({
  key,
  fingerprint: text,
  segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
  ...attributes,
})
const options: fc.Arbitrary<SearchOptions> = fc.record(
  {
    k: fc.integer({ min: 1, max: 12 }),
    exclude: fc.array(key, { maxLength: 3 }),
    trackIds: fc.array(text, { maxLength: 4 }),
    includeUnavailable: fc.boolean(),
  },
  { requiredKeys: ['k'] },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ call: fc.constant('replace' as const), tracks: fc.array(anyTrack, { maxLength: 5 }) }),
  fc.record({ call: fc.constant('remove' as const), keys: fc.array(key, { maxLength: 3 }) }),
  fc.record({
    call: fc.constant('update' as const),
    updates: fc.array(fc.record({ key, ...attributes }), { maxLength: 4 }),
  }),
  fc.record({ call: fc.constant('search' as const), query: vector, options }),
  fc.constant({ call: 'switch' as const }),
)

/** Any sequence of calls leaves the store as it leaves the model. */
export function modelContract(define: Define, numRuns: number): void {
  define('random sequences of calls give what a plain in-memory model gives', async (store) => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        run += 1
        await follow(store, `run_${run}`, steps)
      }),
      { numRuns },
    )
  })
}

async function follow(store: VectorStore, alias: string, steps: readonly Step[]): Promise<void> {
  const names = [`${alias}__aaaaaaaa`, `${alias}__bbbbbbbb`] as const
  const model: Model = { collections: [new Map(), new Map()], aliased: 0 }
  for (const name of names) await store.ensure({ name, alias, dim, modelId: 'model' })
  for (const [index, step] of steps.entries()) {
    const written = index % 2 === 0 ? 0 : 1
    await take(store, step, { alias, names, model, written })
  }
  for (const index of [0, 1] as const) await compare(store, names[index], model.collections[index])
}

interface Place {
  readonly alias: string
  readonly names: readonly [string, string]
  readonly model: Model
  readonly written: 0 | 1
}

async function take(store: VectorStore, step: Step, { alias, names, model, written }: Place): Promise<void> {
  const rows = model.collections[written]
  const name = names[written]
  switch (step.call) {
    case 'replace':
      await store.replace(name, step.tracks)
      for (const track of step.tracks) rows.set(track.key, track)
      return
    case 'remove': {
      const gone = new Set(step.keys.filter((one) => rows.has(one)))
      const expected = [...gone].reduce((sum, one) => sum + (rows.get(one)?.segments.length ?? 0), 0)
      assert.equal(await store.remove(name, step.keys), expected)
      for (const one of gone) rows.delete(one)
      return
    }
    case 'update': {
      const known = step.updates.filter((update) => rows.has(update.key))
      assert.equal(await store.update(name, step.updates), new Set(known.map((update) => update.key)).size)
      for (const update of known) {
        const old = rows.get(update.key)
        if (old !== undefined) rows.set(update.key, { ...old, ...update })
      }
      return
    }
    case 'switch':
      model.aliased = model.aliased === 0 ? 1 : 0
      await store.switchAlias(alias, names[model.aliased])
      return
    case 'search':
      checkHits(
        await store.search(alias, step.query, step.options),
        naiveSearch(model.collections[model.aliased], step.query, step.options),
        step.options.k,
      )
  }
}

type Hits = Awaited<ReturnType<VectorStore['search']>>

function naiveSearch(
  rows: ReadonlyMap<string, TrackVectors>,
  query: Float32Array,
  { exclude = [], trackIds, includeUnavailable = false }: SearchOptions,
): Hits {
  return [...rows.values()]
    .filter((track) => includeUnavailable || track.available)
    .filter((track) => !exclude.includes(track.key))
    .filter((track) => trackIds === undefined || trackIds.includes(track.trackId))
    .flatMap(({ segments, fingerprint: _, ...track }) =>
      segments.map(({ offsetSeconds, embedding }, segment) => {
        const score = embedding.reduce((sum, value, index) => sum + value * (query[index] ?? 0), 0)
        return { ...track, segment, offsetSeconds, score }
      }),
    )
    .sort((a, b) => b.score - a.score)
}

/** Same scores in the same order; among rows of one score any order, and any choice where k cuts them. */
function checkHits(hits: Hits, expected: Hits, k: number): void {
  const label = (row: Hits[number]) => `${row.key}:${row.segment}`
  const byLabel = new Map(expected.map((row) => [label(row), row]))
  assert.equal(hits.length, Math.min(k, expected.length))
  assert.equal(new Set(hits.map(label)).size, hits.length)
  hits.forEach((hit, index) => {
    const { score, ...rest } = byLabel.get(label(hit)) ?? assert.fail(`unexpected row ${label(hit)}`)
    const { score: found, ...carried } = hit
    assert.deepEqual(carried, rest)
    assert.ok(Math.abs(found - score) < 1e-5, `score ${found}, expected ${score}`)
    const inOrder = expected[index]?.score ?? Number.NaN
    assert.ok(Math.abs(found - inOrder) < 1e-5, `score ${found} at ${index}, expected ${inOrder}`)
  })
}

async function compare(
  store: VectorStore,
  name: string,
  rows: ReadonlyMap<string, TrackVectors>,
): Promise<void> {
  const expected = [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  const total = expected.reduce((sum, { segments }) => sum + segments.length, 0)
  assert.deepEqual(await store.count(name), { rows: total, tracks: expected.length })
  const summaries = expected.map(({ segments, ...rest }) => ({ ...rest, segments: segments.length }))
  assert.deepEqual((await pagesOf(store, name, 2)).flat(), summaries)
  for (const track of expected) {
    const found = await store.get(name, track.key)
    assert.deepEqual({ ...found, segments: [] }, { ...track, segments: [] })
    assert.deepEqual(
      found?.segments.map(({ embedding: _, ...rest }) => rest),
      track.segments.map(({ embedding: _, ...rest }) => rest),
    )
  }
}
