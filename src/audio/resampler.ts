import { AV_CHANNEL_ORDER_UNSPEC, AV_SAMPLE_FMT_FLTP, AVERROR_INPUT_CHANGED } from 'node-av/constants'
import { avChannelLayoutDefault, Frame, SoftwareResampleContext } from 'node-av/lib'
import type { AudioSpec } from '../core/audio.ts'
import { ffmpegFailure } from './ffmpeg.ts'

/** Samples per channel that one conversion can return; what exceeds it comes with the next one. */
const CAPACITY = 256 * 1024

/** Written out although they are FFmpeg's defaults: another FFmpeg must not change embeddings unnoticed. */
const SETTINGS = [
  ['filter_size', '32'],
  ['phase_shift', '10'],
  ['exact_rational', '1'],
  ['linear_interp', '1'],
  ['cutoff', '0.97'],
  ['filter_type', 'kaiser'],
  ['kaiser_beta', '9'],
] as const

/**
 * Converts decoded frames to the rate and channels of one AudioSpec, 32-bit float planar, in one buffer that is reused.
 *
 * FFmpeg's own polyphase resampler with fixed settings: a Kaiser-windowed sinc (beta 9) of 32 taps at the lower rate,
 * cutoff at 0.97 of the lower Nyquist frequency, exact phases for rational ratios. Mono is the plain average of all
 * channels; stereo of more than two channels is FFmpeg's usual downmix, scaled so that it cannot clip.
 */
export class Resampler {
  readonly #spec: AudioSpec
  readonly #output = new Frame()
  #context: SoftwareResampleContext | null = null
  /** Views of the output buffer, one per channel; valid until the next call. */
  readonly planes: readonly Buffer[]

  constructor(spec: AudioSpec) {
    this.#spec = spec
    this.#output.alloc()
    this.#output.format = AV_SAMPLE_FMT_FLTP
    this.#output.channelLayout = avChannelLayoutDefault(spec.channels)
    this.#output.sampleRate = spec.sampleRate
    this.#output.nbSamples = CAPACITY
    this.#check(this.#output.getBuffer())
    this.planes = this.#output.extendedData ?? this.#output.data ?? []
  }

  /** Gives `take` what comes of one frame, in one or more calls with the number of samples now in `planes`. */
  convert(frame: Frame, take: (samples: number) => void): void {
    let code = this.#convert(frame)
    if (code === AVERROR_INPUT_CHANGED) {
      // Chained streams may change rate or channels on the way.
      this.flush(take)
      code = this.#convert(frame)
    }
    this.#check(code)
    take(this.#output.nbSamples)
  }

  #convert(frame: Frame): number {
    this.#context ??= this.#open(frame)
    this.#output.nbSamples = 0
    return this.#context.convertFrame(this.#output, frame)
  }

  /** Gives `take` what is still inside; the next frame then starts afresh. */
  flush(take: (samples: number) => void): void {
    while (this.#context !== null) {
      this.#output.nbSamples = 0
      this.#check(this.#context.convertFrame(this.#output, null))
      if (this.#output.nbSamples === 0) this.#reset()
      else take(this.#output.nbSamples)
    }
  }

  close(): void {
    this.#reset()
    this.#output.free()
  }

  #reset(): void {
    this.#context?.free()
    this.#context = null
  }

  #open(frame: Frame): SoftwareResampleContext {
    const { channels, sampleRate } = this.#spec
    const input = frame.channelLayout
    const context = new SoftwareResampleContext()
    try {
      const output = avChannelLayoutDefault(channels)
      this.#check(
        context.allocSetOpts2(
          output,
          AV_SAMPLE_FMT_FLTP,
          sampleRate,
          input,
          frame.format as typeof AV_SAMPLE_FMT_FLTP,
          frame.sampleRate,
        ),
      )
      for (const [name, value] of SETTINGS) context.setOption(name, value)
      if (channels === 1 || input.order === AV_CHANNEL_ORDER_UNSPEC) {
        const matrix = mixMatrix(input.nbChannels, channels)
        this.#check(context.setMatrix(matrix, input.nbChannels))
      } else context.setOption('rematrix_maxval', '1.0')
      this.#check(context.init())
      return context
    } catch (error) {
      context.free()
      throw error
    }
  }

  #check(code: number): void {
    if (code < 0) throw ffmpegFailure(code, 'resample audio', `to ${this.#spec.sampleRate} Hz`)
  }
}

/** Row per output channel: mono averages all inputs; stereo takes the first two, or one twice. */
function mixMatrix(inputs: number, outputs: number): number[] {
  return Array.from({ length: inputs * outputs }, (_, i) => {
    if (outputs === 1) return 1 / inputs
    const [output, input] = [Math.floor(i / inputs), i % inputs]
    return input === Math.min(output, inputs - 1) ? 1 : 0
  })
}
