import type { AudioFormat } from './encode.ts'
import type {
  BellVoice,
  DrumVoice,
  FmVoice,
  Layer,
  NoiseVoice,
  PluckVoice,
  Score,
  Voice,
  WaveVoice,
} from './synth.ts'

/** A score under the name that people know it by. */
export interface Piece extends Score {
  readonly artist: string
  readonly album: string
  readonly track: number
  /** Unique in the demo library: pieces are known by it. */
  readonly title: string
  readonly genre: string
  readonly date: string
  readonly format: AudioFormat
}

/** The same rendering once more, changed without changing what it sounds like. */
export interface Variant {
  /** Title of the piece. */
  readonly of: string
  readonly suffix: string
  readonly track: number
  readonly format: AudioFormat
  readonly bitRate?: number
  readonly gainDecibel?: number
  /** Taken away at both ends. */
  readonly trimSeconds?: number
}

const MAJOR = [0, 2, 4, 5, 7, 9, 11]
const MINOR = [0, 2, 3, 5, 7, 8, 10]
const HARMONIC_MINOR = [0, 2, 3, 5, 7, 8, 11]
const DORIAN = [0, 2, 3, 5, 7, 9, 10]
const PHRYGIAN = [0, 1, 3, 5, 7, 8, 10]
const PENTATONIC = [0, 2, 4, 7, 9]
const WHOLE_TONE = [0, 2, 4, 6, 8, 10]
const SLENDRO = [0, 2.4, 4.8, 7.2, 9.6]

const saw = (n: number) => 1 / n
const square = (n: number) => (n % 2 === 1 ? 1 / n : 0)
const triangle = (n: number) => (n % 2 === 1 ? 1 / (n * n) : 0)
const reed = (n: number) => Math.exp(-(((n - 5) / 4) ** 2))
const sine = (n: number) => (n === 1 ? 1 : 0)
const drawbars = (n: number) => [1, 0.9, 0.7, 0.6, 0, 0.4, 0, 0.5][n - 1] ?? 0
/** Harmonics under the resonances of a mouth that sings "ah". */
function vowel(n: number, hz: number): number {
  const bump = (centre: number, width: number) => Math.exp(-(((n * hz - centre) / width) ** 2))
  return (bump(700, 150) + 0.6 * bump(1150, 180) + 0.25 * bump(2700, 300) + 0.08) / Math.sqrt(n)
}

type Rest<T extends Voice> = Omit<Partial<T>, 'kind'>

function wave(
  partial: WaveVoice['partial'],
  attack: number,
  release: number,
  rest: Rest<WaveVoice> = {},
): WaveVoice {
  return { kind: 'wave', partial, attack, release, ...rest }
}

const pad = wave(saw, 1.2, 0.8, { cutoffHz: 500, sweep: 1.4, detuneCents: 9 })
const glass = wave(sine, 0.9, 1, { vibrato: 0.003, detuneCents: 4 })
const lead = wave(square, 0.004, 0.03, { decay: 0.2, sustain: 0.5 })
const chip = wave(triangle, 0.003, 0.01)
const acid = wave(saw, 0.003, 0.04, { decay: 0.12, sustain: 0.2, cutoffHz: 240, sweep: 9, resonance: 5 })
const sub = wave(triangle, 0.01, 0.08, { decay: 0.5, sustain: 0.6, cutoffHz: 220 })
const horn = { cutoffHz: 500, sweep: 5, detuneCents: 5, vibrato: 0.003 }
const brass = wave(saw, 0.06, 0.08, { decay: 0.3, sustain: 0.8, ...horn })
const strings = wave(saw, 0.25, 0.25, { cutoffHz: 1800, detuneCents: 8, vibrato: 0.004 })
const accordion = wave(reed, 0.04, 0.06, { detuneCents: 12 })
const organ = wave(drawbars, 0.01, 0.03)
const choir = wave(vowel, 0.35, 0.4, { vibrato: 0.006, detuneCents: 11 })
const flute = wave((n) => 1 / n ** 3, 0.07, 0.1, { vibrato: 0.008 })

/** A struck sound that dies away in `decay`. */
function struck(ratio: number, index: number, indexDecay: number, decay: number, release: number): FmVoice {
  return { kind: 'fm', ratio, index, indexDecay, attack: 0.003, decay, sustain: 0, release }
}

const piano = struck(1, 2.2, 0.35, 0.9, 0.15)
const tines = struck(14, 0.5, 0.12, 1.2, 0.2)
const clang = struck(2.76, 7, 0.5, 0.4, 0.2)
const stab = struck(2, 3.5, 0.08, 0.14, 0.05)
const slap = struck(1, 4, 0.06, 0.25, 0.04)

const steel: PluckVoice = { kind: 'pluck', damping: 0.12, decay: 3 }
const nylon: PluckVoice = { kind: 'pluck', damping: 0.4, decay: 2.5 }
const banjo: PluckVoice = { kind: 'pluck', damping: 0.05, decay: 0.7 }

const bell = (...modes: BellVoice['modes']): BellVoice => ({ kind: 'bell', modes })
const bronze = bell([0.5, 0.5, 2.5], [1, 0.7, 1.8], [1.19, 0.5, 1.3], [2, 0.6, 0.9], [2.74, 0.35, 0.5])
const comb = bell([1, 1, 0.5], [5.95, 0.25, 0.12], [9.7, 0.1, 0.05])
const wood = bell([1, 1, 0.16], [3.93, 0.35, 0.05], [9.2, 0.15, 0.02])
const metallophone = bell([1, 1, 0.8], [1.012, 0.8, 0.8], [2.71, 0.4, 0.3], [5.15, 0.2, 0.12])

const wind: NoiseVoice = { kind: 'noise', ratio: 4, resonance: 3, attack: 0.8, release: 0.8 }
const puff = { attack: 0.01, decay: 0.1, sustain: 0.3, release: 0.08 }
const steam: NoiseVoice = { kind: 'noise', ratio: 24, resonance: 1.2, ...puff }
const tick = { attack: 0.002, decay: 0.03, sustain: 0, release: 0.02 }
const hiss: NoiseVoice = { kind: 'noise', ratio: 60, resonance: 0.8, ...tick }

function drum(
  fromHz: number,
  toHz: number,
  decay: number,
  noise: number,
  noiseHz: number,
  noiseDecay: number,
): DrumVoice {
  return { kind: 'drum', fromHz, toHz, decay, noise, noiseHz, noiseDecay }
}

const kick = drum(190, 48, 0.16, 0.05, 2500, 0.01)
const snare = drum(260, 180, 0.08, 0.6, 2600, 0.09)
const hat = drum(400, 400, 0.01, 0.98, 9000, 0.03)
const openHat = drum(400, 400, 0.01, 0.98, 8000, 0.16)
const clap = drum(300, 300, 0.01, 0.95, 1500, 0.08)
const lowTom = drum(150, 82, 0.25, 0.1, 900, 0.03)
const highTom = drum(260, 150, 0.2, 0.1, 1500, 0.03)
const anvil = drum(900, 870, 0.12, 0.45, 5000, 0.12)

type Named = Pick<Piece, 'title' | 'genre' | 'format' | 'seconds' | 'seed'>
type Unpublished = Omit<Piece, 'artist' | 'album' | 'date' | 'track'>

function piece(
  name: Named,
  music: Omit<Score, 'seconds' | 'seed' | 'layers'>,
  layers: readonly Layer[],
): Unpublished {
  return { ...name, ...music, layers }
}

function album(artist: string, title: string, date: string, pieces: readonly Unpublished[]): Piece[] {
  return pieces.map((each, index) => ({ ...each, artist, album: title, date, track: index + 1 }))
}

/** The distinct pieces of the demo library, album by album; the one without layers is silent. */
export const PIECES: readonly Piece[] = [
  ...album('Halden Ferry', 'Night Crossings', '2019', [
    piece(
      { title: 'Night Ferry', genre: 'Ambient', format: 'flac', seconds: 30, seed: 11 },
      { tempo: 66, meter: 4, root: 57, scale: MINOR, chords: [0, 5, 2, 6], form: 'AB', reverb: 0.5 },
      [
        { voice: pad, steps: 'x', hold: 0.9, octave: -1, gain: 0.5, chord: [0, 2, 4, 8] },
        { voice: glass, steps: '?.?.', hold: 1.5, octave: 1, gain: 0.3, pan: 0.4 },
        { voice: wind, steps: 'x', chord: [0], octave: 0, gain: 0.3, pan: -0.4, sections: 'B' },
      ],
    ),
    piece(
      { title: 'Harbour Glass', genre: 'Drone', format: 'opus', seconds: 24, seed: 12 },
      { tempo: 60, meter: 4, root: 38, scale: PHRYGIAN, chords: [0], form: 'A', reverb: 0.3, drive: 3 },
      [
        { voice: { ...pad, attack: 2, cutoffHz: 260 }, steps: 'x|.', hold: 2, chord: [0, 4, 7], gain: 0.7 },
        { voice: accordion, steps: 'o|.|.', hold: 2.8, octave: 1, chord: [0, 1], gain: 0.12, pan: -0.5 },
      ],
    ),
    piece(
      { title: 'Fog, No Wind', genre: 'Silence', format: 'flac', seconds: 20, seed: 13 },
      { tempo: 60, meter: 4, root: 57, scale: MINOR, chords: [0], form: 'A' },
      [],
    ),
  ]),
  ...album('Bitvale', 'Sixteen Colours', '2021', [
    piece(
      { title: 'Pixel Meadow', genre: 'Chiptune', format: 'ogg', seconds: 23, seed: 21 },
      { tempo: 150, meter: 4, root: 60, scale: MAJOR, chords: [0, 4, 5, 3], form: 'AABA', crush: 12 },
      [
        { voice: lead, steps: '0.24.4?.?.4.7.2.', octave: 1, gain: 0.3 },
        { voice: lead, steps: '0247024702470247', octave: 0, gain: 0.14, sections: 'B' },
        { voice: chip, steps: '0.0.7.0.0.0.7.4.', octave: -1, gain: 0.5 },
        { voice: hat, steps: 'x.xox.xox.xox.xx', gain: 0.18 },
      ],
    ),
    piece(
      { title: 'The Boss in the Attic', genre: 'Synthwave', format: 'mp3', seconds: 24, seed: 22 },
      {
        tempo: 104,
        meter: 4,
        root: 52,
        scale: MINOR,
        chords: [0, 0, 5, 6],
        form: 'AAB',
        reverb: 0.15,
        drive: 1.5,
      },
      [
        { voice: { ...acid, resonance: 1.5, decay: 0.3 }, steps: '0000000700000070', octave: -1, gain: 0.5 },
        { voice: strings, steps: 'x', octave: 1, gain: 0.28 },
        { voice: brass, steps: '4.......7...6...', hold: 5, octave: 1, gain: 0.22, sections: 'B' },
        { voice: kick, steps: 'x...x...x...x...', gain: 0.8 },
        { voice: snare, steps: '....x.......x...', gain: 0.6 },
      ],
    ),
  ]),
  ...album('Modul Süd', 'Hallenlicht', '2016', [
    piece(
      { title: 'Kranbahn', genre: 'Techno', format: 'mp3', seconds: 29, seed: 31 },
      {
        tempo: 132,
        meter: 4,
        root: 45,
        scale: PHRYGIAN,
        chords: [0],
        form: 'AABB',
        reverb: 0.08,
        drive: 1.6,
      },
      [
        { voice: kick, steps: 'x...x...x...x...', gain: 1 },
        { voice: acid, steps: '0.0301.00.7010.3', octave: -1, gain: 0.4 },
        { voice: openHat, steps: '..x...x...x...x.', gain: 0.3 },
        { voice: clap, steps: '....x.......x...', gain: 0.4, sections: 'B' },
        { voice: stab, steps: '...x..x......x..', gain: 0.22, pan: 0.3 },
      ],
    ),
    piece(
      { title: 'Schichtwechsel', genre: 'Industrial', format: 'm4a', seconds: 22, seed: 32 },
      { tempo: 96, meter: 4, root: 40, scale: PHRYGIAN, chords: [0, 1], form: 'AB', reverb: 0.2, drive: 7 },
      [
        { voice: steam, steps: 'x..x..x.x.x...xx', octave: 0, chord: [0, 4], gain: 0.5 },
        { voice: anvil, steps: 'x.....x...x.x...', gain: 0.5, pan: 0.3 },
        { voice: clang, steps: '0...1.......4...', hold: 3, gain: 0.3 },
        { voice: lowTom, steps: 'x.x...x.x.x...x.', gain: 0.9 },
      ],
    ),
  ]),
  ...album('Mirelle Oduya', 'Parlour Hours', '2008', [
    piece(
      { title: 'Waltz for a Closed Shop', genre: 'Waltz', format: 'm4a', seconds: 30, seed: 41 },
      {
        tempo: 138,
        meter: 3,
        root: 62,
        scale: HARMONIC_MINOR,
        chords: [0, 3, 4, 0, 5, 3, 4, 4],
        form: 'AABB',
        reverb: 0.18,
      },
      [
        { voice: piano, steps: '0..', hold: 2, octave: -2, gain: 0.5, pan: -0.3 },
        { voice: piano, steps: '.xx', octave: -1, gain: 0.35, pan: -0.1 },
        { voice: piano, steps: '7.?.?.|4.....|?.?.7.|2...1.', hold: 2, octave: 0, gain: 0.5, pan: 0.3 },
      ],
    ),
    piece(
      { title: 'Slow Lamp', genre: 'Soul Jazz', format: 'flac', seconds: 22, seed: 42 },
      {
        tempo: 76,
        meter: 4,
        root: 58,
        scale: DORIAN,
        chords: [0, 3, 6, 2],
        form: 'AB',
        reverb: 0.12,
        echo: 0.15,
      },
      [
        { voice: tines, steps: 'x.....o.', hold: 5, chord: [0, 2, 4, 6], gain: 0.5 },
        { voice: tines, steps: '.?.??.?.', hold: 2, octave: 1, gain: 0.3, pan: 0.3 },
        { voice: sub, steps: '0..0..4.', octave: -2, gain: 0.6 },
        { voice: hat, steps: '..x...x.', gain: 0.12 },
      ],
    ),
  ]),
  ...album('Tarn & Wether', 'Hedgerow', '2012', [
    piece(
      { title: "The Tinker's Gate", genre: 'Folk', format: 'opus', seconds: 25, seed: 51 },
      { tempo: 112, meter: 4, root: 55, scale: MAJOR, chords: [0, 3, 0, 4], form: 'AABB', reverb: 0.1 },
      [
        { voice: steel, steps: '0.4.7.4.0.4.7.9.', hold: 4, octave: -1, gain: 0.5, pan: -0.3 },
        { voice: steel, steps: '7.?.?.?.7...?.4.', hold: 4, octave: 0, gain: 0.45, pan: 0.3 },
      ],
    ),
    piece(
      { title: 'Rain on Slate', genre: 'Harp', format: 'ogg', seconds: 24, seed: 52 },
      { tempo: 72, meter: 4, root: 60, scale: PENTATONIC, chords: [0, 3, 1, 2], form: 'AB', reverb: 0.35 },
      [
        { voice: nylon, steps: '0123456789876543', octave: 0, gain: 0.4 },
        { voice: nylon, steps: 'x', octave: -1, gain: 0.5, sections: 'B' },
      ],
    ),
  ]),
  ...album('Kettle Dub Collective', 'Low Tide', '2014', [
    piece(
      { title: 'Undertow Version', genre: 'Dub', format: 'mp3', seconds: 23, seed: 61 },
      {
        tempo: 72,
        meter: 4,
        root: 45,
        scale: DORIAN,
        chords: [0, 0, 3, 0],
        form: 'AAB',
        reverb: 0.15,
        echo: 0.35,
      },
      [
        { voice: sub, steps: '0..0.2..4...2.0.', hold: 2, octave: -1, gain: 1 },
        { voice: organ, steps: '....x.......x...', octave: 1, gain: 0.16, pan: -0.4 },
        { voice: snare, steps: '........x.......', gain: 0.35 },
        { voice: kick, steps: '........x.......', gain: 0.7 },
        { voice: accordion, steps: '4.?.2.......?...', hold: 2, octave: 1, gain: 0.1, sections: 'B' },
      ],
    ),
  ]),
  ...album('Ostheim Tower Brass', 'Open Windows', '1998', [
    piece(
      { title: 'Market Day Fanfare', genre: 'Brass', format: 'flac', seconds: 21, seed: 71 },
      { tempo: 116, meter: 4, root: 58, scale: MAJOR, chords: [0, 0, 3, 4], form: 'AB', reverb: 0.3 },
      [
        { voice: brass, steps: 'x..xx.x.x...x...', hold: 1.6, gain: 0.5 },
        { voice: brass, steps: '4..44.7.9...7...', hold: 1.6, octave: 0, gain: 0.4, pan: 0.4 },
        {
          voice: { ...brass, cutoffHz: 250 },
          steps: '0.......0.......',
          hold: 6,
          octave: -2,
          gain: 0.5,
          pan: -0.3,
        },
        { voice: snare, steps: 'x.xxx.x.x.xxx.xx', gain: 0.16, sections: 'B' },
      ],
    ),
  ]),
  ...album('Sela Voss', 'Bronze and Brass Wire', '2003', [
    piece(
      { title: 'Seven Bells', genre: 'Bells', format: 'ogg', seconds: 24, seed: 81 },
      { tempo: 84, meter: 4, root: 53, scale: MAJOR, chords: [0], form: 'A', reverb: 0.3 },
      [{ voice: bronze, steps: '6.5.4.3.|2.1.0.0.|4.6.2.5.|3.1.0...', gain: 0.5 }],
    ),
    piece(
      { title: "The Clockmaker's Daughter", genre: 'Music Box', format: 'opus', seconds: 22, seed: 82 },
      {
        tempo: 126,
        meter: 3,
        root: 72,
        scale: MAJOR,
        chords: [0, 4, 5, 2, 3, 0, 3, 4],
        form: 'AB',
        reverb: 0.12,
      },
      [
        { voice: comb, steps: '024242', octave: 0, gain: 0.3 },
        { voice: comb, steps: '7.?.?.|4.?.2.', octave: 1, gain: 0.5 },
      ],
    ),
    piece(
      { title: 'Courtyard, Slow Gongs', genre: 'Metallophone', format: 'm4a', seconds: 23, seed: 83 },
      { tempo: 88, meter: 4, root: 62, scale: SLENDRO, chords: [0, 2], form: 'AB', reverb: 0.2 },
      [
        { voice: metallophone, steps: '0202313142420201', octave: 0, gain: 0.35, pan: 0.3 },
        { voice: metallophone, steps: '0...2...4...1...', octave: -1, gain: 0.5, pan: -0.3 },
        { voice: { ...bronze }, steps: '0.......', octave: -2, gain: 0.5 },
      ],
    ),
  ]),
  ...album('Coro Lumen', 'Vespers for Nobody', '2011', [
    piece(
      { title: 'Lux in Scala', genre: 'Choral', format: 'flac', seconds: 25, seed: 91 },
      {
        tempo: 58,
        meter: 4,
        root: 57,
        scale: DORIAN,
        chords: [0, 3, 4, 0, 5, 3, 6, 0],
        form: 'AB',
        reverb: 0.45,
      },
      [
        { voice: choir, steps: 'x.', hold: 1.7, gain: 0.5, chord: [0, 2, 4, 7] },
        { voice: choir, steps: '?.??', hold: 1, octave: 1, gain: 0.22, pan: 0.3 },
        { voice: choir, steps: '0', hold: 0.9, octave: -1, gain: 0.4, pan: -0.3 },
      ],
    ),
  ]),
  ...album('The Paper Organs', 'Pull All Stops', '1987', [
    piece(
      { title: 'Paper Toccata', genre: 'Organ', format: 'mp3', seconds: 22, seed: 101 },
      {
        tempo: 120,
        meter: 4,
        root: 62,
        scale: HARMONIC_MINOR,
        chords: [0, 3, 4, 0],
        form: 'AABA',
        reverb: 0.35,
      },
      [
        { voice: organ, steps: '7676543232101210', octave: 0, gain: 0.3 },
        { voice: organ, steps: '0.......', hold: 8, octave: -2, gain: 0.4 },
        { voice: organ, steps: 'x...x...', hold: 3.5, octave: -1, gain: 0.25, sections: 'B' },
      ],
    ),
  ]),
  ...album('Tomas Okwe', 'Skins', '2017', [
    piece(
      { title: 'Four Hands, One Room', genre: 'Percussion', format: 'ogg', seconds: 23, seed: 111 },
      { tempo: 108, meter: 4, root: 60, scale: MAJOR, chords: [0], form: 'AB', reverb: 0.08 },
      [
        { voice: lowTom, steps: 'x..x..x.x..xx.x.', gain: 0.9, pan: -0.4 },
        { voice: highTom, steps: '.xo.xo.x.xo..x.o', gain: 0.6, pan: 0.4 },
        { voice: snare, steps: '....x..o....x.oo', gain: 0.4 },
        { voice: kick, steps: 'x.....x.x.......', gain: 0.8, sections: 'B' },
        { voice: hat, steps: 'xoxoxoxoxoxoxoxo', gain: 0.2 },
      ],
    ),
    piece(
      { title: 'Mallet Parade', genre: 'Marimba', format: 'opus', seconds: 21, seed: 112 },
      { tempo: 140, meter: 4, root: 60, scale: WHOLE_TONE, chords: [0, 2, 1, 3], form: 'AB', reverb: 0.06 },
      [
        { voice: wood, steps: '0.2.3.2.5.3.2.3.', octave: 0, gain: 0.6, pan: -0.3 },
        { voice: wood, steps: '.?.?.??.?.?.?.??', octave: 1, gain: 0.4, pan: 0.3 },
      ],
    ),
  ]),
  ...album('Nightjar Motel', 'Gravel Songs', '2005', [
    piece(
      { title: 'Porch Gallop', genre: 'Bluegrass', format: 'm4a', seconds: 21, seed: 121 },
      { tempo: 152, meter: 4, root: 55, scale: PENTATONIC, chords: [0, 0, 3, 0], form: 'AAB' },
      [
        { voice: banjo, steps: '0?4?0?5?', octave: 1, gain: 0.6, pan: 0.2 },
        { voice: steel, steps: '0.x.0.x.', octave: -1, gain: 0.3, pan: -0.3 },
        { voice: slap, steps: '0...3...', octave: -2, gain: 0.4 },
      ],
    ),
    piece(
      { title: 'Rooftop Static', genre: 'Noise', format: 'flac', seconds: 20, seed: 122 },
      { tempo: 60, meter: 4, root: 48, scale: MAJOR, chords: [0, 2, 4], form: 'AB', reverb: 0.1 },
      [
        { voice: { ...wind, ratio: 12, resonance: 0.6 }, steps: 'x', chord: [0], gain: 0.6, pan: -0.3 },
        { voice: hiss, steps: '0..0.0....0.00..', gain: 0.9, pan: 0.4 },
        { voice: { ...steam, ratio: 40 }, steps: '0.|.0', gain: 0.4 },
      ],
    ),
  ]),
  ...album('Orquesta del Muelle', 'Canal Street, 4 a.m.', '1994', [
    piece(
      { title: 'Canal Tango', genre: 'Tango', format: 'mp3', seconds: 22, seed: 131 },
      {
        tempo: 118,
        meter: 4,
        root: 57,
        scale: HARMONIC_MINOR,
        chords: [0, 0, 4, 0, 3, 0, 4, 0],
        form: 'AB',
        reverb: 0.15,
      },
      [
        { voice: accordion, steps: '?..?.?..|4...?...', hold: 1.5, octave: 0, gain: 0.4, pan: 0.2 },
        { voice: strings, steps: 'x.x.x.x.', hold: 0.5, octave: -1, gain: 0.3, pan: -0.3 },
        { voice: slap, steps: '0.0.0.00', octave: -2, gain: 0.4 },
      ],
    ),
  ]),
  ...album('Zoë Åkerlund', 'Été à Malmö'.normalize('NFD'), '2015', [
    piece(
      { title: 'Café Frédéric 🎷'.normalize('NFD'), genre: 'Lounge', format: 'm4a', seconds: 22, seed: 141 },
      { tempo: 94, meter: 4, root: 63, scale: MAJOR, chords: [0, 5, 1, 4], form: 'AB', reverb: 0.2 },
      [
        { voice: flute, steps: '4.?.?..?|7...?.2.', hold: 1.6, octave: 0, gain: 0.5, pan: 0.2 },
        { voice: nylon, steps: 'x.ox.o.x', octave: -1, chord: [0, 2, 4, 6], gain: 0.35, pan: -0.2 },
        { voice: sub, steps: '0..40..4', octave: -2, gain: 0.6 },
        { voice: hiss, steps: '0.00.00.', octave: 0, gain: 0.1 },
      ],
    ),
  ]),
  ...album('夜の舟', '„Kanäle“ & ‘Wege’', '2022', [
    piece(
      { title: "שיר ערש 'もう一度' “encore”", genre: 'Lullaby', format: 'opus', seconds: 23, seed: 151 },
      { tempo: 62, meter: 3, root: 65, scale: PENTATONIC, chords: [0, 2, 1], form: 'AB', reverb: 0.4 },
      [
        { voice: { ...flute, vibrato: 0.012 }, steps: '?.?|?..', hold: 1.8, octave: 0, gain: 0.5 },
        { voice: glass, steps: 'x', octave: -1, gain: 0.35 },
        { voice: comb, steps: '0.4.2.', octave: 1, gain: 0.15, pan: 0.4 },
      ],
    ),
  ]),
]

/** Three pieces in three versions each, to see that they are found as each other's nearest neighbours. */
export const VARIANTS: readonly Variant[] = [
  { of: 'Night Ferry', suffix: 'radio edit', track: 11, format: 'ogg', trimSeconds: 3.3 },
  { of: 'Night Ferry', suffix: 'quiet master', track: 12, format: 'flac', gainDecibel: -9 },
  { of: 'Night Ferry', suffix: '64 kbit/s', track: 13, format: 'mp3', bitRate: 64_000 },
  { of: 'Kranbahn', suffix: 'radio edit', track: 11, format: 'opus', trimSeconds: 3.3 },
  { of: 'Kranbahn', suffix: 'quiet master', track: 12, format: 'flac', gainDecibel: -9 },
  { of: 'Kranbahn', suffix: '64 kbit/s', track: 13, format: 'm4a', bitRate: 64_000 },
  { of: 'Waltz for a Closed Shop', suffix: 'radio edit', track: 11, format: 'mp3', trimSeconds: 3.3 },
  { of: 'Waltz for a Closed Shop', suffix: 'quiet master', track: 12, format: 'ogg', gainDecibel: -9 },
  { of: 'Waltz for a Closed Shop', suffix: '64 kbit/s', track: 13, format: 'opus', bitRate: 64_000 },
]
