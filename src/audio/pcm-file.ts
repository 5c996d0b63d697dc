import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'

/** Bytes gathered per channel before they are written. */
const CHUNK_BYTES = 1024 * 1024

/**
 * Writes 32-bit float samples, native endian, one channel behind the other. How long the channels get is known only at
 * the end, so each channel but the first has a file of its own until `finish` appends it.
 */
export class PcmFile {
  readonly #file: string
  readonly #lanes: Lane[]
  #samples = 0

  constructor(file: string, channels: number) {
    this.#file = file
    this.#lanes = Array.from({ length: channels }, (_, i) => new Lane(i === 0 ? file : `${file}.${i}`))
  }

  /** Samples per channel so far. */
  get samples(): number {
    return this.#samples
  }

  /** Appends `count` samples per channel, taken from `planes` at sample `from`. */
  append(planes: readonly Buffer[], from: number, count: number): void {
    for (const [i, lane] of this.#lanes.entries()) {
      const plane = planes[i]
      if (plane === undefined) throw new RangeError(`channel ${i} is missing`)
      lane.append(plane, from * 4, count * 4)
    }
    this.#samples += count
  }

  appendSilence(count: number): void {
    const silence = Buffer.alloc(Math.min(count * 4, CHUNK_BYTES))
    for (let left = count * 4; left > 0; left -= silence.length) {
      for (const lane of this.#lanes) lane.append(silence, 0, Math.min(left, silence.length))
    }
    this.#samples += count
  }

  /** Writes what is left and joins the channels into one file. */
  finish(): void {
    const [first, ...rest] = this.#lanes
    if (first === undefined) return
    for (const lane of this.#lanes) lane.flush()
    for (const lane of rest) {
      first.appendFile(lane)
      lane.discard()
    }
    first.flush()
    first.close()
  }

  /** Closes and deletes everything; allowed at any time, also after `finish`. */
  discard(): void {
    for (const lane of this.#lanes) lane.discard()
    rmSync(this.#file, { force: true })
  }
}

/** One channel: a file and the chunk that is being filled. */
class Lane {
  readonly #file: string
  readonly #descriptor: number
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #filled = 0
  #open = true

  constructor(file: string) {
    this.#file = file
    this.#descriptor = openSync(file, 'wx+', 0o600)
  }

  append(source: Buffer, start: number, length: number): void {
    let at = start
    const end = start + length
    while (at < end) {
      const copied = source.copy(this.#chunk, this.#filled, at, end)
      at += copied
      this.#filled += copied
      if (this.#filled === CHUNK_BYTES) this.flush()
    }
  }

  flush(): void {
    let at = 0
    while (at < this.#filled) at += writeSync(this.#descriptor, this.#chunk, at, this.#filled - at)
    this.#filled = 0
  }

  /** Appends all that `other` has flushed. */
  appendFile(other: Lane): void {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    for (let position = 0; ; ) {
      const length = readSync(other.#descriptor, buffer, 0, CHUNK_BYTES, position)
      if (length === 0) return
      this.append(buffer, 0, length)
      position += length
    }
  }

  close(): void {
    if (this.#open) closeSync(this.#descriptor)
    this.#open = false
  }

  discard(): void {
    this.close()
    rmSync(this.#file, { force: true })
  }
}
