// The real daemon beside a server that imports new tracks. This process is its main process.
import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config.ts'
import { Events } from '../../src/core/events.ts'
import { startDaemon } from '../../src/daemon.ts'
import { startNavidromeWriter } from '../../test/support/navidrome.ts'
import { cutAudio } from './cut.ts'
import { answerPart } from './part.ts'

export interface LatencyInput {
  readonly folder: string
  /** A long FLAC file of which tracks are cut. */
  readonly source: string
  readonly seconds: number
  readonly count: number
}

export interface LatencyOutput {
  /** From the commit of the row to the vector being in the store, one a track. */
  readonly milliseconds: readonly number[]
}

const MODELS = join(import.meta.dirname, '../../models')

await answerPart(async ({ folder, source, seconds, count }: LatencyInput): Promise<LatencyOutput> => {
  const music = join(folder, 'music')
  mkdirSync(music)
  const database = join(folder, 'navidrome.db')
  const writer = await startNavidromeWriter(database)
  const events = new Events()
  const config = loadConfig({ file: null, environment: {}, overrides: { execution: { provider: 'cpu' } } })
  const library = { kind: 'navidrome', database, pathMap: [], statFiles: true } as const
  const libraryId = await writer.addLibrary(music)
  const searchable = new Map<string, () => void>()
  events.on('track', ({ track, outcome }) => {
    if (outcome === 'embedded') searchable.get(track.path)?.()
  })
  const converged = new Promise<void>((resolve) => events.on('converged', () => resolve()))
  const daemon = await startDaemon({
    config,
    library,
    dataDir: join(folder, 'data'),
    modelFolders: [MODELS],
    events,
  })
  try {
    await converged
    const milliseconds: number[] = []
    for (let n = 0; n <= count; n += 1) {
      const [path, made] = [join(music, `${n}.flac`), join(folder, 'made.flac')]
      cutAudio(source, made, { muxer: 'flac', startSeconds: n * 2, seconds })
      renameSync(made, path)
      const embedded = new Promise<void>((resolve) => searchable.set(path, resolve))
      await writer.insert([{ path: `${n}.flac`, duration: seconds, size: statSync(path).size, libraryId }])
      const committedAt = performance.now()
      await embedded
      // The first one also loads the model.
      if (n > 0) milliseconds.push(performance.now() - committedAt)
    }
    return { milliseconds }
  } finally {
    await daemon.stop()
    await writer.close()
  }
})
