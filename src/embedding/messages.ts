import type { ManifestFile } from './manifest.ts'

/** What a process needs to know to load one model and to trust its output. */
export interface GraphSpec {
  readonly folder: string
  /** The first one is the ONNX graph. */
  readonly files: readonly ManifestFile[]
  readonly input: string
  readonly output: string
  readonly sampleRate: number
  readonly channels: 1 | 2
  /** Samples per channel of one window. */
  readonly windowSamples: number
  readonly dim: number
}

export interface LoadRequest {
  /** Name under which the model is run and released. */
  readonly key: string
  readonly spec: GraphSpec
  /** Execution provider, as ONNX Runtime names it. */
  readonly provider: string
  readonly threads: number
}

/** One window inside a PCM file: 32-bit float, native endian, channel after channel. */
export interface WindowSource {
  readonly file: string
  /** First sample (per channel). */
  readonly start: number
  /** Samples per channel that exist; the rest of the window is silence. */
  readonly samples: number
  /** Samples per channel in the file. */
  readonly stride: number
}

export interface ProbeReport {
  /** Largest difference between a number of this provider and of the CPU, both scaled to unit length. */
  readonly difference: number
  /** Time of the second run of one window here and on the CPU. */
  readonly milliseconds: number
  readonly cpuMilliseconds: number
}

export interface RunReport {
  /** [windows, dim], row after row, every number finite. */
  readonly vectors: Float32Array
  readonly readMilliseconds: number
  readonly runMilliseconds: number
}

/** What the parent may ask of an inference process, one call at a time. */
export interface Calls {
  /** Execution providers this build of ONNX Runtime knows. */
  backends: { request: null; value: readonly string[] }
  /** Verify the files, open a session, run one made-up window through it. */
  load: { request: LoadRequest; value: null }
  /** As load, on the CPU and on the provider; compares both and keeps neither. */
  probe: { request: Omit<LoadRequest, 'key'>; value: ProbeReport }
  run: { request: { key: string; windows: readonly WindowSource[] }; value: RunReport }
  release: { request: { key: string }; value: null }
}

export type CallName = keyof Calls
export type Request = { [Name in CallName]: { name: Name; request: Calls[Name]['request'] } }[CallName]

/**
 * `memory`: it may fit with fewer windows. `transient`: something outside the model. `permanent`: the same call fails
 * again. `device`: a provider other than the CPU failed in a run; its state is in doubt. `lost`: the process died or was
 * killed, so it said nothing itself.
 */
export type FailureKind = 'memory' | 'transient' | 'permanent' | 'device' | 'lost'

export type Reply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly kind: FailureKind; readonly message: string; readonly hint?: string }

/** A call that failed, in the process that computes or in the one that asked. */
export class InferenceFailure extends Error {
  readonly kind: FailureKind
  readonly hint: string | undefined

  constructor(kind: FailureKind, message: string, hint?: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'InferenceFailure'
    this.kind = kind
    this.hint = hint
  }
}
