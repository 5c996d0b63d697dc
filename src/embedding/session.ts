import { join } from 'node:path'
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node'
import { SoundledgerError } from '../core/errors.ts'
import { type GraphSpec, InferenceFailure, type LoadRequest } from './messages.ts'
import { verifyFile } from './verify.ts'

/** Execution providers that this build of ONNX Runtime can be asked for; whether one works only a run can tell. */
export function supportedBackends(): string[] {
  return listSupportedBackends().map((backend) => backend.name)
}

/** One model in memory. `run` blocks the thread for as long as it computes. */
export class Session {
  readonly spec: GraphSpec
  readonly #session: InferenceSession
  readonly #provider: string

  private constructor(spec: GraphSpec, session: InferenceSession, provider: string) {
    this.spec = spec
    this.#session = session
    this.#provider = provider
  }

  /**
   * Verifies the model's files and loads the graph on exactly one execution provider (with the CPU for what that one
   * cannot do).
   * @throws InferenceFailure `permanent` when a file, the provider or the graph is not as promised, `memory` when the model
   * does not fit.
   */
  static async open(request: Omit<LoadRequest, 'key'>): Promise<Session> {
    const { spec, provider, threads } = request
    const [graph] = spec.files
    if (!graph) throw new InferenceFailure('permanent', `${spec.folder}: no ONNX graph`)
    try {
      for (const file of spec.files) await verifyFile(spec.folder, file)
      const session = await InferenceSession.create(
        join(spec.folder, graph.path),
        sessionOptions(provider, threads),
      )
      checkNames(spec, session)
      return new Session(spec, session, provider)
    } catch (error) {
      throw classify(error)
    }
  }

  /**
   * `audio` is [windows, channels, samples]; returns [windows, dim].
   * @throws InferenceFailure `memory` when the batch does not fit, `permanent` for any other failure of the model, for an
   * output of another shape and for numbers that are not finite, `device` when a provider other than the CPU fails.
   */
  async run(audio: Float32Array, windows: number): Promise<Float32Array> {
    const { input, output, channels, windowSamples } = this.spec
    const shape = channels === 1 ? [windows, windowSamples] : [windows, channels, windowSamples]
    const results = await this.#compute({ [input]: new Tensor('float32', audio, shape) }, output)
    return checkOutput(this.spec, windows, results[output])
  }

  /** A driver in a bad state fails every run; that must not be taken for the fault of every track. */
  async #compute(feeds: InferenceSession.FeedsType, output: string) {
    try {
      return await this.#session.run(feeds, [output])
    } catch (error) {
      const failure = classify(error)
      if (failure.kind !== 'permanent' || this.#provider === 'cpu') throw failure
      throw new InferenceFailure('device', failure.message, undefined, error)
    }
  }

  async release(): Promise<void> {
    await this.#session.release()
  }
}

/**
 * With the arena and without memory patterns a batch of 8 windows of 30 s took 0.33 GB at full speed; with both 0.55 GB at the
 * same speed; without both 0.34 GB at up to half the speed, and less of it came back on release. Waiting threads sleep
 * instead of spinning: the music server on the same machine needs the cores more.
 */
function sessionOptions(provider: string, threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  }
}

function checkNames(spec: GraphSpec, session: InferenceSession): void {
  const demand = (kind: string, name: string, names: readonly string[]) => {
    if (names.includes(name)) return
    throw new InferenceFailure('permanent', `the graph has no ${kind} "${name}", it has ${names.join(', ')}`)
  }
  demand('output', spec.output, session.outputNames)
  demand('input', spec.input, session.inputNames)
  if (session.inputNames.length === 1) return
  throw new InferenceFailure('permanent', `the graph wants several inputs: ${session.inputNames.join(', ')}`)
}

function checkOutput(spec: GraphSpec, windows: number, tensor: Tensor | undefined): Float32Array {
  const { output, dim } = spec
  const found = tensor ? `${tensor.type} [${tensor.dims.join(', ')}]` : 'nothing'
  const shaped = tensor?.dims.length === 2 && tensor.dims[0] === windows && tensor.dims[1] === dim
  if (!shaped || !(tensor.data instanceof Float32Array)) {
    const message = `output "${output}": found ${found}, expected float32 [${windows}, ${dim}]`
    throw new InferenceFailure('permanent', message, 'the manifest does not describe this graph')
  }
  const at = tensor.data.findIndex((value) => !Number.isFinite(value))
  if (at !== -1) {
    const message = `output "${output}": found ${tensor.data[at]} in window ${Math.floor(at / dim)}, expected finite numbers`
    throw new InferenceFailure('permanent', message)
  }
  return tensor.data
}

/**
 * ONNX Runtime's binding throws plain `Error`s without a code, so lack of memory can only be told by the wording of its
 * allocators (arena, `std::bad_alloc`, CUDA, cuBLAS, Direct3D, Dawn). V8 throws RangeError for a buffer it cannot allocate.
 */
const MEMORY_WORDING =
  /failed to allocate memory|bad_alloc|out of memory|OUT_OF_MEMORY|OUTOFMEMORY|8007000E|ALLOC_FAILED|OutOfMemory/i

/** Any error of loading or running as an InferenceFailure of the right kind. */
export function classify(error: unknown): InferenceFailure {
  if (error instanceof InferenceFailure) return error
  if (error instanceof SoundledgerError) {
    return new InferenceFailure('permanent', error.describe(), error.hint, error)
  }
  const message = error instanceof Error ? error.message.trim() : String(error)
  const memory = error instanceof RangeError || MEMORY_WORDING.test(message)
  return new InferenceFailure(memory ? 'memory' : 'permanent', message, undefined, error)
}
