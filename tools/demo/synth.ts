/** Samples per second of everything rendered here. */
export const SAMPLE_RATE = 44_100

/** Linear to full level in `attack`, falling to `sustain` (0..1) and, after the note, to nothing; in seconds. */
export interface Envelope {
  readonly attack: number
  readonly decay?: number
  readonly sustain?: number
  readonly release: number
}

export interface WaveVoice extends Envelope {
  readonly kind: 'wave'
  /** Amplitude of partial `n` (1, 2, …) of a note of `hz`. */
  readonly partial: (n: number, hz: number) => number
  readonly detuneCents?: number
  /** Depth of a 5 Hz vibrato, as a fraction of the frequency. */
  readonly vibrato?: number
  readonly cutoffHz?: number
  /** How far the envelope opens the low-pass: at full level its cutoff is `1 + sweep` times `cutoffHz`. */
  readonly sweep?: number
  readonly resonance?: number
}

export interface FmVoice extends Envelope {
  readonly kind: 'fm'
  /** Modulator over carrier. */
  readonly ratio: number
  readonly index: number
  /** Seconds in which the modulation falls to 1/e. */
  readonly indexDecay: number
}

export interface PluckVoice {
  readonly kind: 'pluck'
  /** 0.05 steel to 0.5 felt. */
  readonly damping: number
  /** Seconds to a thousandth. */
  readonly decay: number
}

export interface BellVoice {
  readonly kind: 'bell'
  /** Seconds of decay to 1/e. */
  readonly modes: readonly (readonly [ratio: number, gain: number, decay: number])[]
}

/** Noise through a band-pass at `ratio` times the note. */
export interface NoiseVoice extends Envelope {
  readonly kind: 'noise'
  readonly ratio: number
  readonly resonance: number
}

export interface DrumVoice {
  readonly kind: 'drum'
  readonly fromHz: number
  readonly toHz: number
  readonly decay: number
  /** 0 all body to 1 all noise. */
  readonly noise: number
  readonly noiseHz: number
  readonly noiseDecay: number
}

export type Voice = WaveVoice | FmVoice | PluckVoice | BellVoice | NoiseVoice | DrumVoice

/** One instrument and what it plays in every bar. */
export interface Layer {
  readonly voice: Voice
  /**
   * One character a step, bars separated by `|`: `.` rest, `x` chord, `o` soft chord, a digit that many scale degrees
   * above the chord's root, `?` a degree of a random walk.
   */
  readonly steps: string
  readonly octave?: number
  readonly gain: number
  /** -1 left to 1 right. */
  readonly pan?: number
  /** Length of a note in steps; 1 unless given. */
  readonly hold?: number
  /** Scale degrees that `x` sounds together; root, third and fifth unless given. */
  readonly chord?: readonly number[]
  /** Letters of the sections in which the layer plays; all unless given. */
  readonly sections?: string
}

export interface Score {
  readonly seconds: number
  readonly seed: number
  /** Beats per minute and beats per bar. */
  readonly tempo: number
  readonly meter: number
  /** MIDI number of the tonic. */
  readonly root: number
  readonly scale: readonly number[]
  /** Scale degree of the chord's root, bar by bar. */
  readonly chords: readonly number[]
  /** Two bars a letter, repeated: "AABA". */
  readonly form: string
  readonly layers: readonly Layer[]
  /** How much of the signal goes into a hall, 0..1. */
  readonly reverb?: number
  /** How much comes back from an echo of a dotted eighth, 0..1. */
  readonly echo?: number
  /** Soft clipping, 1 = hardly any. */
  readonly drive?: number
  /** Reduces the signal to this many steps, each held for three samples: the sound of early sound chips. */
  readonly crush?: number
}

export interface RenderedAudio {
  /** Left and right, in -1..1. */
  readonly samples: [Float32Array, Float32Array]
  readonly sampleRate: number
}

interface Note {
  readonly start: number
  readonly hold: number
  readonly hz: number
  readonly gain: number
}

/** Samples between two updates of envelopes, vibrato and filters. */
const CONTROL = 32
const TABLE = 2048
const PEAK = 0.85
const FADE_SECONDS = 1.2

/**
 * Plays a score: stereo at SAMPLE_RATE, `seconds` long, with a peak of 0.85 (or silence when there are no layers).
 * The same score gives the same samples, bit for bit.
 */
export function renderPiece(score: Score): RenderedAudio {
  const length = Math.round(score.seconds * SAMPLE_RATE)
  const left = new Float32Array(length)
  const right = new Float32Array(length)
  const random = xorshift(score.seed)
  for (const layer of score.layers) {
    const track = new Float32Array(length)
    const play = instrument(layer.voice, track, random)
    for (const note of sequence(score, layer, random)) play(note)
    const angle = (((layer.pan ?? 0) + 1) * Math.PI) / 4
    mix(track, left, right, Math.cos(angle), Math.sin(angle))
  }
  if (score.drive !== undefined) for (const side of [left, right]) drive(side, score.drive)
  if (score.crush !== undefined) for (const side of [left, right]) crush(side, score.crush)
  if (score.echo !== undefined) echo(left, right, score.echo, 45 / score.tempo)
  if (score.reverb !== undefined) reverb(left, right, score.reverb)
  finish(left, right)
  return { samples: [left, right], sampleRate: SAMPLE_RATE }
}

/** Numbers in 0..1, the same for the same seed (Marsaglia, "Xorshift RNGs", 2003). */
export function xorshift(seed: number): () => number {
  let state = Math.imul(seed + 1, 2_654_435_761) || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}

/** The notes of one layer in time order. */
function* sequence(score: Score, layer: Layer, random: () => number): Generator<Note> {
  const barSeconds = (60 / score.tempo) * score.meter
  const bars = layer.steps.split('|')
  const total = Math.round(score.seconds * SAMPLE_RATE)
  let walk = 2
  for (let bar = 0; bar * barSeconds < score.seconds; bar++) {
    const section = score.form[Math.floor(bar / 2) % score.form.length] ?? 'A'
    if (layer.sections !== undefined && !layer.sections.includes(section)) continue
    const steps = bars[bar % bars.length] ?? ''
    const stepSeconds = barSeconds / steps.length
    const chord = score.chords[bar % score.chords.length] ?? 0
    for (const [index, symbol] of [...steps].entries()) {
      if (symbol === '.') continue
      if (symbol === '?') walk = Math.min(9, Math.max(-2, walk + Math.round(random() * 4 - 2)))
      const degrees =
        symbol === 'x' || symbol === 'o' ? chordOf(layer) : [symbol === '?' ? walk : Number(symbol)]
      const gain = layer.gain * (symbol === 'o' ? 0.5 : 1) * (0.85 + 0.15 * random())
      const start = Math.round((bar * barSeconds + index * stepSeconds) * SAMPLE_RATE)
      if (start >= total) return
      for (const degree of degrees) {
        const hz = pitch(score, chord + degree, layer.octave ?? 0)
        yield { start, hold: stepSeconds * (layer.hold ?? 1), hz, gain: gain / Math.sqrt(degrees.length) }
      }
    }
  }
}

function chordOf(layer: Layer): readonly number[] {
  return layer.voice.kind === 'drum' ? [0] : (layer.chord ?? [0, 2, 4])
}

/** Frequency of a scale degree; degrees past the scale go on in the next octave. */
function pitch(score: Score, degree: number, octave: number): number {
  const size = score.scale.length
  const turn = Math.floor(degree / size)
  const midi = score.root + 12 * (octave + turn) + (score.scale[degree - turn * size] ?? 0)
  return 440 * 2 ** ((midi - 69) / 12)
}

function instrument(voice: Voice, out: Float32Array, random: () => number): (note: Note) => void {
  const tables = new Map<number, Float32Array>()
  switch (voice.kind) {
    case 'pluck':
      return (note) => playPluck(out, note, voice, random)
    case 'bell':
      return (note) => playBell(out, note, voice.modes)
    case 'drum':
      return (note) => playDrum(out, note, voice, random)
    case 'noise':
      return (note) =>
        playSource(out, note, voice, new NoiseSource(note.hz * voice.ratio, voice.resonance, random))
    case 'fm':
      return (note) => playSource(out, note, voice, new FmSource(note.hz, voice))
    case 'wave':
      return (note) => {
        const table = tables.get(note.hz) ?? waveTable(voice, note.hz)
        tables.set(note.hz, table)
        playSource(out, note, voice, new WaveSource(note.hz, voice, table))
      }
  }
}

/** What an enveloped note is made of. */
interface Source {
  /** Called every CONTROL samples with the envelope's level and the time since the note's start. */
  control(level: number, seconds: number): void
  /** Adds samples `from` up to `to`, with an amplitude that grows by `step` from each to the next. */
  add(out: Float32Array, from: number, to: number, amplitude: number, step: number): void
}

function playSource(out: Float32Array, note: Note, envelope: Envelope, source: Source): void {
  const frames = Math.ceil((note.hold + 5 * envelope.release) * SAMPLE_RATE)
  const end = Math.min(out.length, note.start + frames)
  let amplitude = 0
  for (let block = note.start; block < end; block += CONTROL) {
    const seconds = (block + CONTROL - note.start) / SAMPLE_RATE
    const level = levelAt(envelope, seconds, note.hold)
    source.control(level, seconds)
    const step = (level * note.gain - amplitude) / CONTROL
    source.add(out, block, Math.min(end, block + CONTROL), amplitude, step)
    amplitude = level * note.gain
  }
}

function levelAt(
  { attack, decay = 1, sustain = 1, release }: Envelope,
  seconds: number,
  hold: number,
): number {
  const held = Math.min(seconds, hold)
  const level = held < attack ? held / attack : sustain + (1 - sustain) * Math.exp((attack - held) / decay)
  return seconds > hold ? level * Math.exp((hold - seconds) / release) : level
}

class WaveSource implements Source {
  readonly #hz: number
  readonly #voice: WaveVoice
  readonly #table: Float32Array
  readonly #filter: Filter | null
  readonly #detune: number
  #phase = 0
  #second = TABLE * 0.37
  #step = 0

  constructor(hz: number, voice: WaveVoice, table: Float32Array) {
    this.#hz = hz
    this.#voice = voice
    this.#table = table
    this.#filter = voice.cutoffHz === undefined ? null : new Filter()
    this.#detune = 2 ** ((voice.detuneCents ?? 0) / 1200)
  }

  control(level: number, seconds: number): void {
    const { vibrato = 0, cutoffHz = 0, sweep = 0, resonance = 0.8 } = this.#voice
    const bend = 1 + vibrato * Math.sin(2 * Math.PI * 5 * seconds)
    this.#step = (this.#hz * bend * TABLE) / SAMPLE_RATE
    this.#filter?.tune(cutoffHz * (1 + sweep * level), resonance)
  }

  add(out: Float32Array, from: number, to: number, amplitude: number, step: number): void {
    const table = this.#table
    const filter = this.#filter
    const detuned = this.#step * this.#detune
    for (let at = from; at < to; at++) {
      this.#phase += this.#step
      if (this.#phase >= TABLE) this.#phase -= TABLE
      this.#second += detuned
      if (this.#second >= TABLE) this.#second -= TABLE
      let value = (table[this.#phase | 0] ?? 0) + (table[this.#second | 0] ?? 0)
      if (filter !== null) {
        filter.push(value)
        value = filter.low
      }
      out[at] = (out[at] ?? 0) + value * (amplitude + step * (at - from))
    }
  }
}

/** One period of the voice at this pitch, of all partials that a listener can hear. */
function waveTable(voice: WaveVoice, hz: number): Float32Array {
  const table = new Float32Array(TABLE)
  const partials = Math.min(48, Math.floor(15_000 / hz))
  let power = 1e-9
  for (let n = 1; n <= partials; n++) {
    const amplitude = voice.partial(n, hz)
    if (amplitude < 1e-4) continue
    power += amplitude * amplitude
    for (let at = 0; at < TABLE; at++) {
      table[at] = (table[at] ?? 0) + amplitude * Math.sin((2 * Math.PI * ((n * at) % TABLE)) / TABLE)
    }
  }
  const scale = 0.5 / Math.sqrt(power)
  for (let at = 0; at < TABLE; at++) table[at] = (table[at] ?? 0) * scale
  return table
}

/** One sine that modulates another's phase (Chowning, 1973). */
class FmSource implements Source {
  readonly #voice: FmVoice
  readonly #step: number
  #index = 0
  #phase = 0

  constructor(hz: number, voice: FmVoice) {
    this.#voice = voice
    this.#step = (2 * Math.PI * hz) / SAMPLE_RATE
  }

  control(_level: number, seconds: number): void {
    this.#index = this.#voice.index * Math.exp(-seconds / this.#voice.indexDecay)
  }

  add(out: Float32Array, from: number, to: number, amplitude: number, step: number): void {
    const ratio = this.#voice.ratio
    for (let at = from; at < to; at++) {
      this.#phase += this.#step
      const value = Math.sin(this.#phase + this.#index * Math.sin(this.#phase * ratio))
      out[at] = (out[at] ?? 0) + value * (amplitude + step * (at - from))
    }
  }
}

class NoiseSource implements Source {
  readonly #filter = new Filter()
  readonly #random: () => number

  constructor(hz: number, resonance: number, random: () => number) {
    this.#random = random
    this.#filter.tune(hz, resonance)
  }

  control(): void {}

  add(out: Float32Array, from: number, to: number, amplitude: number, step: number): void {
    for (let at = from; at < to; at++) {
      this.#filter.push(this.#random() * 2 - 1)
      out[at] = (out[at] ?? 0) + this.#filter.band * (amplitude + step * (at - from))
    }
  }
}

/** A string of noise that loses its edge as it goes round (Karplus and Strong, 1983; tuned after Jaffe and Smith). */
function playPluck(out: Float32Array, note: Note, voice: PluckVoice, random: () => number): void {
  const period = SAMPLE_RATE / note.hz - voice.damping
  const size = Math.max(2, Math.floor(period - 0.1))
  const fraction = period - size
  const allpass = (1 - fraction) / (1 + fraction)
  const loss = 0.001 ** (1 / (note.hz * voice.decay))
  const string = Float32Array.from({ length: size }, () => random() * 2 - 1)
  const end = Math.min(out.length, note.start + Math.ceil(voice.decay * SAMPLE_RATE))
  let slot = 0
  let previous = 0
  let input = 0
  let output = 0
  for (let at = note.start; at < end; at++) {
    const value = string[slot] ?? 0
    out[at] = (out[at] ?? 0) + value * note.gain
    const soft = loss * (value * (1 - voice.damping) + previous * voice.damping)
    previous = value
    output = allpass * (soft - output) + input
    input = soft
    string[slot] = output
    slot = slot + 1 === size ? 0 : slot + 1
  }
}

/** Each mode is a resonator that rings at its ratio of the note and dies away in its own time. */
function playBell(out: Float32Array, note: Note, modes: BellVoice['modes']): void {
  for (const [ratio, gain, decay] of modes) {
    const step = (2 * Math.PI * note.hz * ratio) / SAMPLE_RATE
    if (step > 2.5) continue
    const loss = Math.exp(-1 / (decay * SAMPLE_RATE))
    const turn = 2 * loss * Math.cos(step)
    const end = Math.min(out.length, note.start + Math.ceil(5 * decay * SAMPLE_RATE))
    let before = 0
    let value = note.gain * gain * Math.sin(step)
    for (let at = note.start; at < end; at++) {
      out[at] = (out[at] ?? 0) + value
      const next = turn * value - loss * loss * before
      before = value
      value = next
    }
  }
}

/** A falling sine and a burst of filtered noise. */
function playDrum(out: Float32Array, note: Note, voice: DrumVoice, random: () => number): void {
  const bodyEnd = Math.min(out.length, note.start + Math.ceil(5 * voice.decay * SAMPLE_RATE))
  const bodyLoss = Math.exp(-1 / (voice.decay * SAMPLE_RATE))
  const fallLoss = Math.exp(-1 / (0.025 * SAMPLE_RATE))
  let body = note.gain * (1 - voice.noise)
  let fall = voice.fromHz - voice.toHz
  let phase = 0
  for (let at = note.start; at < bodyEnd; at++) {
    phase += (2 * Math.PI * (voice.toHz + fall)) / SAMPLE_RATE
    out[at] = (out[at] ?? 0) + body * Math.sin(phase)
    body *= bodyLoss
    fall *= fallLoss
  }
  const filter = new Filter()
  filter.tune(voice.noiseHz, 0.9)
  const noiseEnd = Math.min(out.length, note.start + Math.ceil(5 * voice.noiseDecay * SAMPLE_RATE))
  const noiseLoss = Math.exp(-1 / (voice.noiseDecay * SAMPLE_RATE))
  let noise = note.gain * voice.noise * 2
  for (let at = note.start; at < noiseEnd; at++) {
    filter.push(random() * 2 - 1)
    out[at] = (out[at] ?? 0) + noise * filter.band
    noise *= noiseLoss
  }
}

/** Two-pole state variable filter in trapezoidal form (Zavalishin, "The Art of VA Filter Design", chapter 4). */
class Filter {
  low = 0
  band = 0
  #first = 0
  #second = 0
  #g = 0
  #damping = 1
  #scale = 1

  /** `resonance` is the quality factor; 0.7 has no peak. */
  tune(hz: number, resonance: number): void {
    this.#g = Math.tan((Math.PI * Math.min(hz, 0.45 * SAMPLE_RATE)) / SAMPLE_RATE)
    this.#damping = 1 / resonance
    this.#scale = 1 / (1 + this.#g * (this.#g + this.#damping))
  }

  push(value: number): void {
    const band = (this.#first + this.#g * (value - this.#second)) * this.#scale
    const low = this.#second + this.#g * band
    this.#first = 2 * band - this.#first
    this.#second = 2 * low - this.#second
    this.band = band * this.#damping
    this.low = low
  }
}

function mix(
  track: Float32Array,
  left: Float32Array,
  right: Float32Array,
  toLeft: number,
  toRight: number,
): void {
  for (let at = 0; at < track.length; at++) {
    const value = track[at] ?? 0
    left[at] = (left[at] ?? 0) + value * toLeft
    right[at] = (right[at] ?? 0) + value * toRight
  }
}

function drive(side: Float32Array, amount: number): void {
  for (let at = 0; at < side.length; at++) {
    const value = (side[at] ?? 0) * amount
    side[at] = value / (1 + Math.abs(value))
  }
}

function crush(side: Float32Array, levels: number): void {
  for (let at = 0; at < side.length; at += 3) {
    side.fill(Math.round((side[at] ?? 0) * levels) / levels, at, at + 3)
  }
}

/** Repeats that change sides. */
function echo(left: Float32Array, right: Float32Array, amount: number, seconds: number): void {
  const delay = Math.round(seconds * SAMPLE_RATE)
  for (let at = delay; at < left.length; at++) {
    const fromLeft = left[at - delay] ?? 0
    left[at] = (left[at] ?? 0) + amount * (right[at - delay] ?? 0)
    right[at] = (right[at] ?? 0) + amount * fromLeft
  }
}

/** A hall of four delay lines that feed each other through a Householder matrix (Jot, 1991). */
function reverb(left: Float32Array, right: Float32Array, amount: number): void {
  const [a, b, c, d] = [1559, 1931, 2357, 2833].map((size) => new DelayLine(size))
  if (a === undefined || b === undefined || c === undefined || d === undefined) return
  for (let at = 0; at < left.length; at++) {
    const dryLeft = left[at] ?? 0
    const dryRight = right[at] ?? 0
    const half = (a.out + b.out + c.out + d.out) * 0.5
    left[at] = dryLeft + amount * (a.out + c.out)
    right[at] = dryRight + amount * (b.out + d.out)
    a.push(dryLeft * 0.5 + 0.86 * (a.out - half))
    b.push(dryRight * 0.5 + 0.84 * (b.out - half))
    c.push(dryRight * 0.5 + 0.82 * (c.out - half))
    d.push(dryLeft * 0.5 + 0.8 * (d.out - half))
  }
}

class DelayLine {
  out = 0
  readonly #line: Float32Array
  #at = 0

  constructor(size: number) {
    this.#line = new Float32Array(size)
  }

  /** Takes a sample in and moves on; `out` is then what went in `size` samples ago, a little duller. */
  push(value: number): void {
    this.#line[this.#at] = value
    this.#at = this.#at + 1 === this.#line.length ? 0 : this.#at + 1
    this.out = 0.65 * (this.#line[this.#at] ?? 0) + 0.35 * this.out
  }
}

/** Fades the end and brings the louder side to PEAK. */
function finish(left: Float32Array, right: Float32Array): void {
  const fade = Math.round(FADE_SECONDS * SAMPLE_RATE)
  let peak = 0
  for (let at = 0; at < left.length; at++) {
    const gain = Math.min(1, (left.length - 1 - at) / fade)
    left[at] = (left[at] ?? 0) * gain
    right[at] = (right[at] ?? 0) * gain
    peak = Math.max(peak, Math.abs(left[at] ?? 0), Math.abs(right[at] ?? 0))
  }
  if (peak === 0) return
  for (let at = 0; at < left.length; at++) {
    left[at] = ((left[at] ?? 0) * PEAK) / peak
    right[at] = ((right[at] ?? 0) * PEAK) / peak
  }
}
