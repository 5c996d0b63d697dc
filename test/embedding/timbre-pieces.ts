/** Deterministic pieces of music for tests: each has its own tempo, harmony, instruments and percussion. */

const sampleRate = 22_050

/** Uniform numbers in [0, 1) from a seed (a 32-bit multiply-and-shift generator). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

interface Voice {
  readonly cycle: Float64Array
  readonly octave: number
  readonly decaySeconds: number
  readonly notesPerBeat: number
  readonly loudness: number
}

interface Drum {
  readonly everyBeats: number
  readonly decaySeconds: number
  /** 0 passes all of the noise, near 1 only its lowest part. */
  readonly dullness: number
  readonly loudness: number
}

interface Score {
  readonly beatSeconds: number
  readonly root: number
  readonly scale: readonly number[]
  readonly voices: readonly Voice[]
  readonly drums: readonly Drum[]
}

const scales = [
  [0, 2, 4, 5, 7, 9, 11],
  [0, 2, 3, 5, 7, 8, 10],
  [0, 2, 4, 7, 9],
  [0, 3, 5, 6, 7, 10],
]

function cycleOf(random: () => number): Float64Array {
  const partials = 1 + Math.floor(random() * 14)
  const slope = 0.5 + random() * 1.5
  const evenLevel = random() < 0.4 ? 0.1 : 1
  const levels = Array.from({ length: partials }, (_, i) => {
    const order = i + 1
    return (order % 2 === 0 ? evenLevel : 1) * (0.5 + random()) * order ** -slope
  })
  return Float64Array.from({ length: 512 }, (_, n) =>
    levels.reduce((total, level, i) => total + level * Math.sin((2 * Math.PI * (i + 1) * n) / 512), 0),
  )
}

function scoreOf(piece: number): Score {
  const random = randomFrom(1000 + piece)
  const voice = (octave: number): Voice => ({
    cycle: cycleOf(random),
    octave,
    decaySeconds: 0.05 + random() ** 2 * 1.5,
    notesPerBeat: [0.5, 1, 2, 4][Math.floor(random() * 4)] ?? 1,
    loudness: 0.05 + random() * 0.15,
  })
  const drum = (everyBeats: number): Drum => ({
    everyBeats,
    decaySeconds: 0.01 + random() * 0.15,
    dullness: random() * 0.97,
    loudness: random() < 0.3 ? 0 : 0.05 + random() * 0.4,
  })
  return {
    beatSeconds: 60 / (60 + random() * 110),
    root: 40 + Math.floor(random() * 12),
    scale: scales[Math.floor(random() * scales.length)] ?? [0],
    voices: [voice(0), voice(1), voice(2)],
    drums: [drum(1), drum(0.5), drum(2)],
  }
}

function addNote(into: Float32Array, start: number, hz: number, voice: Voice): void {
  const length = Math.min(into.length - start, Math.floor(voice.decaySeconds * 5 * sampleRate))
  const fadeStep = Math.exp(-1 / (voice.decaySeconds * sampleRate))
  const phaseStep = (hz / sampleRate) * 512
  let level = voice.loudness
  let phase = 0
  for (let n = 0; n < length; n++) {
    into[start + n] = (into[start + n] ?? 0) + Math.min(1, n / 100) * level * (voice.cycle[phase & 511] ?? 0)
    level *= fadeStep
    phase += phaseStep
  }
}

function addHit(into: Float32Array, start: number, drum: Drum, random: () => number): void {
  const length = Math.min(into.length - start, Math.floor(drum.decaySeconds * 5 * sampleRate))
  const fadeStep = Math.exp(-1 / (drum.decaySeconds * sampleRate))
  let level = drum.loudness
  let smooth = 0
  for (let n = 0; n < length; n++) {
    smooth += (1 - drum.dullness) * (2 * random() - 1 - smooth)
    into[start + n] = (into[start + n] ?? 0) + level * smooth
    level *= fadeStep
  }
}

/** `samples` mono samples at 22,050 Hz of a piece; another `segment` of it plays other notes on the same instruments. */
export function piece(number: number, segment: number, samples: number): Float32Array {
  const score = scoreOf(number)
  const random = randomFrom(50_000 + number * 100 + segment)
  const sound = new Float32Array(samples)
  const beats = samples / sampleRate / score.beatSeconds
  for (const voice of score.voices) {
    for (let beat = 0; beat < beats; beat += 1 / voice.notesPerBeat) {
      if (random() < 0.2) continue
      const degree = score.scale[Math.floor(random() ** 1.5 * score.scale.length)] ?? 0
      const pitch = score.root + 12 * voice.octave + degree
      const start = Math.floor(beat * score.beatSeconds * sampleRate)
      addNote(sound, start, 440 * 2 ** ((pitch - 69) / 12), voice)
    }
  }
  for (const drum of score.drums) {
    for (let beat = 0; beat < beats; beat += drum.everyBeats) {
      addHit(sound, Math.floor(beat * score.beatSeconds * sampleRate), drum, random)
    }
  }
  return sound.map((value) => Math.tanh(value))
}
