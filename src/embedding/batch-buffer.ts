import { closeSync, openSync, readSync } from 'node:fs'
import { errorCode } from '../core/errors.ts'
import { InferenceFailure, type WindowSource } from './messages.ts'

const SAMPLE_BYTES = Float32Array.BYTES_PER_ELEMENT

/**
 * The input of one batch, [windows, channels, samples], filled from PCM files. The memory grows to the largest batch seen
 * and is used again for every batch.
 */
export class BatchBuffer {
  #memory = new Float32Array(0)

  /**
   * Reads the windows one after another; what a window lacks is silence.
   * The result is valid until the next call.
   * @throws InferenceFailure `transient` when a file cannot be read or is shorter than promised, `permanent` when a window
   * does not fit the shape, `memory` when the batch is too large to hold.
   */
  fill(windows: readonly WindowSource[], channels: number, windowSamples: number): Float32Array {
    const windowLength = channels * windowSamples
    const batch = this.#reserve(windows.length * windowLength)
    const reader = new PcmReader()
    try {
      windows.forEach((window, row) => {
        checkWindow(window, windowSamples)
        for (let channel = 0; channel < channels; channel++) {
          const begin = row * windowLength + channel * windowSamples
          const filled = begin + window.samples
          reader.read(window.file, channel * window.stride + window.start, batch.subarray(begin, filled))
          batch.fill(0, filled, begin + windowSamples)
        }
      })
    } finally {
      reader.close()
    }
    return batch
  }

  /** Gives the memory back until the next batch. */
  clear(): void {
    this.#memory = new Float32Array(0)
  }

  #reserve(length: number): Float32Array {
    if (this.#memory.length < length) {
      this.#memory = new Float32Array(0)
      this.#memory = new Float32Array(length)
    }
    return this.#memory.subarray(0, length)
  }
}

/** Reads ranges of samples; keeps the last file open, since neighbouring windows come from the same one. */
class PcmReader {
  #file: string | null = null
  #descriptor = -1

  read(file: string, firstSample: number, target: Float32Array): void {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
    let done = 0
    try {
      this.#open(file)
      while (done < bytes.length) {
        const position = firstSample * SAMPLE_BYTES + done
        const count = readSync(this.#descriptor, bytes, done, bytes.length - done, position)
        if (count === 0) break
        done += count
      }
    } catch (cause) {
      const code = errorCode(cause) ?? String(cause)
      throw new InferenceFailure('transient', `PCM file ${file} cannot be read: ${code}`, undefined, cause)
    }
    if (done < bytes.length) {
      const end = firstSample + target.length
      const message = `PCM file ${file} ends early: ${bytes.length - done} bytes are missing before sample ${end}`
      throw new InferenceFailure('transient', message, 'is the disk with the scratch files full?')
    }
  }

  #open(file: string): void {
    if (file === this.#file) return
    this.close()
    this.#descriptor = openSync(file, 'r')
    this.#file = file
  }

  close(): void {
    if (this.#file === null) return
    this.#file = null
    closeSync(this.#descriptor)
  }
}

function checkWindow(window: WindowSource, windowSamples: number): void {
  const { start, samples, stride } = window
  const whole = [start, samples, stride].every(Number.isSafeInteger)
  if (whole && start >= 0 && samples >= 0 && samples <= windowSamples && start + samples <= stride) return
  const found = `start ${start}, samples ${samples}, ${stride} in the file`
  throw new InferenceFailure(
    'permanent',
    `found a window with ${found}, expected at most ${windowSamples} samples`,
  )
}
