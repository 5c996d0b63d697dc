import { readFileSync } from 'node:fs'

/**
 * timbre computed a second time, in double precision and straight from the formulas of docs/timbre.md. It shares only
 * the learned numbers with the model.
 */

const sampleRate = 22_050
export const windowSamples = 30 * sampleRate
const frameLength = 2048
const hop = 512
const binCount = frameLength / 2 + 1
const frameCount = 1 + Math.floor((windowSamples - frameLength) / hop)

type Vector = Float64Array
/** One row a frame. */
type Rows = Vector[]

interface Constants {
  mean: number[]
  std: number[]
  projection: number[][]
}

const constants: Constants = JSON.parse(
  readFileSync(new URL('../../tools/timbre/constants.json', import.meta.url), 'utf8'),
)

const at = (values: ArrayLike<number>, index: number): number => {
  const value = values[index]
  if (value === undefined) throw new RangeError(`index ${index} of ${values.length}`)
  return value
}

const sum = (values: ArrayLike<number>): number => {
  let total = 0
  for (let i = 0; i < values.length; i++) total += at(values, i)
  return total
}

/** In-place radix-2 transform of `re + i im`. */
function transform(re: Vector, im: Vector): void {
  const n = re.length
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i < j) {
      for (const part of [re, im]) [part[i], part[j]] = [at(part, j), at(part, i)]
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2
    for (let k = 0; k < half; k++) {
      const cos = Math.cos((2 * Math.PI * k) / size)
      const sin = -Math.sin((2 * Math.PI * k) / size)
      for (let start = k; start < n; start += size) {
        const a = start
        const b = start + half
        const x = at(re, b) * cos - at(im, b) * sin
        const y = at(re, b) * sin + at(im, b) * cos
        re[b] = at(re, a) - x
        im[b] = at(im, a) - y
        re[a] = at(re, a) + x
        im[a] = at(im, a) + y
      }
    }
  }
}

function powerSpectra(samples: Float32Array): Rows {
  return Array.from({ length: frameCount }, (_, t) => {
    const re = Float64Array.from(
      samples.subarray(t * hop, t * hop + frameLength),
      (value, n) => value * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / frameLength)),
    )
    const im = new Float64Array(frameLength)
    transform(re, im)
    return Float64Array.from({ length: binCount }, (_, k) => at(re, k) ** 2 + at(im, k) ** 2)
  })
}

const binHz = (bin: number): number => (bin * sampleRate) / frameLength

function melRows(power: Rows): Rows {
  const toMel = (hz: number) => 2595 * Math.log10(1 + hz / 700)
  const low = toMel(30)
  const step = (toMel(sampleRate / 2) - low) / 41
  const corner = (index: number) => 700 * (10 ** ((low + index * step) / 2595) - 1)
  const filters = Array.from({ length: 40 }, (_, m) =>
    Float64Array.from({ length: binCount }, (_, k) => {
      const rise = (binHz(k) - corner(m)) / (corner(m + 1) - corner(m))
      const fall = (corner(m + 2) - binHz(k)) / (corner(m + 2) - corner(m + 1))
      return Math.max(0, Math.min(rise, fall))
    }),
  )
  return power.map((frame) => Float64Array.from(filters, (filter) => dot(filter, frame)))
}

const dot = (a: Vector, b: Vector): number => {
  let total = 0
  for (let i = 0; i < a.length; i++) total += at(a, i) * at(b, i)
  return total
}

/** Per frame: contrast of seven octaves, log centroid, log flatness; `power` is relative to the loudest mel. */
function shapeOf(power: Vector): Vector {
  const floor = 1e-8
  const meanOf = (low: number, high: number, map: (value: number) => number) => {
    let total = 0
    for (let k = low; k < high; k++) total += map(at(power, k))
    return total / (high - low)
  }
  const log = (value: number) => Math.log(value + floor)
  const same = (value: number) => value
  const contrast = Array.from({ length: 7 }, (_, b) => {
    const low = 8 * 2 ** b
    return log(meanOf(low, 2 * low, same)) - meanOf(low, 2 * low, log)
  })
  let moment = 0
  for (let k = 0; k < binCount; k++) moment += (binHz(k) / 1000) * at(power, k)
  const total = (binCount - 1) * meanOf(1, binCount, same)
  const centroid = log(moment) - log(total)
  const flatness = meanOf(8, 1024, log) - log(total / (binCount - 1))
  return Float64Array.from([...contrast, centroid, flatness])
}

/** Square roots of the shares of the twelve pitch classes. */
function harmonyOf(power: Vector): Vector {
  const classes = new Float64Array(12)
  for (let k = 1; k < binCount; k++) {
    const hz = binHz(k)
    if (hz < 100 || hz > 5000) continue
    const pitch = 69 + 12 * Math.log2(hz / 440)
    const below = Math.floor(pitch)
    const nearness = 1 - (pitch - below)
    classes[below % 12] = at(classes, below % 12) + nearness * at(power, k)
    classes[(below + 1) % 12] = at(classes, (below + 1) % 12) + (1 - nearness) * at(power, k)
  }
  const total = sum(classes) + 1e-8
  return classes.map((value) => Math.sqrt(value / total))
}

/** Products of all pairs i <= j of twelve numbers. */
const pairsOf = (classes: Vector): Vector =>
  Float64Array.from(
    [...classes.keys()].flatMap((i) => [...classes.subarray(i)].map((value) => value * at(classes, i))),
  )

const cepstraOf = (levels: Vector): Vector =>
  Float64Array.from({ length: 19 }, (_, i) => {
    let total = 0
    for (let m = 0; m < 40; m++) total += at(levels, m) * Math.cos((Math.PI * (i + 1) * (m + 0.5)) / 40)
    return total * Math.sqrt(2 / 40)
  })

function weightedMean(rows: Rows, weights: Vector): Vector {
  const total = Math.max(1, sum(weights))
  const width = rows[0]?.length ?? 0
  return Float64Array.from({ length: width }, (_, i) => {
    let sumOfColumn = 0
    for (const [t, row] of rows.entries()) sumOfColumn += at(weights, t) * at(row, i)
    return sumOfColumn / total
  })
}

const steps = (rows: Rows, map: (step: number) => number): Rows =>
  rows.slice(1).map((row, t) => row.map((value, i) => map(value - at(rows[t] ?? row, i))))

/** Autocorrelation of the onset envelope at 20 tempi from 45 to 220 beats a minute. */
function tempogram(levels: Rows, pairs: Vector): Vector {
  const rises = steps(levels, (step) => Math.max(0, step)).map((row) => sum(row) / row.length)
  const onset = Float64Array.from(rises, (rise, t) => rise * at(pairs, t))
  const mean = sum(onset) / Math.max(1, sum(pairs))
  const centred = onset.map((value, t) => (value - mean) * at(pairs, t))
  const energy = dot(centred, centred) + 1e-3
  const correlation = (lag: number) => {
    let total = 0
    for (let t = 0; t + lag < centred.length; t++) total += at(centred, t) * at(centred, t + lag)
    return total / energy
  }
  return Float64Array.from({ length: 20 }, (_, i) => {
    const bpm = 45 * (220 / 45) ** (i / 19)
    const lag = (60 * sampleRate) / hop / bpm
    const below = Math.floor(lag)
    return (1 - (lag - below)) * correlation(below) + (lag - below) * correlation(below + 1)
  })
}

/** The 194 numbers of a window before anything learned comes in. */
export function referenceFeatures(samples: Float32Array): Vector {
  const power = powerSpectra(samples)
  const mel = melRows(power)
  const rumble = power.map((frame) => 1e-4 * (at(frame, 0) + at(frame, 1)))
  const loudest = Math.max(1e-5, ...rumble, ...mel.map((row) => Math.max(...row)))
  const relative = power.map((frame) => frame.map((value) => value / loudest))
  const active = Float64Array.from(mel, (row) => (Math.max(...row) / loudest > 1e-7 ? 1 : 0))
  const pairs = active.slice(1).map((value, t) => value * at(active, t))

  const levels = mel.map((row) => row.map((value) => Math.log10(value / loudest + 1e-7)))
  const cepstra = levels.map(cepstraOf)
  const shape = relative.map(shapeOf)
  const shapeMean = weightedMean(shape, active)
  const squares = shape.map((row) => row.map((value, i) => (value - at(shapeMean, i)) ** 2))
  return Float64Array.from([
    ...weightedMean(levels, active),
    ...weightedMean(cepstra, active),
    ...shapeMean,
    ...weightedMean(steps(cepstra, Math.abs), pairs),
    ...weightedMean(squares, active).map(Math.sqrt),
    ...weightedMean(relative.map(harmonyOf).map(pairsOf), active),
    ...tempogram(levels, pairs),
  ])
}

/** The embedding of one window of exactly `windowSamples` samples. */
export function referenceEmbedding(samples: Float32Array): Vector {
  const clipped = referenceFeatures(samples).map((value, i) =>
    Math.max(-3, Math.min(3, (value - at(constants.mean, i)) / at(constants.std, i))),
  )
  const projected = Float64Array.from(constants.projection, (row) => dot(Float64Array.from(row), clipped))
  const length = Math.max(1e-6, Math.sqrt(dot(projected, projected)))
  return projected.map((value) => value / length)
}
