// The real daemon on a library whose server gave every track a new id. This process is its main process.
import { join } from 'node:path'
import { DECODER_VERSION } from '../../src/audio/version.ts'
import { loadConfig } from '../../src/config.ts'
import { Events } from '../../src/core/events.ts'
import { collectionAlias, collectionName, type Model } from '../../src/core/model.ts'
import { zeroCounters } from '../../src/core/operation.ts'
import { displayName, publicId } from '../../src/core/track.ts'
import { startDaemon, VECTORS_FILE } from '../../src/daemon.ts'
import { loadModels } from '../../src/embedding/registry.ts'
import { LEDGER_FILE, openLedger } from '../../src/ledger/ledger.ts'
import { openEmbeddedStore } from '../../src/vectors/embedded/store.ts'
import { startNavidromeWriter } from '../../test/support/navidrome.ts'
import type { KnownLibrary } from './known-library.ts'
import { answerPart } from './part.ts'

export interface RewriteOutput {
  readonly seconds: number
  readonly decoded: number
  readonly embedded: number
  /** Rows of the store that carry the new id of their track. */
  readonly rewritten: number
}

const MODELS = join(import.meta.dirname, '../../models')
const BATCH = 500

await answerPart(async ({ database, dataDir }: KnownLibrary): Promise<RewriteOutput> => {
  const models = await loadModels({ folders: [MODELS], enabled: ['timbre'], decoderVersion: DECODER_VERSION })
  const [model] = models
  if (model === undefined) throw new Error('timbre is not there')
  await fillStore(dataDir, model)
  const writer = await startNavidromeWriter(database, 'existing')
  const ids = new Map((await writer.rewriteAllIds()).map(([before, after]) => [after, before]))
  const counters = zeroCounters()
  const events = new Events()
  events.on('counted', ({ counter, n }) => {
    counters[counter] += n
  })
  const converged = new Promise<void>((resolve) => events.on('converged', () => resolve()))
  const config = loadConfig({ file: null, environment: {}, overrides: { library: { watch_folders: false } } })
  const library = { kind: 'navidrome', database, pathMap: [], statFiles: false } as const
  const startedAt = performance.now()
  const daemon = await startDaemon({ config, library, dataDir, modelFolders: [MODELS], events })
  await converged
  const seconds = (performance.now() - startedAt) / 1000
  await daemon.stop()
  await writer.close()
  const rewritten = await countRows(dataDir, model, (trackId) => ids.has(trackId))
  return { seconds, decoded: counters.decoded, embedded: counters.embedded, rewritten }
})

/** A random vector for every track that the ledger calls embedded. */
async function fillStore(dataDir: string, model: Model): Promise<void> {
  const ledger = openLedger(join(dataDir, LEDGER_FILE), { retry: { delaysMs: [] } })
  const store = await openEmbeddedStore({ file: join(dataDir, VECTORS_FILE) })
  try {
    const { dim, modelId } = model
    const name = collectionName(model)
    await store.ensure({ name, alias: collectionAlias(model), dim, modelId })
    for (let after = 0; ; ) {
      const page = ledger.backlog.donePage(model.name, after, BATCH)
      const last = page.at(-1)
      if (last === undefined) break
      after = last.trackId
      const tracks = ledger.report.byKeys(page.map(({ key }) => key))
      const rows = page.flatMap(({ key, fingerprint }) => {
        const track = tracks.get(key)
        if (track === undefined) return []
        const attributes = { trackId: publicId(track), name: displayName(track.attributes), available: true }
        const segments = [{ offsetSeconds: 0, durationSeconds: 240, embedding: randomUnit(dim) }]
        return [{ key, fingerprint, ...attributes, segments }]
      })
      await store.replace(name, rows)
    }
  } finally {
    await store.close()
    ledger.close()
  }
}

async function countRows(
  dataDir: string,
  model: Model,
  counts: (trackId: string) => boolean,
): Promise<number> {
  const store = await openEmbeddedStore({ file: join(dataDir, VECTORS_FILE), readOnly: true })
  let found = 0
  for await (const page of store.tracks(collectionName(model))) {
    found += page.filter(({ trackId }) => counts(trackId)).length
  }
  await store.close()
  return found
}

function randomUnit(dim: number): Float32Array {
  const vector = Float32Array.from({ length: dim }, () => Math.random() - 0.5)
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
