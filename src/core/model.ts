import type { AudioSpec } from './audio.ts'

/** A model as the rest of the program sees it. */
export interface Model {
  /** Short name used in configuration and on the command line: "timbre". */
  readonly name: string
  /** Written into every row: "soundledger/timbre-1". */
  readonly modelId: string
  /** Lower-case hex SHA-256 over manifest and weights: a new digest makes all operations of the model due again. */
  readonly digest: string
  readonly dim: number
  readonly audio: AudioSpec
  readonly licence: string
  /** Folder that holds manifest.json and the weights. */
  readonly folder: string
}

/** One vector of a track: what it describes and its numbers (unit length). */
export interface Segment {
  readonly offsetSeconds: number
  readonly durationSeconds: number
  readonly embedding: Float32Array
}

/** The name that readers use for a model's vectors; an alias of one physical collection. */
export function collectionAlias(model: Pick<Model, 'name'>): string {
  return model.name === 'muq' ? 'embedding' : `${model.name}_embedding`
}

/** The collection that holds the vectors of exactly this model identity. */
export function collectionName(model: Pick<Model, 'name' | 'digest'>): string {
  return `${collectionAlias(model)}__${model.digest.slice(0, 8)}`
}
