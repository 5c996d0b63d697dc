import { PermanentError } from '../core/errors.ts'
import type { Model } from '../core/model.ts'
import { InferenceProcess } from './inference-process.ts'
import { readManifest } from './manifest.ts'
import { type GraphSpec, InferenceFailure, type RunReport, type WindowSource } from './messages.ts'
import { AUTO_ORDER, chooseProvider, type ProviderChoice } from './providers.ts'
import { modelDigest } from './registry.ts'

/** A provider that loses the process this often in a row, though it passed the probe, is given up for that model. */
const LOSSES_BEFORE_GIVING_UP = 2

const CLOSED = 'the embedder was closed'
const NOTHING_LOADED = 'no model is loaded'

export type HostEvent =
  | { readonly type: 'process-started'; readonly pid: number | undefined }
  /** `expected`: ended by this program because it was no longer needed, not lost. */
  | { readonly type: 'process-ended'; readonly reason: string; readonly expected: boolean }
  | { readonly type: 'provider-chosen'; readonly model: string; readonly choice: ProviderChoice }
  | { readonly type: 'model-loaded'; readonly model: string; readonly provider: string; readonly ms: number }
  | { readonly type: 'model-unloaded'; readonly model: string; readonly reason: string }

export interface HostOptions {
  readonly threads: number
  readonly provider: string
  /** What `auto` tries, in this order. */
  readonly providerOrder?: readonly string[]
  readonly timeoutMs: number
  /** As given to `loadModels`: then a model that was replaced on disk since is told by its digest. */
  readonly decoderVersion?: string
  /** Another program for the child process, in tests. */
  readonly childEntry?: URL
}

interface Known {
  readonly model: Model
  choice: ProviderChoice | null
  /** The process that holds the model; null while none does. */
  home: InferenceProcess | null
  /** Losses of the process in a row while this model ran. */
  losses: number
  /** Providers given up for this model alone. */
  readonly bad: Map<string, string>
}

/**
 * Holds models in one inference process, which is forked when needed and replaced when lost. Not reentrant: one call at a time,
 * except `info` and `close`. Every method but `close` throws InferenceFailure or PermanentError.
 */
export class ModelHost {
  readonly #options: HostOptions
  readonly #notify: (event: HostEvent) => void
  readonly #known = new Map<string, Known>()
  /** Providers that crashed a probe: not tried again by any model. */
  readonly #bad = new Map<string, string>()
  readonly #probes = new Set<InferenceProcess>()
  #process: InferenceProcess | null = null
  #closed = false

  constructor(options: HostOptions, notify: (event: HostEvent) => void) {
    this.#options = options
    this.#notify = notify
  }

  /** Loads the model unless it is loaded, in a process that lives, on a provider that works. */
  async ready(model: Model): Promise<void> {
    const known = this.#knownAs(model)
    const process = this.#living()
    if (known.home === process) return
    const started = performance.now()
    const spec = await graphSpec(model, this.#options.decoderVersion)
    known.choice ??= await this.#choose(known, spec, process)
    const { provider } = known.choice
    const { threads, timeoutMs } = this.#options
    const key = model.digest
    const call = process.call('load', { key, spec, provider, threads }, timeoutMs)
    await this.#watchLosses(known, process, call)
    known.home = process
    this.#notify({ type: 'model-loaded', model: model.name, provider, ms: performance.now() - started })
  }

  /** Runs windows through a model that is `ready`. */
  async run(model: Model, windows: readonly WindowSource[]): Promise<RunReport> {
    const known = this.#knownAs(model)
    const process = this.#living()
    const call = process.call('run', { key: model.digest, windows }, this.#options.timeoutMs)
    const report = await this.#watchLosses(known, process, call)
    known.losses = 0
    return report
  }

  /** Gives a model's memory back; the process ends with its last model. */
  async release(model: Model, reason: string): Promise<void> {
    const known = this.#knownAs(model)
    const process = this.#process
    if (!process) return
    const held = known.home === process
    this.#unloaded(known, reason)
    const others = [...this.#known.values()].some((other) => other.home === process)
    if (!others) await process.kill(NOTHING_LOADED)
    else if (held) await process.call('release', { key: model.digest }, this.#options.timeoutMs)
  }

  info(): Array<{ model: string; provider: string; reason: string; loaded: boolean }> {
    return [...this.#known.values()].map(({ model, choice, home }) => ({
      model: model.name,
      provider: choice?.provider ?? 'undecided',
      reason: choice ? explain(choice) : 'not used yet',
      loaded: home?.alive === true,
    }))
  }

  /** Kills every process, also under a running call, and waits until they are gone. May be called again. */
  async close(): Promise<void> {
    this.#closed = true
    const processes = [...this.#probes, ...(this.#process ? [this.#process] : [])]
    await Promise.all(processes.map((process) => process.kill(CLOSED)))
  }

  #knownAs(model: Model): Known {
    const known = this.#known.get(model.digest)
    if (known) return known
    const fresh: Known = { model, choice: null, home: null, losses: 0, bad: new Map() }
    this.#known.set(model.digest, fresh)
    return fresh
  }

  #living(): InferenceProcess {
    if (this.#closed) throw new InferenceFailure('lost', CLOSED)
    if (this.#process?.alive) return this.#process
    const process = new InferenceProcess(this.#options.childEntry)
    this.#process = process
    this.#notify({ type: 'process-started', pid: process.pid })
    void process.ended.then((reason) => {
      const expected = reason === CLOSED || reason === NOTHING_LOADED
      this.#notify({ type: 'process-ended', reason, expected })
      if (this.#process === process) this.#process = null
      for (const known of this.#known.values()) if (known.home === process) this.#unloaded(known, reason)
    })
    return process
  }

  #unloaded(known: Known, reason: string): void {
    if (known.home === null) return
    known.home = null
    if (known.choice?.lasting === false) known.choice = null
    this.#notify({ type: 'model-unloaded', model: known.model.name, reason })
  }

  async #choose(known: Known, spec: GraphSpec, process: InferenceProcess): Promise<ProviderChoice> {
    const { provider, providerOrder, timeoutMs } = this.#options
    const choice = await chooseProvider({
      model: known.model.name,
      wanted: provider,
      order: providerOrder ?? AUTO_ORDER,
      backends: await process.call('backends', null, timeoutMs),
      bad: new Map([...known.bad, ...this.#bad]),
      probe: (candidate) => this.#probe(candidate, known.model, spec),
    })
    this.#notify({ type: 'provider-chosen', model: known.model.name, choice })
    return choice
  }

  async #probe(provider: string, model: Model, spec: GraphSpec) {
    if (this.#closed) throw new InferenceFailure('lost', CLOSED)
    const { threads, timeoutMs, childEntry } = this.#options
    const process = new InferenceProcess(childEntry)
    this.#probes.add(process)
    try {
      return await process.call('probe', { spec, provider, threads }, timeoutMs)
    } catch (error) {
      if (error instanceof InferenceFailure && error.kind === 'lost' && !this.#closed) {
        this.#bad.set(provider, `it lost the process that probed it with ${model.name}: ${error.message}`)
      }
      throw error
    } finally {
      await process.kill('the probe is over')
      this.#probes.delete(process)
    }
  }

  /** Replaces a process whose provider is in doubt, and gives up a provider that keeps losing the process. */
  async #watchLosses<Value>(known: Known, process: InferenceProcess, call: Promise<Value>): Promise<Value> {
    try {
      return await call
    } catch (error) {
      if (!(error instanceof InferenceFailure) || this.#closed) throw error
      if (error.kind === 'device') await process.kill(error.message)
      if (error.kind !== 'device' && error.kind !== 'lost') throw error
      this.#countLoss(known, error.message)
      throw new InferenceFailure('lost', error.message, error.hint, error)
    }
  }

  #countLoss(known: Known, message: string): void {
    const provider = known.choice?.provider ?? 'cpu'
    if (provider === 'cpu') return
    known.losses++
    if (known.losses < LOSSES_BEFORE_GIVING_UP || this.#options.provider !== 'auto') return
    known.bad.set(provider, `it lost the process ${known.losses} times in a row: ${message}`)
    known.choice = null
    known.losses = 0
  }
}

/** What the manifest in the model's folder says now, which must be what the model was made from. */
async function graphSpec(model: Model, decoderVersion: string | undefined): Promise<GraphSpec> {
  const manifest = await readManifest(model.folder)
  const { sampleRate, channels, windowSeconds } = model.audio
  const same =
    manifest.model_id === model.modelId &&
    manifest.dim === model.dim &&
    manifest.sample_rate === sampleRate &&
    manifest.channels === channels &&
    manifest.window_seconds === windowSeconds &&
    (decoderVersion === undefined || modelDigest(manifest, decoderVersion) === model.digest)
  if (!same) {
    const message = 'the manifest is another one than when soundledger started'
    const hint = 'restart after replacing a model'
    throw new PermanentError({ operation: 'load model', subject: model.folder, message, hint })
  }
  const { files, input, output, dim } = manifest
  const windowSamples = Math.round(sampleRate * windowSeconds)
  return { folder: model.folder, files, input, output, sampleRate, channels, windowSamples, dim }
}

function explain(choice: ProviderChoice): string {
  return [choice.reason, ...choice.tried.map((one) => `${one.provider}: ${one.error}`)].join('; ')
}
