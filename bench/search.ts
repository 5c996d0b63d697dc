import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { openEmbeddedStore } from '../src/vectors/embedded/store.ts'
import type { CollectionSpec, TrackVectors, VectorStore } from '../src/vectors/store.ts'
import type { Report, Scenario } from './scenario.ts'

const dim = 128
const batchSize = 500
const spec: CollectionSpec = {
  name: 'bench_embedding__00000000',
  alias: 'bench_embedding',
  dim,
  modelId: 'bench',
}

interface Size {
  readonly rows: number
  /** How many of them are replaced, in no order. */
  readonly scattered: number
  readonly searches: number
}

const QUICK: Size = { rows: 1000, scattered: 500, searches: 5 }

/** Search and replacement in the embedded store, exact, by cosine, k = 10, hidden tracks filtered out. */
export const search: Scenario = {
  name: 'search',
  hasQuick: true,
  async run(report, { quick }) {
    await measure(report, '100k', quick ? QUICK : { rows: 100_000, scattered: 10_000, searches: 100 })
    report.aim('search.100k.p95_ms', '<=', 30)
    report.aim('search.100k.search_loop_p99_ms', '<=', 50)
    report.aim('search.100k.replace_loop_p99_ms', '<=', 50)
    await measure(report, '1m', quick ? QUICK : { rows: 1_000_000, scattered: 10_000, searches: 20 })
  },
}

async function measure(report: Report, label: string, { rows, scattered, searches }: Size): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'soundledger-bench-'))
  const file = join(folder, 'vectors.db')
  const store = await openEmbeddedStore({ file })
  const metric = (name: string, value: number) => report.metric(`search.${label}.${name}`, value)
  try {
    await store.ensure(spec)
    metric(
      'insert_rows_per_s',
      await replaceAll(
        store,
        batches(rows, (index) => index),
      ),
    )
    // Made beforehand: the event loop is watched for what the store does to it, not for what this file does.
    const again = [...batches(scattered, (index) => (index * 7919) % rows)]
    const replaced = await watched(() => replaceAll(store, again))
    metric('replace_rows_per_s', replaced.value)
    metric('replace_loop_p99_ms', replaced.loopP99Ms)
    const searched = await watched(() => searchTimes(store, searches))
    metric('p50_ms', quantile(searched.value, 0.5))
    metric('p95_ms', quantile(searched.value, 0.95))
    metric('search_loop_p99_ms', searched.loopP99Ms)
    await store.close()
    metric('file_mb', (await stat(file)).size / 1e6)
  } finally {
    await store.close()
    await rm(folder, { recursive: true })
  }
}

/** Runs something while watching how late this thread's event loop is. */
async function watched<T>(run: () => Promise<T>): Promise<{ value: T; loopP99Ms: number }> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const value = await run()
  delay.disable()
  return { value, loopP99Ms: delay.percentile(99) / 1e6 }
}

/** Rows per second of the store alone: making the vectors does not count. */
async function replaceAll(store: VectorStore, batches: Iterable<TrackVectors[]>): Promise<number> {
  let rows = 0
  let elapsedMs = 0
  for (const batch of batches) {
    const start = performance.now()
    await store.replace(spec.name, batch)
    elapsedMs += performance.now() - start
    rows += batch.length
  }
  return rows / (elapsedMs / 1000)
}

function* batches(count: number, numberOf: (index: number) => number): Iterable<TrackVectors[]> {
  for (let from = 0; from < count; from += batchSize) {
    yield Array.from({ length: batchSize }, (_, index) => track(numberOf(from + index)))
  }
}

async function searchTimes(store: VectorStore, searches: number): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < searches; index += 1) {
    const query = randomUnit()
    const start = performance.now()
    await store.search(spec.alias, query, { k: 10 })
    times.push(performance.now() - start)
  }
  return times
}

function track(number: number): TrackVectors {
  return {
    key: ((number * 2_654_435_761) % 2 ** 32).toString(16).padStart(32, '0'),
    trackId: `id-${number}`,
    name: `artist ${number % 1000} - title ${number}`,
    available: number % 50 !== 0,
    fingerprint: `fingerprint-${number}`,
    segments: [{ offsetSeconds: 0, durationSeconds: 180, embedding: randomUnit() }],
  }
}

function randomUnit(): Float32Array {
  const vector = Float32Array.from({ length: dim }, () => Math.random() - 0.5)
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return vector.map((value) => value / length)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
