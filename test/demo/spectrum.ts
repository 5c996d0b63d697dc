const FRAME = 2048
const HOP = 8192
const BANDS = 16

/**
 * What a signal sounds like on average: the share of each of 16 bands, evenly spaced on a logarithmic scale, in
 * decibels, then how uneven the frames' energies are. 17 numbers, independent of the level.
 */
export function soundStatistics(signal: Float32Array): number[] {
  const bands = new Float64Array(BANDS)
  const energies: number[] = []
  for (let start = 0; start + FRAME <= signal.length; start += HOP) {
    const frame = bandEnergies(signal.subarray(start, start + FRAME))
    energies.push(frame.reduce((sum, value) => sum + value, 0))
    for (const [band, energy] of frame.entries()) bands[band] = (bands[band] ?? 0) + energy
  }
  const total = bands.reduce((sum, value) => sum + value, 0)
  const mean = total / energies.length
  const spread = Math.sqrt(
    energies.reduce((sum, value) => sum + (value / mean - 1) ** 2, 0) / energies.length,
  )
  return [...Array.from(bands, (energy) => 10 * Math.log10(energy / total + 1e-5)), 10 * spread]
}

/** Root of the mean squared difference. */
export function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, index) => sum + (value - (b[index] ?? 0)) ** 2, 0) / a.length)
}

function bandEnergies(frame: Float32Array): Float64Array {
  const real = Float64Array.from(frame, (v, n) => v * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FRAME)))
  const [re, im] = transform(real, new Float64Array(FRAME))
  const bands = new Float64Array(BANDS)
  for (let bin = 1; bin < FRAME / 2; bin++) {
    const band = Math.min(BANDS - 1, Math.floor((BANDS * Math.log(bin)) / Math.log(FRAME / 2)))
    bands[band] = (bands[band] ?? 0) + (re[bin] ?? 0) ** 2 + (im[bin] ?? 0) ** 2
  }
  return bands
}

/** Discrete Fourier transform in place, by doubling; the length is a power of two. */
function transform(re: Float64Array, im: Float64Array): [Float64Array, Float64Array] {
  reorder(re)
  reorder(im)
  for (let half = 1; half < re.length; half *= 2) {
    for (let k = 0; k < half; k++) {
      const cos = Math.cos((Math.PI * k) / half)
      const sin = Math.sin((Math.PI * k) / half)
      for (let a = k; a < re.length; a += 2 * half) {
        const b = a + half
        const [x, y, u, v] = [re[a] ?? 0, im[a] ?? 0, re[b] ?? 0, im[b] ?? 0]
        const turnedRe = u * cos + v * sin
        const turnedIm = v * cos - u * sin
        re[a] = x + turnedRe
        im[a] = y + turnedIm
        re[b] = x - turnedRe
        im[b] = y - turnedIm
      }
    }
  }
  return [re, im]
}

/** Moves every value to the index with its bits reversed. */
function reorder(values: Float64Array): void {
  const copy = values.slice()
  for (let index = 0, reversed = 0; index < values.length; index++) {
    values[reversed] = copy[index] ?? 0
    let bit = values.length >> 1
    while (bit > 0 && (reversed & bit) !== 0) {
      reversed ^= bit
      bit >>= 1
    }
    reversed |= bit
  }
}
