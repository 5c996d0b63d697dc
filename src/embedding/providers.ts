import { PermanentError, TransientError } from '../core/errors.ts'
import { InferenceFailure, type ProbeReport } from './messages.ts'

/** The order in which `auto` tries execution providers. */
export const AUTO_ORDER: readonly string[] = ['cuda', 'webgpu', 'coreml', 'dml', 'cpu']

/** Largest accepted difference to the CPU's numbers, per number of a unit vector. */
export const MAX_DIFFERENCE = 1e-3

/** `auto` passes over a provider that takes more than this many times the CPU's time: a renderer in software does. */
export const MAX_SLOWDOWN = 3

/** Windows that take less than this are never too slow, and timing them says little. */
const SHORTEST_TIME_MS = 5

export interface ProviderChoice {
  readonly provider: string
  /** Why this one, in words a person can read. */
  readonly reason: string
  /** The ones that came before it and why they are not used. */
  readonly tried: ReadonlyArray<{ readonly provider: string; readonly error: string }>
  /** False when one that was passed over may work at another time (no memory, no answer). */
  readonly lasting: boolean
}

export interface ProviderSearch {
  /** Named in the error when none works. */
  readonly model: string
  /** `auto` or one provider. */
  readonly wanted: string
  /** What `auto` tries, in this order. */
  readonly order: readonly string[]
  /** What this build of ONNX Runtime knows. */
  readonly backends: readonly string[]
  /** Providers that crashed a process, with the story. */
  readonly bad: ReadonlyMap<string, string>
  /** Runs the model's probe input on one provider and on the CPU, in a process of its own. */
  readonly probe: (provider: string) => Promise<ProbeReport>
}

/**
 * The first provider that loads the model and runs its probe input with the CPU's numbers. Each is tried alone, because ONNX
 * Runtime throws for a list whose first provider is missing. The CPU needs no comparison: it is taken when its turn comes, and
 * loading it runs the probe.
 * @throws PermanentError when none works, with what was tried; TransientError when one of them may work at another time.
 */
export async function chooseProvider(search: ProviderSearch): Promise<ProviderChoice> {
  const automatic = search.wanted === 'auto'
  const tried: Array<{ provider: string; error: string }> = []
  let lasting = true
  for (const provider of automatic ? search.order : [search.wanted]) {
    const known = search.bad.get(provider) ?? absent(provider, search.backends)
    if (known === undefined && provider === 'cpu') return { ...cpuChoice(automatic, tried), lasting }
    try {
      if (known !== undefined) throw new InferenceFailure('permanent', known)
      const report = await search.probe(provider)
      const objection = judge(report, automatic)
      if (objection === null) return { provider, reason: praise(report), tried, lasting }
      tried.push({ provider, error: objection })
    } catch (error) {
      if (!(error instanceof InferenceFailure)) throw error
      tried.push({ provider, error: error.message })
      if (error.kind === 'memory' || error.kind === 'transient') lasting = false
    }
  }
  throw noProvider(search, tried, lasting)
}

/** Why a probe's result rules the provider out, or null. An unordered comparison (NaN) rules it out, too. */
export function judge(report: ProbeReport, automatic: boolean): string | null {
  if (!(report.difference <= MAX_DIFFERENCE)) {
    return `its numbers differ from the CPU's by ${report.difference.toPrecision(2)}, more than ${MAX_DIFFERENCE}`
  }
  const slowdown = report.milliseconds / Math.max(report.cpuMilliseconds, SHORTEST_TIME_MS)
  if (automatic && slowdown > MAX_SLOWDOWN)
    return `it takes ${slowdown.toPrecision(2)} times as long as the CPU`
  return null
}

/** Largest difference between corresponding numbers of two vectors scaled to unit length; infinite for other lengths. */
export function unitDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  const [lengthA, lengthB] = [vectorLength(a), vectorLength(b)]
  let most = 0
  a.forEach((value, index) => {
    most = Math.max(most, Math.abs(value / lengthA - (b[index] ?? 0) / lengthB))
  })
  return most
}

function vectorLength(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1
}

function absent(provider: string, backends: readonly string[]): string | undefined {
  if (backends.includes(provider)) return undefined
  return `not part of ONNX Runtime on this system, which has ${backends.join(', ')}`
}

function cpuChoice(automatic: boolean, tried: ProviderChoice['tried']) {
  const others = tried.map((one) => one.provider).join(', ')
  const reason = !automatic ? 'configured' : others === '' ? 'first choice' : `${others} cannot be used`
  return { provider: 'cpu', reason, tried }
}

function praise(report: ProbeReport): string {
  const speed = (report.cpuMilliseconds / Math.max(report.milliseconds, 0.1)).toPrecision(2)
  return `ran the probe, ${report.difference.toExponential(0)} from the CPU's numbers, ${speed} times its speed`
}

function noProvider(search: ProviderSearch, tried: ProviderChoice['tried'], lasting: boolean) {
  const message = tried.map((one) => `${one.provider}: ${one.error}`).join('; ') || 'no provider to try'
  const hint = 'set the provider to auto or cpu'
  const details = { operation: 'choose execution provider for', subject: search.model, message, hint }
  return lasting ? new PermanentError(details) : new TransientError(details)
}
