import type { GraphSpec, LoadRequest, ProbeReport } from './messages.ts'
import { unitDifference } from './providers.ts'
import { Session } from './session.ts'

/**
 * One window that sounds a little like music: three sines that beat, noise, and a small offset, as recordings have. The same
 * on every machine; [channels, samples], within -1..1.
 */
export function probeWindow(
  spec: Pick<GraphSpec, 'channels' | 'windowSamples' | 'sampleRate'>,
): Float32Array {
  const { channels, windowSamples, sampleRate } = spec
  const window = new Float32Array(channels * windowSamples)
  let state = 0x2545f491
  for (let index = 0; index < window.length; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const seconds = (index % windowSamples) / sampleRate
    const channel = Math.floor(index / windowSamples)
    const tones = [110, 443, 1787].map((hertz) =>
      Math.sin(2 * Math.PI * hertz * (1 + channel / 50) * seconds),
    )
    const swell = 0.6 + 0.4 * Math.sin(2 * Math.PI * 0.7 * seconds)
    window[index] = 0.02 + 0.2 * swell * tones.reduce((sum, tone) => sum + tone, 0) + (0.05 * state) / 2 ** 31
  }
  return window
}

/**
 * Runs the probe window on the CPU and on `request.provider`, one session after the other, and compares.
 * @throws InferenceFailure when either cannot load or run it.
 */
export async function probe(request: Omit<LoadRequest, 'key'>): Promise<ProbeReport> {
  const expected = await timedRun({ ...request, provider: 'cpu' })
  const found = await timedRun(request)
  return {
    difference: unitDifference(found.vector, expected.vector),
    milliseconds: found.milliseconds,
    cpuMilliseconds: expected.milliseconds,
  }
}

/** The first run pays for compiling and warming up, so the second is timed. */
async function timedRun(
  request: Omit<LoadRequest, 'key'>,
): Promise<{ vector: Float32Array; milliseconds: number }> {
  const session = await Session.open(request)
  try {
    const window = probeWindow(request.spec)
    await session.run(window, 1)
    const started = performance.now()
    const vector = await session.run(window, 1)
    return { vector: vector.slice(), milliseconds: performance.now() - started }
  } finally {
    await session.release()
  }
}
