import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { PcmAudio } from '../../src/core/audio.ts'
import type { Model } from '../../src/core/model.ts'
import {
  createEmbedder,
  type Embedder,
  type EmbedderEvent,
  type EmbedderOptions,
} from '../../src/embedding/embedder.ts'
import { loadModels } from '../../src/embedding/registry.ts'

export const FIXTURES = fileURLToPath(new URL('../fixtures/models', import.meta.url))

/** A model of test/fixtures/models. */
export async function fixture(name: string, folder = FIXTURES): Promise<Model> {
  const [model] = await loadModels({ folders: [folder], enabled: [name], decoderVersion: 'test' })
  if (!model) throw new Error(`no model ${name}`)
  return model
}

/** A folder that is removed with the test. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'soundledger-embedding-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

let files = 0

/** Audio for `model` from planar samples, one array per channel, windows every hop; the last ones are cut short. */
export function audioOf(folder: string, model: Model, ...channels: number[][]): PcmAudio {
  const file = join(folder, `${files++}.pcm`)
  writeFileSync(file, Float32Array.from(channels.flat()))
  const samples = channels[0]?.length ?? 0
  const { sampleRate, windowSeconds, hopSeconds } = model.audio
  const windows = []
  for (let start = 0; start < samples; start += sampleRate * hopSeconds) {
    const size = Math.min(samples - start, sampleRate * windowSeconds)
    windows.push({ offsetSeconds: start / sampleRate, start, samples: size })
  }
  return { spec: { ...model.audio }, file, samples, windows }
}

/** A wave around `centre`, as many windows long as asked for. */
export function wave(windows: number, centre = 0.1, pitch = 10): number[] {
  return Array.from({ length: windows * 2000 }, (_, index) => centre + 0.05 * Math.sin(index / pitch))
}

export class Events {
  readonly all: EmbedderEvent[] = []
  #wakes: Array<() => void> = []

  push(event: EmbedderEvent): void {
    this.all.push(event)
    for (const wake of this.#wakes.splice(0)) wake()
  }

  of<Type extends EmbedderEvent['type']>(type: Type): Array<Extract<EmbedderEvent, { type: Type }>> {
    return this.all.filter((event): event is Extract<EmbedderEvent, { type: Type }> => event.type === type)
  }

  /** Fulfilled once there are `count` events of this type. */
  async reach(type: EmbedderEvent['type'], count = 1): Promise<void> {
    while (this.of(type).length < count) {
      await new Promise<void>((resolve) => {
        this.#wakes.push(resolve)
      })
    }
  }

  /** The process id of the latest inference process. */
  pid(): number {
    const pid = this.of('process-started').at(-1)?.pid
    if (pid === undefined) throw new Error('no process was started')
    return pid
  }
}

/** An embedder on the CPU that is closed with the test. */
export function start(
  t: TestContext,
  options: Partial<EmbedderOptions> = {},
): { embedder: Embedder; events: Events } {
  const events = new Events()
  const embedder = createEmbedder({
    threads: 1,
    provider: 'cpu',
    batchWindows: 4,
    idleUnloadMs: 360_000,
    timeoutMs: 120_000,
    onEvent: (event) => events.push(event),
    ...options,
  })
  t.after(() => embedder.close())
  return { embedder, events }
}

/** False once the process is gone, also while nobody has collected it. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Processor time of a process so far, in clock ticks. */
export function processorTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

/** What the model `features` computes of one window, in this language. */
export function expectedFeatures(window: readonly number[]): number[] {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const raw = [
    mean(window),
    mean(window.map(Math.abs)),
    mean(window.map((value) => value * value)),
    Math.max(...window),
    Math.min(...window),
    window[0] ?? 0,
    window.at(-1) ?? 0,
    0.5,
  ]
  return unit(raw)
}

export function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

/** The largest difference between two vectors of one length. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  return Math.max(...Array.from(a, (value, index) => Math.abs(value - (b[index] ?? Number.NaN))))
}
