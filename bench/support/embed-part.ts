// The real daemon on a folder of music, from nothing to converged. This process is its main process.
import { join } from 'node:path'
import { loadConfig } from '../../src/config.ts'
import { Events } from '../../src/core/events.ts'
import { startDaemon } from '../../src/daemon.ts'
import { answerPart } from './part.ts'
import { childrenCpuSeconds, peakRssMb, watchLoop } from './process-figures.ts'

export interface EmbedInput {
  readonly musicFolder: string
  readonly tracks: number
  readonly dataDir: string
  /** Configuration keys that differ from their defaults. */
  readonly overrides: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export interface EmbedOutput {
  /** From the first track that was found to the last one that was embedded. */
  readonly seconds: number
  /** From calling the daemon to the last track. */
  readonly secondsFromStart: number
  /** Processor time since the daemon was called; null where it cannot be read. */
  readonly cpu: { readonly main: number; readonly audio: number; readonly inference: number } | null
  readonly peakRssMb: number
  readonly loopP99Ms: number
  readonly loopMaxMs: number
}

const MODELS = join(import.meta.dirname, '../../models')

await answerPart(embed)

async function embed({ musicFolder, tracks, dataDir, overrides }: EmbedInput): Promise<EmbedOutput> {
  const events = new Events()
  const config = loadConfig({
    file: null,
    environment: {},
    overrides: { ...overrides, execution: { provider: 'cpu', ...overrides.execution } },
  })
  const library = { kind: 'folders', roots: [musicFolder], followSymlinks: true } as const
  const startedAt = performance.now()
  const cpuAtStart = process.cpuUsage()
  const embedded = whenEmbedded(events, tracks)
  const loop = watchLoop()
  const daemon = await startDaemon({ config, library, dataDir, modelFolders: [MODELS], events })
  try {
    const { firstAt, lastAt } = await embedded
    const { p99Ms, maxMs } = loop.stop()
    return {
      seconds: (lastAt - firstAt) / 1000,
      secondsFromStart: (lastAt - startedAt) / 1000,
      cpu: cpuSeconds(cpuAtStart),
      peakRssMb: peakRssMb(),
      loopP99Ms: p99Ms,
      loopMaxMs: maxMs,
    }
  } finally {
    await daemon.stop()
  }
}

/** Resolves when so many tracks were embedded; rejects as soon as one was not. */
function whenEmbedded(events: Events, tracks: number): Promise<{ firstAt: number; lastAt: number }> {
  return new Promise((resolve, reject) => {
    let firstAt = 0
    let embedded = 0
    events.on('decided', () => {
      firstAt ||= performance.now()
    })
    events.on('failed', ({ track, error }) => reject(new Error(`${track.path} failed`, { cause: error })))
    events.on('track', ({ track, outcome }) => {
      if (outcome !== 'embedded') return reject(new Error(`${track.path}: ${outcome}, expected embedded`))
      embedded += 1
      if (embedded === tracks) resolve({ firstAt, lastAt: performance.now() })
    })
  })
}

function cpuSeconds(since: NodeJS.CpuUsage): EmbedOutput['cpu'] {
  const children = childrenCpuSeconds()
  if (children.length === 0) return null
  const of = (part: string) =>
    children
      .filter(({ commandLine }) => commandLine.includes(part))
      .reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)
  const { user, system } = process.cpuUsage(since)
  return { main: (user + system) / 1e6, audio: of('/audio/'), inference: of('/embedding/') }
}
