// The stages of one track one after the other, nothing at the same time: what each costs by itself.
import { join } from 'node:path'
import { createAudioPool } from '../../src/audio/pool.ts'
import { DECODER_VERSION } from '../../src/audio/version.ts'
import { createEmbedder } from '../../src/embedding/embedder.ts'
import { loadModels } from '../../src/embedding/registry.ts'
import { openEmbeddedStore } from '../../src/vectors/embedded/store.ts'
import { answerPart } from './part.ts'

export interface StagesInput {
  readonly files: readonly string[]
  /** Takes decoded audio and the vectors. */
  readonly folder: string
}

/** Milliseconds of each stage over all files, their first file left out: it pays for starting processes. */
export type StagesOutput = Record<'inspect' | 'decode' | 'inference' | 'write', number> & { seconds: number }

const MODELS = join(import.meta.dirname, '../../models')
const LIMITS = { timeoutMs: 120_000, rssLimitBytes: 2 ** 30 }

await answerPart(measureStages)

async function measureStages({ files, folder }: StagesInput): Promise<StagesOutput> {
  await using closers = new AsyncDisposableStack()
  const [model] = await loadModels({
    folders: [MODELS],
    enabled: ['timbre'],
    decoderVersion: DECODER_VERSION,
  })
  if (model === undefined) throw new Error('there is no timbre')
  const audio = closers.adopt(
    createAudioPool({ ...LIMITS, children: 1, scratchFolder: join(folder, 'scratch') }),
    (pool) => pool.close(),
  )
  const embedder = closers.adopt(
    createEmbedder({ ...LIMITS, threads: 1, provider: 'cpu', batchWindows: 4, idleUnloadMs: 600_000 }),
    (each) => each.close(),
  )
  const store = closers.adopt(await openEmbeddedStore({ file: join(folder, 'stages.db') }), (each) =>
    each.close(),
  )
  const name = 'bench_embedding__00000001'
  await store.ensure({ name, alias: 'bench_stages', dim: model.dim, modelId: model.modelId })

  const took: StagesOutput = { inspect: 0, decode: 0, inference: 0, write: 0, seconds: 0 }
  for (const [n, path] of files.entries()) {
    const timed = async <T>(stage: keyof StagesOutput, work: () => Promise<T>): Promise<T> => {
      const start = performance.now()
      const value = await work()
      if (n > 0) took[stage] += performance.now() - start
      return value
    }
    const { file, durationSeconds } = await timed('inspect', () => audio.inspect(path, { tags: true }))
    const decoded = await timed('decode', () =>
      audio.decode(path, { expected: file, specs: [model.audio], durationSeconds }),
    )
    const [output] = decoded.outputs
    if (output === undefined) throw new Error(`${path} gave no audio`)
    const segments = await timed('inference', () => embedder.embed(model, output, durationSeconds))
    await decoded.release()
    const track = {
      key: `${n}`.padStart(32, '0'),
      fingerprint: '',
      trackId: path,
      name: path,
      available: true,
    }
    await timed('write', async () => store.replace(name, [{ ...track, segments }]))
    if (n > 0) took.seconds += durationSeconds
  }
  return took
}
