import type { Inspection } from '../../src/core/audio.ts'
import type { Decision } from '../../src/core/decision.ts'
import { describeCause, PermanentError } from '../../src/core/errors.ts'
import { Events } from '../../src/core/events.ts'
import { collectionName, type Model } from '../../src/core/model.ts'
import { PRIORITY, type TrackJob } from '../../src/core/operation.ts'
import { displayName, publicId, type SnapshotRow } from '../../src/core/track.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { processTracks, type TrackPorts } from '../../src/process-track.ts'
import { type RowidRange, reconcile, reconcileRows } from '../../src/reconcile/pass.ts'
import type { TrackVectors } from '../../src/vectors/store.ts'

export const MODEL: Model = {
  name: 'toy',
  modelId: 'test/toy',
  digest: '00000000aaaa',
  dim: 1,
  audio: { sampleRate: 8000, channels: 1, windowSeconds: 1, hopSeconds: 1 },
  licence: 'MIT',
  folder: '/toy',
}

/** A file of the naive world: what it sounds like is a number. */
export interface Song {
  id: string
  /** Where the library's table keeps it. */
  rowid: number
  path: string
  sound: number
  title: string
  size: number
  mtime: bigint
  alive: boolean
}

/** The library as it really is, with the operations people and servers do to it. */
export class World {
  readonly songs: Song[] = []
  /** `folders`: rows without ids and names, and what is gone leaves no row. */
  readonly kind: 'navidrome' | 'folders'
  /** Whether deleted songs stay in the library as missing rows. */
  keepsMissingRows = true
  #clock = 1_700_000_000_000_000_000n
  #nextId = 0
  #nextSound = 0

  constructor(kind: 'navidrome' | 'folders') {
    this.kind = kind
  }

  alive(): Song[] {
    return this.songs.filter(({ alive }) => alive)
  }

  freshId(): string {
    this.#nextId += 1
    return `id${this.#nextId}`
  }

  freshSound(): number {
    this.#nextSound += 1
    return this.#nextSound
  }

  later(): bigint {
    this.#clock += 1_000_000_001n
    return this.#clock
  }

  add(folder: string, sound = this.freshSound()): Song {
    const id = this.freshId()
    const song = {
      id,
      rowid: this.songs.length + 1,
      path: `/music/${folder}/${id}.flac`,
      sound,
      title: id,
      size: 1000 + sound,
      mtime: this.later(),
      alive: true,
    }
    this.songs.push(song)
    return song
  }

  rows(): SnapshotRow[] {
    const shown = this.kind === 'folders' || !this.keepsMissingRows ? this.alive() : this.songs
    return shown.map(({ id, rowid, path, title, size, mtime, alive }) => ({
      libraryId: this.kind === 'folders' ? null : id,
      libraryRowid: this.kind === 'folders' ? null : rowid,
      path,
      available: alive,
      settled: true,
      file: alive ? { sizeBytes: size, mtimeNs: mtime } : null,
      attributes: this.kind === 'folders' ? null : { artist: 'A', title, album: 'B', durationSeconds: 60 },
    }))
  }
}

/** Ledger, reconciler and job of soundledger around a naive store and naive audio, in one thread, step by step. */
export class Bench {
  readonly rows = new Map<string, TrackVectors>()
  readonly computed: number[] = []
  readonly events = new Events()
  now = 1_800_000_000_000
  readonly #world: World
  readonly #ledger: Ledger
  #lastRows = new Map<number, string>()
  readonly #ports: TrackPorts

  constructor(world: World, ledger: Ledger) {
    this.#world = world
    this.#ledger = ledger
    this.#ports = this.#makePorts()
  }

  /** A full pass over the world, then all work that is due. */
  async converge(): Promise<void> {
    await this.pass()
    await this.work()
  }

  async pass(): Promise<void> {
    this.#changedRowids()
    await reconcile(this.#source(), this.#ledger.lookups, (decisions) => this.#apply(decisions))
  }

  /** A pass over the table's rows that changed since the last pass alone, as if a write-ahead log had told which. */
  async hintedPass(): Promise<void> {
    const ranges = this.#changedRowids().map((rowid) => ({ first: rowid, last: rowid }))
    await reconcileRows(this.#source(), this.#ledger.lookups, ranges, (decisions) => this.#apply(decisions))
  }

  #source() {
    const world = this.#world
    return {
      version: () => '',
      scanning: () => false,
      snapshot: function* ({ rowids }: { rowids?: RowidRange } = {}) {
        const { first, last } = rowids ?? { first: 0, last: Number.MAX_SAFE_INTEGER }
        const rows = world.rows().filter(({ libraryRowid: at }) => at === null || (at >= first && at <= last))
        for (let from = 0; from < rows.length; from += 3) yield rows.slice(from, from + 3)
      },
      unreadable: () => [],
      isAvailable: (id: string) =>
        world.kind === 'navidrome' && world.songs.some((song) => song.id === id && song.alive),
    }
  }

  async #apply(decisions: readonly Decision[]): Promise<void> {
    this.#ledger.changes.apply(decisions, PRIORITY.backlog, this.now)
  }

  #changedRowids(): number[] {
    const text = (row: SnapshotRow): string =>
      JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? `${value}` : value))
    const now = new Map(this.#world.rows().map((row) => [row.libraryRowid ?? 0, text(row)]))
    const changed = [...new Set([...now.keys(), ...this.#lastRows.keys()])].filter(
      (at) => now.get(at) !== this.#lastRows.get(at),
    )
    this.#lastRows = now
    return changed.sort((a, b) => a - b)
  }

  async work(): Promise<void> {
    const signal = new AbortController().signal
    for (let rounds = 0; rounds < 1000; rounds += 1) {
      const due = this.#ledger.backlog.due(this.now, 1)
      if (due.length === 0) return
      await processTracks(
        due.map(({ id }) => id),
        this.#ports,
        signal,
      )
    }
    throw new Error('the backlog never ends')
  }

  #makePorts(): TrackPorts {
    const { rows, computed } = this
    const collection = collectionName(MODEL)
    const songAt = (path: string): Song => {
      const song = this.#world.alive().find((each) => each.path === path)
      if (song === undefined)
        throw new PermanentError({ operation: 'open', subject: path, message: 'no such file' })
      return song
    }
    const { results, backlog } = this.#ledger
    return {
      models: [MODEL],
      readTags: this.#world.kind === 'folders',
      ledger: { ...backlog, ...results },
      audio: {
        inspect: async (path, { tags }): Promise<Inspection> => {
          const { size, mtime, sound, title } = songAt(path)
          const attributes = tags ? { artist: 'A', title, album: 'B', durationSeconds: 60 } : null
          const file = { sizeBytes: size, mtimeNs: mtime }
          return { file, fingerprint: `sound ${sound}`, durationSeconds: 60, codec: 'flac', attributes }
        },
        decode: async (path) => {
          const { sound } = songAt(path)
          const output = { spec: MODEL.audio, file: String(sound), samples: 1, windows: [] }
          return { durationSeconds: 60, outputs: [output], release: async () => {} }
        },
      },
      embedder: {
        embed: async (_model, audio) => {
          computed.push(Number(audio.file))
          return [{ offsetSeconds: 0, durationSeconds: 60, embedding: Float32Array.of(Number(audio.file)) }]
        },
      },
      writer: {
        write: async (trackId, model, vectors, how) => {
          const operation = {
            trackId,
            model: model.name,
            fingerprint: vectors.fingerprint,
            digest: model.digest,
            how,
          }
          results.intend([operation], this.now)
          rows.set(vectors.key, vectors)
          results.written([operation], this.now)
        },
        publish: async (jobs: readonly TrackJob[]) => {
          for (const { track } of jobs) {
            const row = rows.get(track.key)
            const attributes = { trackId: publicId(track), name: displayName(track.attributes) }
            if (row !== undefined)
              rows.set(track.key, { ...row, ...attributes, available: track.state === 'present' })
          }
          results.published(jobs, jobs.length, this.now)
        },
        remove: async (jobs: readonly TrackJob[]) => {
          for (const { track } of jobs) rows.delete(track.key)
          results.removed(jobs, this.now)
        },
        get: async (name, key) => (name === collection ? (rows.get(key) ?? null) : null),
      },
      events: this.events,
      now: () => this.now,
      describe: describeCause,
    }
  }
}
